-- The first form of the database. Times: milliseconds since 1970 UTC. Ids: UUIDs as text. JSON: text, checked by the program.

-- Tenants. The row with the nil id is the system company: what ADMIN and OPERATOR belong to.
CREATE TABLE companies (
    id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    webhook_secret BYTEA,
    webhook_hosts TEXT COLLATE "C" NOT NULL,
    in_deletion BOOLEAN NOT NULL,
    meta_data TEXT COLLATE "C" NOT NULL,
    technical_meta_data TEXT COLLATE "C" NOT NULL,
    time_created BIGINT NOT NULL,
    time_updated BIGINT NOT NULL,
    CONSTRAINT companies__id PRIMARY KEY (id)
);
CREATE INDEX companies__time_created__id ON companies (time_created, id);

-- email_key is the address in lower case: what log-in looks up.
CREATE TABLE users (
    id TEXT COLLATE "C" NOT NULL,
    company_id TEXT COLLATE "C" NOT NULL,
    email TEXT COLLATE "C" NOT NULL,
    email_key TEXT COLLATE "C" NOT NULL,
    auth_source TEXT COLLATE "C" NOT NULL,
    password_hash TEXT COLLATE "C",
    role TEXT COLLATE "C" NOT NULL,
    first_name TEXT COLLATE "C" NOT NULL,
    last_name TEXT COLLATE "C" NOT NULL,
    middle_name TEXT COLLATE "C" NOT NULL,
    is_active BOOLEAN NOT NULL,
    can_start_analysis_biometry BOOLEAN NOT NULL,
    can_start_analysis_quality BOOLEAN NOT NULL,
    can_start_analysis_collection BOOLEAN NOT NULL,
    can_start_analysis_documents BOOLEAN NOT NULL,
    meta_data TEXT COLLATE "C" NOT NULL,
    technical_meta_data TEXT COLLATE "C" NOT NULL,
    time_created BIGINT NOT NULL,
    time_updated BIGINT NOT NULL,
    CONSTRAINT users__id PRIMARY KEY (id),
    FOREIGN KEY (company_id) REFERENCES companies (id) ON DELETE RESTRICT
);
CREATE UNIQUE INDEX users__email_key ON users (email_key);
CREATE INDEX users__company_id__time_created__id ON users (company_id, time_created, id);
CREATE INDEX users__time_created__id ON users (time_created, id);

-- expire_hash: SHA-256 of the expire_token. family: the id of the first session of a chain of refreshes.
CREATE TABLE sessions (
    id TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    family TEXT COLLATE "C" NOT NULL,
    predecessor TEXT COLLATE "C",
    rotated BOOLEAN NOT NULL,
    expire_hash BYTEA,
    time_created BIGINT NOT NULL,
    time_seen BIGINT NOT NULL,
    time_expires BIGINT NOT NULL,
    time_revoked BIGINT,
    CONSTRAINT sessions__id PRIMARY KEY (id),
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX sessions__expire_hash ON sessions (expire_hash);
CREATE INDEX sessions__user_id__time_created__id ON sessions (user_id, time_created, id);
CREATE INDEX sessions__time_created__id ON sessions (time_created, id);
CREATE INDEX sessions__family ON sessions (family);
CREATE INDEX sessions__time_expires ON sessions (time_expires);

-- resolution_status and system_resolution follow the folder's analyses in the same transaction.
CREATE TABLE folders (
    id TEXT COLLATE "C" NOT NULL,
    company_id TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C",
    resolution_status TEXT COLLATE "C" NOT NULL,
    system_resolution TEXT COLLATE "C" NOT NULL,
    operator_status TEXT COLLATE "C",
    operator_comment TEXT COLLATE "C",
    resolution_endpoint TEXT COLLATE "C",
    is_cleaned BOOLEAN NOT NULL,
    meta_data TEXT COLLATE "C" NOT NULL,
    technical_meta_data TEXT COLLATE "C" NOT NULL,
    time_created BIGINT NOT NULL,
    time_updated BIGINT NOT NULL,
    CONSTRAINT folders__id PRIMARY KEY (id),
    FOREIGN KEY (company_id) REFERENCES companies (id) ON DELETE RESTRICT,
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE SET NULL
);
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
    folder_id TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    company_id TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C",
    time_created BIGINT NOT NULL,
    CONSTRAINT folder_metadata__folder_id__key PRIMARY KEY (folder_id, key),
    FOREIGN KEY (folder_id) REFERENCES folders (id) ON DELETE CASCADE,
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE SET NULL
);
CREATE INDEX folder_metadata__key__value ON folder_metadata (key, value, time_created, folder_id);
CREATE INDEX folder_metadata__company_id__key__value ON folder_metadata (company_id, key, value, time_created, folder_id);
CREATE INDEX folder_metadata__user_id__key__value ON folder_metadata (user_id, company_id, key, value, time_created, folder_id);

