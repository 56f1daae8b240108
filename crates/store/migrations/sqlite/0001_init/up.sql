-- The first form of the database. Times: milliseconds since 1970 UTC. Ids: UUIDs as text. JSON: text, checked by the program.

-- Tenants. The row with the nil id is the system company: what ADMIN and OPERATOR belong to.
CREATE TABLE companies (
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    webhook_secret BLOB,
    webhook_hosts TEXT NOT NULL,
    in_deletion INTEGER NOT NULL CHECK (in_deletion IN (0, 1)),
    meta_data TEXT NOT NULL,
    technical_meta_data TEXT NOT NULL,
    time_created INTEGER NOT NULL,
    time_updated INTEGER NOT NULL,
    PRIMARY KEY (id)
) STRICT;
CREATE INDEX companies__time_created__id ON companies (time_created, id);

-- email_key is the address in lower case: what log-in looks up.
CREATE TABLE users (
    id TEXT NOT NULL,
    company_id TEXT NOT NULL,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    auth_source TEXT NOT NULL,
    password_hash TEXT,
    role TEXT NOT NULL,
    first_name TEXT NOT NULL,
    last_name TEXT NOT NULL,
    middle_name TEXT NOT NULL,
    is_active INTEGER NOT NULL CHECK (is_active IN (0, 1)),
    can_start_analysis_biometry INTEGER NOT NULL CHECK (can_start_analysis_biometry IN (0, 1)),
    can_start_analysis_quality INTEGER NOT NULL CHECK (can_start_analysis_quality IN (0, 1)),
    can_start_analysis_collection INTEGER NOT NULL CHECK (can_start_analysis_collection IN (0, 1)),
    can_start_analysis_documents INTEGER NOT NULL CHECK (can_start_analysis_documents IN (0, 1)),
    meta_data TEXT NOT NULL,
    technical_meta_data TEXT NOT NULL,
    time_created INTEGER NOT NULL,
    time_updated INTEGER NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY (company_id) REFERENCES companies (id) ON DELETE RESTRICT
) STRICT;
CREATE UNIQUE INDEX users__email_key ON users (email_key);
CREATE INDEX users__company_id__time_created__id ON users (company_id, time_created, id);
CREATE INDEX users__time_created__id ON users (time_created, id);

-- expire_hash: SHA-256 of the expire_token. family: the id of the first session of a chain of refreshes.
CREATE TABLE sessions (
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    family TEXT NOT NULL,
    predecessor TEXT,
    rotated INTEGER NOT NULL CHECK (rotated IN (0, 1)),
    expire_hash BLOB,
    time_created INTEGER NOT NULL,
    time_seen INTEGER NOT NULL,
    time_expires INTEGER NOT NULL,
    time_revoked INTEGER,
    PRIMARY KEY (id),
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) STRICT;
CREATE UNIQUE INDEX sessions__expire_hash ON sessions (expire_hash);
CREATE INDEX sessions__user_id__time_created__id ON sessions (user_id, time_created, id);
CREATE INDEX sessions__time_created__id ON sessions (time_created, id);
CREATE INDEX sessions__family ON sessions (family);
CREATE INDEX sessions__time_expires ON sessions (time_expires);

-- resolution_status and system_resolution follow the folder's analyses in the same transaction.
CREATE TABLE folders (
    id TEXT NOT NULL,
    company_id TEXT NOT NULL,
    user_id TEXT,
    resolution_status TEXT NOT NULL,
    system_resolution TEXT NOT NULL,
    operator_status TEXT,
    operator_comment TEXT,
    resolution_endpoint TEXT,
    is_cleaned INTEGER NOT NULL CHECK (is_cleaned IN (0, 1)),
    meta_data TEXT NOT NULL,
    technical_meta_data TEXT NOT NULL,
    time_created INTEGER NOT NULL,
    time_updated INTEGER NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY (company_id) REFERENCES companies (id) ON DELETE RESTRICT,
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE SET NULL
) STRICT;
CREATE INDEX folders__time_created__id ON folders (time_created, id);
CREATE INDEX folders__time_updated__id ON folders (time_updated, id);
CREATE INDEX folders__company_id__time_created__id ON folders (company_id, time_created, id);
CREATE INDEX folders__company_id__time_updated__id ON folders (company_id, time_updated, id);
CREATE INDEX folders__user_id__company_id__time_created__id ON folders (user_id, company_id, time_created, id);
CREATE INDEX folders__user_id__company_id__time_updated__id ON folders (user_id, company_id, time_updated, id);
CREATE INDEX folders__resolution_status__time_created__id ON folders (resolution_status, time_created, id);
CREATE INDEX folders__system_resolution__time_created__id ON folders (system_resolution, time_created, id);

