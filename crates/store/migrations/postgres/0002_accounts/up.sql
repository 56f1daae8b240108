-- What accounts need beside their rows. Times: milliseconds since 1970 UTC. Hashes: SHA-256.

-- From where: the address of the client that asked; none for the system itself and for the command line.
ALTER TABLE audit ADD COLUMN address TEXT COLLATE "C";
CREATE INDEX audit__user_id__time__id ON audit (user_id, time, id);

-- How far the log has been told to a place outside, so that a restart tells nothing twice and leaves nothing out.
CREATE TABLE audit_exports (
    sink TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    CONSTRAINT audit_exports__sink PRIMARY KEY (sink)
);

-- Links that set a new password, once (decision 12).
CREATE TABLE password_resets (
    token_hash BYTEA NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    time_created BIGINT NOT NULL,
    time_expires BIGINT NOT NULL,
    CONSTRAINT password_resets__token_hash PRIMARY KEY (token_hash),
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX password_resets__user_id ON password_resets (user_id);
CREATE INDEX password_resets__time_expires ON password_resets (time_expires);

-- Passwords a user had before, for the policy's `history`.
CREATE TABLE password_history (
    user_id TEXT COLLATE "C" NOT NULL,
    time_created BIGINT NOT NULL,
    password_hash TEXT COLLATE "C" NOT NULL,
    CONSTRAINT password_history__user_id__time_created PRIMARY KEY (user_id, time_created),
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);

-- Counters with a name and a window: failed log-ins, throttling. The name holds hashes of addresses, never addresses.
CREATE TABLE counters (
    name TEXT COLLATE "C" NOT NULL,
    count BIGINT NOT NULL,
    time_started BIGINT NOT NULL,
    time_expires BIGINT NOT NULL,
    CONSTRAINT counters__name PRIMARY KEY (name)
);
CREATE INDEX counters__time_expires ON counters (time_expires);

-- Which data folder belongs to this database: one row, the same text as in the folder's file.
CREATE TABLE store_identity (
    id TEXT COLLATE "C" NOT NULL,
    CONSTRAINT store_identity__id PRIMARY KEY (id)
);
