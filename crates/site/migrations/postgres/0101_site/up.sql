-- One license site (license.md): what it knows of its license, who holds leases, what was used.
-- Times are milliseconds since 1970 UTC; lists and counts are JSON texts.
CREATE TABLE license_site (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    -- Names the ledger; a new one when the old was lost.
    site_id TEXT NOT NULL,
    -- The short name of the site's public key: the database of another key is refused.
    key_id TEXT NOT NULL,
    -- Whether a license was ever seen: from then on there is no trial.
    licensed BOOLEAN NOT NULL DEFAULT FALSE,
    trial_started BIGINT,
    -- Whether the begin of the trial was moved, once, because the clock had been ahead at the first start.
    trial_moved BOOLEAN NOT NULL DEFAULT FALSE,
    -- The latest time that the site has lived through, and where the last step at a start led.
    last_seen BIGINT,
    last_step BIGINT,
    -- Counts how often last_seen was set back by a newer license.
    epoch BIGINT NOT NULL DEFAULT 0,
    -- Milliseconds that the site has run.
    ran BIGINT NOT NULL DEFAULT 0,
    -- When the site was restored on another machine.
    moved_at BIGINT,
    time_created BIGINT NOT NULL
);

-- Every license file that was ever installed; the last one of a kind holds.
CREATE TABLE license_files (
    seq BIGINT PRIMARY KEY NOT NULL,
    license_id TEXT NOT NULL,
    revision BIGINT NOT NULL,
    -- `site` for the appliance's own, `sdk` for those of apps and web pages.
    role TEXT NOT NULL,
    text TEXT NOT NULL,
    time_installed BIGINT NOT NULL
);
CREATE UNIQUE INDEX license_files__license_id__revision ON license_files (license_id, revision);

CREATE TABLE license_leases (
    lease_id TEXT PRIMARY KEY NOT NULL,
    instance_id TEXT NOT NULL,
    hostname TEXT NOT NULL,
    version TEXT NOT NULL,
    features TEXT NOT NULL,
    counter BIGINT NOT NULL,
    -- The heartbeat that was answered last, so that its repetition is answered the same.
    attempt TEXT,
    -- Analyses that are paid in advance; for which license and on which day, so that they can be given back there.
    block BIGINT NOT NULL,
    paid TEXT NOT NULL,
    time_acquired BIGINT NOT NULL,
    time_expires BIGINT NOT NULL
);
CREATE UNIQUE INDEX license_leases__instance_id ON license_leases (instance_id);

-- Append-only; each hash covers the entry and the hash before it.
CREATE TABLE license_ledger (
    seq BIGINT PRIMARY KEY NOT NULL,
    time BIGINT NOT NULL,
    kind TEXT NOT NULL,
    license_id TEXT NOT NULL,
    instance_id TEXT,
    batch_seq BIGINT,
    batch TEXT,
    counts TEXT NOT NULL,
    note TEXT,
    hash BYTEA NOT NULL
);
CREATE UNIQUE INDEX license_ledger__instance_id__batch_seq ON license_ledger (instance_id, batch_seq);
-- A batch is known by its random name, under whichever number and node it is told.
CREATE INDEX license_ledger__batch ON license_ledger (batch);

-- Sums of the ledger; a period is a day, a month, a year (UTC, as `2026-11-25`, `2026-11`, `2026`) or `total`.
CREATE TABLE license_totals (
    license_id TEXT NOT NULL,
    period TEXT NOT NULL,
    feature TEXT NOT NULL,
    n BIGINT NOT NULL,
    PRIMARY KEY (license_id, period, feature)
);

CREATE TABLE license_devices (
    device_hash TEXT PRIMARY KEY NOT NULL,
    time_seen BIGINT NOT NULL
);

-- What nodes used and the ledger does not have yet; written in the transaction that accepts the analysis.
CREATE TABLE license_uses (
    id TEXT PRIMARY KEY NOT NULL,
    instance_id TEXT NOT NULL,
    feature TEXT NOT NULL,
    n BIGINT NOT NULL,
    batch_seq BIGINT,
    batch TEXT,
    time_created BIGINT NOT NULL
);
CREATE INDEX license_uses__instance_id__batch_seq ON license_uses (instance_id, batch_seq);

CREATE TABLE license_nodes (
    instance_id TEXT PRIMARY KEY NOT NULL,
    next_seq BIGINT NOT NULL,
    time_seen BIGINT NOT NULL
);