-- The scalars of folders.meta_data, one row a key, with what a page needs to be read in order from the index alone.
CREATE TABLE folder_metadata (
    folder_id TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    company_id TEXT NOT NULL,
    user_id TEXT,
    time_created INTEGER NOT NULL,
    PRIMARY KEY (folder_id, key),
    FOREIGN KEY (folder_id) REFERENCES folders (id) ON DELETE CASCADE,
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE SET NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX folder_metadata__key__value ON folder_metadata (key, value, time_created, folder_id);
CREATE INDEX folder_metadata__company_id__key__value ON folder_metadata (company_id, key, value, time_created, folder_id);
CREATE INDEX folder_metadata__user_id__key__value ON folder_metadata (user_id, company_id, key, value, time_created, folder_id);

-- One row for each stored content of a company; name is a keyed hash of the content.
CREATE TABLE blobs (
    id TEXT NOT NULL,
    company_id TEXT NOT NULL,
    name TEXT NOT NULL,
    size INTEGER NOT NULL,
    refs INTEGER NOT NULL,
    time_created INTEGER NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY (company_id) REFERENCES companies (id) ON DELETE RESTRICT,
    CHECK (refs > 0),
    CHECK (size >= 0)
) STRICT;
CREATE UNIQUE INDEX blobs__company_id__name ON blobs (company_id, name);

CREATE TABLE media (
    id TEXT NOT NULL,
    folder_id TEXT NOT NULL,
    company_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    tags TEXT NOT NULL,
    original_name TEXT,
    mime TEXT NOT NULL,
    size INTEGER NOT NULL,
    md5 TEXT,
    width INTEGER,
    height INTEGER,
    duration_ms INTEGER,
    frames INTEGER,
    meta_data TEXT NOT NULL,
    technical_meta_data TEXT NOT NULL,
    time_created INTEGER NOT NULL,
    time_updated INTEGER NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY (folder_id) REFERENCES folders (id) ON DELETE CASCADE,
    FOREIGN KEY (company_id) REFERENCES companies (id) ON DELETE RESTRICT
) STRICT;
CREATE INDEX media__folder_id__time_created__id ON media (folder_id, time_created, id);
CREATE INDEX media__company_id ON media (company_id);

-- Which stored content plays which part for a medium.
CREATE TABLE media_files (
    media_id TEXT NOT NULL,
    role TEXT NOT NULL,
    blob_id TEXT NOT NULL,
    mime TEXT NOT NULL,
    PRIMARY KEY (media_id, role),
    FOREIGN KEY (media_id) REFERENCES media (id) ON DELETE CASCADE,
    FOREIGN KEY (blob_id) REFERENCES blobs (id) ON DELETE RESTRICT
) STRICT, WITHOUT ROWID;
CREATE INDEX media_files__blob_id ON media_files (blob_id);

CREATE TABLE analyses (
    id TEXT NOT NULL,
    folder_id TEXT NOT NULL,
    company_id TEXT NOT NULL,
    group_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    resolution TEXT,
    operator_resolution TEXT,
    operator_comment TEXT,
    params TEXT NOT NULL,
    thresholds TEXT NOT NULL,
    results_media TEXT NOT NULL,
    results_data TEXT,
    error_code INTEGER,
    error_message TEXT,
    model_pack TEXT,
    attempts INTEGER NOT NULL,
    meta_data TEXT NOT NULL,
    technical_meta_data TEXT NOT NULL,
    time_created INTEGER NOT NULL,
    time_updated INTEGER NOT NULL,
    time_task_send_to_broker INTEGER NOT NULL,
    time_task_received INTEGER,
    time_task_finished INTEGER,
    PRIMARY KEY (id),
    FOREIGN KEY (folder_id) REFERENCES folders (id) ON DELETE CASCADE,
    FOREIGN KEY (company_id) REFERENCES companies (id) ON DELETE RESTRICT
) STRICT;
CREATE INDEX analyses__folder_id__time_created__id ON analyses (folder_id, time_created, id);
CREATE INDEX analyses__company_id__time_created ON analyses (company_id, time_created);
CREATE INDEX analyses__time_created ON analyses (time_created);

-- What an analysis looks at, in the order it was asked for.
CREATE TABLE analysis_media (
    analysis_id TEXT NOT NULL,
    media_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (analysis_id, media_id),
    FOREIGN KEY (analysis_id) REFERENCES analyses (id) ON DELETE CASCADE,
    FOREIGN KEY (media_id) REFERENCES media (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX analysis_media__media_id ON analysis_media (media_id);

-- Pictures an analysis made: best shots, action shots.
CREATE TABLE analysis_images (
    id TEXT NOT NULL,
    analysis_id TEXT NOT NULL,
    media_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    blob_id TEXT NOT NULL,
    mime TEXT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    time_ms INTEGER,
    time_created INTEGER NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY (analysis_id) REFERENCES analyses (id) ON DELETE CASCADE,
    FOREIGN KEY (media_id) REFERENCES media (id) ON DELETE CASCADE,
    FOREIGN KEY (blob_id) REFERENCES blobs (id) ON DELETE RESTRICT
) STRICT;
CREATE INDEX analysis_images__analysis_id ON analysis_images (analysis_id);
CREATE INDEX analysis_images__media_id ON analysis_images (media_id);
CREATE INDEX analysis_images__blob_id ON analysis_images (blob_id);

CREATE TABLE jobs (
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    lane TEXT NOT NULL,
    payload TEXT NOT NULL,
    dedupe_key TEXT,
    priority INTEGER NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    max_attempts INTEGER NOT NULL,
    run_at INTEGER NOT NULL,
    lease_token TEXT,
    lease_until INTEGER,
    last_error TEXT,
    request_id TEXT,
    time_created INTEGER NOT NULL,
    time_finished INTEGER,
    PRIMARY KEY (id),
    CHECK (state IN ('ready', 'leased', 'done', 'dead')),
    CHECK ((state = 'leased') = (lease_token IS NOT NULL))
) STRICT;
CREATE INDEX jobs__due ON jobs (lane, priority DESC, run_at, id) WHERE state = 'ready';
CREATE INDEX jobs__lease_until ON jobs (lane, lease_until) WHERE state = 'leased';
CREATE UNIQUE INDEX jobs__kind__dedupe_key ON jobs (kind, dedupe_key) WHERE state IN ('ready', 'leased');
CREATE INDEX jobs__ended ON jobs (state, time_finished, id) WHERE state IN ('done', 'dead');

-- seq and hash are given by the sealer, in order: the hash chain (decision 26) runs over ciphertext.
CREATE TABLE audit (
    id TEXT NOT NULL,
    seq INTEGER,
    time INTEGER NOT NULL,
    company_id TEXT,
    user_id TEXT,
    request_id TEXT,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    object_id TEXT,
    subject_key_id TEXT,
    before_value BLOB,
    after_value BLOB,
    hash BLOB,
    PRIMARY KEY (id)
) STRICT;
CREATE UNIQUE INDEX audit__seq ON audit (seq);
CREATE INDEX audit__unsealed ON audit (time, id) WHERE seq IS NULL;
CREATE INDEX audit__time__id ON audit (time, id);
CREATE INDEX audit__company_id__time__id ON audit (company_id, time, id);
CREATE INDEX audit__object_id__time__id ON audit (object_id, time, id);

-- A key for what the audit log says of one subject. Erasing the subject sets wrapped_key to null.
CREATE TABLE subject_keys (
    id TEXT NOT NULL,
    company_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    wrapped_key BLOB,
    time_created INTEGER NOT NULL,
    time_destroyed INTEGER,
    PRIMARY KEY (id),
    FOREIGN KEY (company_id) REFERENCES companies (id) ON DELETE RESTRICT
) STRICT;
CREATE UNIQUE INDEX subject_keys__company_id__subject ON subject_keys (company_id, subject);

-- First answers to requests with an Idempotency-Key (decision 31). They go with their folder.
CREATE TABLE idempotency_keys (
    user_id TEXT NOT NULL,
    key TEXT NOT NULL,
    request TEXT NOT NULL,
    body_hash BLOB NOT NULL,
    folder_id TEXT,
    status INTEGER,
    answer TEXT,
    time_created INTEGER NOT NULL,
    time_expires INTEGER NOT NULL,
    PRIMARY KEY (user_id, key),
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    FOREIGN KEY (folder_id) REFERENCES folders (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys__folder_id ON idempotency_keys (folder_id);
CREATE INDEX idempotency_keys__time_expires ON idempotency_keys (time_expires);

INSERT INTO companies (id, name, webhook_hosts, in_deletion, meta_data, technical_meta_data, time_created, time_updated)
VALUES ('00000000-0000-0000-0000-000000000000', 'system_company', '[]', 0, '{}', '{}', 0, 0);