-- One row for each stored content of a company; name is a keyed hash of the content.
CREATE TABLE blobs (
    id TEXT COLLATE "C" NOT NULL,
    company_id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    size BIGINT NOT NULL,
    refs BIGINT NOT NULL,
    time_created BIGINT NOT NULL,
    CONSTRAINT blobs__id PRIMARY KEY (id),
    FOREIGN KEY (company_id) REFERENCES companies (id) ON DELETE RESTRICT,
    CHECK (refs > 0),
    CHECK (size >= 0)
);
CREATE UNIQUE INDEX blobs__company_id__name ON blobs (company_id, name);

CREATE TABLE media (
    id TEXT COLLATE "C" NOT NULL,
    folder_id TEXT COLLATE "C" NOT NULL,
    company_id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    tags TEXT COLLATE "C" NOT NULL,
    original_name TEXT COLLATE "C",
    mime TEXT COLLATE "C" NOT NULL,
    size BIGINT NOT NULL,
    md5 TEXT COLLATE "C",
    width INTEGER,
    height INTEGER,
    duration_ms BIGINT,
    frames INTEGER,
    meta_data TEXT COLLATE "C" NOT NULL,
    technical_meta_data TEXT COLLATE "C" NOT NULL,
    time_created BIGINT NOT NULL,
    time_updated BIGINT NOT NULL,
    CONSTRAINT media__id PRIMARY KEY (id),
    FOREIGN KEY (folder_id) REFERENCES folders (id) ON DELETE CASCADE,
    FOREIGN KEY (company_id) REFERENCES companies (id) ON DELETE RESTRICT
);
CREATE INDEX media__folder_id__time_created__id ON media (folder_id, time_created, id);
CREATE INDEX media__company_id ON media (company_id);

-- Which stored content plays which part for a medium.
CREATE TABLE media_files (
    media_id TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    blob_id TEXT COLLATE "C" NOT NULL,
    mime TEXT COLLATE "C" NOT NULL,
    CONSTRAINT media_files__media_id__role PRIMARY KEY (media_id, role),
    FOREIGN KEY (media_id) REFERENCES media (id) ON DELETE CASCADE,
    FOREIGN KEY (blob_id) REFERENCES blobs (id) ON DELETE RESTRICT
);
CREATE INDEX media_files__blob_id ON media_files (blob_id);

CREATE TABLE analyses (
    id TEXT COLLATE "C" NOT NULL,
    folder_id TEXT COLLATE "C" NOT NULL,
    company_id TEXT COLLATE "C" NOT NULL,
    group_id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    resolution TEXT COLLATE "C",
    operator_resolution TEXT COLLATE "C",
    operator_comment TEXT COLLATE "C",
    params TEXT COLLATE "C" NOT NULL,
    thresholds TEXT COLLATE "C" NOT NULL,
    results_media TEXT COLLATE "C" NOT NULL,
    results_data TEXT COLLATE "C",
    error_code INTEGER,
    error_message TEXT COLLATE "C",
    model_pack TEXT COLLATE "C",
    attempts INTEGER NOT NULL,
    meta_data TEXT COLLATE "C" NOT NULL,
    technical_meta_data TEXT COLLATE "C" NOT NULL,
    time_created BIGINT NOT NULL,
    time_updated BIGINT NOT NULL,
    time_task_send_to_broker BIGINT NOT NULL,
    time_task_received BIGINT,
    time_task_finished BIGINT,
    CONSTRAINT analyses__id PRIMARY KEY (id),
    FOREIGN KEY (folder_id) REFERENCES folders (id) ON DELETE CASCADE,
    FOREIGN KEY (company_id) REFERENCES companies (id) ON DELETE RESTRICT
);
CREATE INDEX analyses__folder_id__time_created__id ON analyses (folder_id, time_created, id);
CREATE INDEX analyses__company_id__time_created ON analyses (company_id, time_created);
CREATE INDEX analyses__time_created ON analyses (time_created);

-- What an analysis looks at, in the order it was asked for.
CREATE TABLE analysis_media (
    analysis_id TEXT COLLATE "C" NOT NULL,
    media_id TEXT COLLATE "C" NOT NULL,
    position INTEGER NOT NULL,
    CONSTRAINT analysis_media__analysis_id__media_id PRIMARY KEY (analysis_id, media_id),
    FOREIGN KEY (analysis_id) REFERENCES analyses (id) ON DELETE CASCADE,
    FOREIGN KEY (media_id) REFERENCES media (id) ON DELETE CASCADE
);
CREATE INDEX analysis_media__media_id ON analysis_media (media_id);

