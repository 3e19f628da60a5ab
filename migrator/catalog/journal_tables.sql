CREATE TABLE IF NOT EXISTS migrator.mappings (
    name text PRIMARY KEY,
    intent text NOT NULL DEFAULT 'migrate'
        CHECK (intent IN ('migrate', 'paused', 'aborting', 'aborted', 'completing', 'completed')),
    intent_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    source text,
    source_system_identifier text,
    source_timeline integer,
    destination_system_identifier text,
    destination_timeline integer,
    rate_limit_mbps double precision CHECK (rate_limit_mbps >= 0),
    source_rate_limit_mbps double precision CHECK (source_rate_limit_mbps >= 0),
    brake_mbps double precision CHECK (brake_mbps > 0),
    brake_reason text,
    quiet_since timestamptz,
    stable_at timestamptz,
    barrier pg_lsn,
    barrier_at timestamptz,
    arrived_at timestamptz,
    source_gone boolean NOT NULL DEFAULT false,
    source_put_back_at timestamptz,
    destination_put_back_at timestamptz
);
CREATE TABLE IF NOT EXISTS migrator.markers (
    mapping text NOT NULL,
    lsn pg_lsn NOT NULL,
    emitted_at timestamptz NOT NULL,
    confirmed_at timestamptz,
    PRIMARY KEY (mapping, lsn)
);
CREATE TABLE IF NOT EXISTS migrator.roles (
    mapping text NOT NULL,
    role text NOT NULL,
    created boolean NOT NULL DEFAULT false,
    PRIMARY KEY (mapping, role)
);
CREATE TABLE IF NOT EXISTS migrator.databases (
    mapping text NOT NULL,
    database text NOT NULL,
    target text NOT NULL UNIQUE,
    created boolean NOT NULL DEFAULT false,
    PRIMARY KEY (mapping, database)
);
CREATE TABLE IF NOT EXISTS migrator.self_memberships (
    mapping text NOT NULL,
    role text NOT NULL,
    PRIMARY KEY (mapping, role)
);
CREATE TABLE IF NOT EXISTS migrator.parameters (
    mapping text NOT NULL,
    parameter text NOT NULL,
    PRIMARY KEY (mapping, parameter)
);
CREATE TABLE IF NOT EXISTS migrator.trials (
    mapping text NOT NULL,
    database text NOT NULL,
    digest text NOT NULL,
    tried_at timestamptz NOT NULL,
    seconds double precision NOT NULL,
    failures jsonb NOT NULL,
    untried jsonb NOT NULL,
    PRIMARY KEY (mapping, database)
);
CREATE TABLE IF NOT EXISTS migrator.worker_settings (
    mapping text NOT NULL,
    database text NOT NULL,
    setting text NOT NULL,
    before text,
    PRIMARY KEY (mapping, database, setting)
);
CREATE TABLE IF NOT EXISTS migrator.replica_identities (
    mapping text NOT NULL,
    database text NOT NULL,
    oid oid NOT NULL,
    relation text NOT NULL,
    before "char" NOT NULL CHECK (before IN ('d', 'n')),
    PRIMARY KEY (mapping, database, oid)
);
