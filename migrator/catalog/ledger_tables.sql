CREATE TABLE IF NOT EXISTS migrator.groups (
    mapping text NOT NULL,
    database text NOT NULL,
    number integer NOT NULL,
    name text NOT NULL,
    publication_oid oid,
    publication_xmin text,
    slot_created boolean NOT NULL DEFAULT false,
    subscription_oid oid,
    source_system_identifier text NOT NULL,
    source_timeline integer NOT NULL,
    destination_system_identifier text NOT NULL,
    destination_timeline integer NOT NULL,
    PRIMARY KEY (mapping, number)
);
CREATE TABLE IF NOT EXISTS migrator.relations (
    mapping text NOT NULL,
    relation text NOT NULL,
    group_number integer NOT NULL,
    source_oid oid NOT NULL,
    publication_rel_oid oid,
    admitted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (mapping, relation)
);