-- Pictures an analysis made: best shots, action shots.
CREATE TABLE analysis_images (
    id TEXT COLLATE "C" NOT NULL,
    analysis_id TEXT COLLATE "C" NOT NULL,
    media_id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    blob_id TEXT COLLATE "C" NOT NULL,
    mime TEXT COLLATE "C" NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    time_ms BIGINT,
    time_created BIGINT NOT NULL,
    CONSTRAINT analysis_images__id PRIMARY KEY (id),
    FOREIGN KEY (analysis_id) REFERENCES analyses (id) ON DELETE CASCADE,
    FOREIGN KEY (media_id) REFERENCES media (id) ON DELETE CASCADE,
    FOREIGN KEY (blob_id) REFERENCES blobs (id) ON DELETE RESTRICT
);
CREATE INDEX analysis_images__analysis_id ON analysis_images (analysis_id);
CREATE INDEX analysis_images__media_id ON analysis_images (media_id);
CREATE INDEX analysis_images__blob_id ON analysis_images (blob_id);

CREATE TABLE jobs (
    id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    lane TEXT COLLATE "C" NOT NULL,
    payload TEXT COLLATE "C" NOT NULL,
    dedupe_key TEXT COLLATE "C",
    priority INTEGER NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    attempts INTEGER NOT NULL,
    max_attempts INTEGER NOT NULL,
    run_at BIGINT NOT NULL,
    lease_token TEXT COLLATE "C",
    lease_until BIGINT,
    last_error TEXT COLLATE "C",
    request_id TEXT COLLATE "C",
    time_created BIGINT NOT NULL,
    time_finished BIGINT,
    CONSTRAINT jobs__id PRIMARY KEY (id),
    CHECK (state IN ('ready', 'leased', 'done', 'dead')),
    CHECK ((state = 'leased') = (lease_token IS NOT NULL))
);
CREATE INDEX jobs__due ON jobs (lane, priority DESC, run_at, id) WHERE state = 'ready';
CREATE INDEX jobs__lease_until ON jobs (lane, lease_until) WHERE state = 'leased';
CREATE UNIQUE INDEX jobs__kind__dedupe_key ON jobs (kind, dedupe_key) WHERE state IN ('ready', 'leased');
CREATE INDEX jobs__ended ON jobs (state, time_finished, id) WHERE state IN ('done', 'dead');

-- seq and hash are given by the sealer, in order: the hash chain (decision 26) runs over ciphertext.
CREATE TABLE audit (
    id TEXT COLLATE "C" NOT NULL,
    seq BIGINT,
    time BIGINT NOT NULL,
    company_id TEXT COLLATE "C",
    user_id TEXT COLLATE "C",
    request_id TEXT COLLATE "C",
    action TEXT COLLATE "C" NOT NULL,
    object TEXT COLLATE "C" NOT NULL,
    object_id TEXT COLLATE "C",
    subject_key_id TEXT COLLATE "C",
    before_value BYTEA,
    after_value BYTEA,
    hash BYTEA,
    CONSTRAINT audit__id PRIMARY KEY (id)
);
CREATE UNIQUE INDEX audit__seq ON audit (seq);
CREATE INDEX audit__unsealed ON audit (time, id) WHERE seq IS NULL;
CREATE INDEX audit__time__id ON audit (time, id);
CREATE INDEX audit__company_id__time__id ON audit (company_id, time, id);
CREATE INDEX audit__object_id__time__id ON audit (object_id, time, id);

-- A key for what the audit log says of one subject. Erasing the subject sets wrapped_key to null.
CREATE TABLE subject_keys (
    id TEXT COLLATE "C" NOT NULL,
    company_id TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    wrapped_key BYTEA,
    time_created BIGINT NOT NULL,
    time_destroyed BIGINT,
    CONSTRAINT subject_keys__id PRIMARY KEY (id),
    FOREIGN KEY (company_id) REFERENCES companies (id) ON DELETE RESTRICT
);
CREATE UNIQUE INDEX subject_keys__company_id__subject ON subject_keys (company_id, subject);

-- First answers to requests with an Idempotency-Key (decision 31). They go with their folder.
CREATE TABLE idempotency_keys (
    user_id TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    request TEXT COLLATE "C" NOT NULL,
    body_hash BYTEA NOT NULL,
    folder_id TEXT COLLATE "C",
    status INTEGER,
    answer TEXT COLLATE "C",
    time_created BIGINT NOT NULL,
    time_expires BIGINT NOT NULL,
    CONSTRAINT idempotency_keys__user_id__key PRIMARY KEY (user_id, key),
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    FOREIGN KEY (folder_id) REFERENCES folders (id) ON DELETE CASCADE
);
CREATE INDEX idempotency_keys__folder_id ON idempotency_keys (folder_id);
CREATE INDEX idempotency_keys__time_expires ON idempotency_keys (time_expires);

INSERT INTO companies (id, name, webhook_hosts, in_deletion, meta_data, technical_meta_data, time_created, time_updated)
VALUES ('00000000-0000-0000-0000-000000000000', 'system_company', '[]', FALSE, '{}', '{}', 0, 0);
