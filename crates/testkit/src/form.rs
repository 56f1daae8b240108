//! Questions whose answers say what form a database has, one line a fact: both databases must answer alike.

/// For SQLite: columns, foreign keys, indexes.
pub const SQLITE: &[&str] = &[
    "SELECT 'column ' || t.name || '.' || c.name || ' ' || CASE c.type WHEN 'INTEGER' THEN 'number' ELSE lower(c.type) END \
       || CASE WHEN c.\"notnull\" OR c.pk > 0 THEN ' not null' ELSE '' END || CASE WHEN c.pk > 0 THEN ' key' || c.pk ELSE '' END \
     FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE '\\_\\_%' ESCAPE '\\' \
       AND t.name NOT LIKE 'sqlite%'",
    "SELECT 'foreign ' || t.name || '.' || f.\"from\" || ' ' || f.\"table\" || ' ' || lower(f.on_delete) \
     FROM sqlite_master t, pragma_foreign_key_list(t.name) f WHERE t.type = 'table'",
    "SELECT 'index ' || t.name || ' ' || i.name || CASE WHEN i.\"unique\" THEN ' unique' ELSE '' END \
       || CASE WHEN i.partial THEN ' partial' ELSE '' END || ' ' \
       || (SELECT group_concat(x.name || CASE WHEN x.\"desc\" THEN ' desc' ELSE '' END, ',') FROM pragma_index_xinfo(i.name) x WHERE x.key) \
     FROM sqlite_master t, pragma_index_list(t.name) i WHERE t.type = 'table' AND i.origin = 'c'",
];

/// The same for PostgreSQL.
pub const POSTGRES: &[&str] = &[
    "SELECT 'column ' || c.table_name || '.' || c.column_name || ' ' \
       || CASE WHEN c.data_type IN ('bigint', 'integer', 'boolean') THEN 'number' WHEN c.data_type = 'bytea' THEN 'blob' \
          ELSE c.data_type END \
       || CASE WHEN c.is_nullable = 'NO' THEN ' not null' ELSE '' END || COALESCE(' key' || k.ordinal_position, '') \
     FROM information_schema.columns c \
     LEFT JOIN information_schema.table_constraints t ON t.table_name = c.table_name AND t.constraint_type = 'PRIMARY KEY' \
     LEFT JOIN information_schema.key_column_usage k ON k.constraint_name = t.constraint_name AND k.column_name = c.column_name \
     WHERE c.table_schema = 'public' AND left(c.table_name, 2) <> '__'",
    "SELECT 'foreign ' || t.relname || '.' || a.attname || ' ' || f.relname || ' ' \
       || CASE c.confdeltype WHEN 'c' THEN 'cascade' WHEN 'n' THEN 'set null' WHEN 'r' THEN 'restrict' ELSE c.confdeltype::text END \
     FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_class f ON f.oid = c.confrelid \
     JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = c.conkey[1] WHERE c.contype = 'f'",
    "SELECT 'index ' || t.relname || ' ' || i.relname || CASE WHEN x.indisunique THEN ' unique' ELSE '' END \
       || CASE WHEN x.indpred IS NOT NULL THEN ' partial' ELSE '' END || ' ' \
       || (SELECT string_agg(a.attname || CASE WHEN x.indoption[k.n - 1] & 1 = 1 THEN ' desc' ELSE '' END, ',' ORDER BY k.n) \
           FROM unnest(x.indkey) WITH ORDINALITY k(attnum, n) JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum) \
     FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid \
     JOIN pg_namespace s ON s.oid = t.relnamespace WHERE s.nspname = 'public' AND NOT x.indisprimary",
];
