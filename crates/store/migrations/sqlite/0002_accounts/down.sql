DROP TABLE store_identity;
DROP TABLE counters;
DROP TABLE password_history;
DROP TABLE password_resets;
DROP TABLE audit_exports;
DROP INDEX audit__user_id__time__id;
ALTER TABLE audit DROP COLUMN address;
