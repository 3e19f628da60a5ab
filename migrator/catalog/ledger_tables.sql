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
    snapshot_lsn pg_lsn, -- of the slot's exported snapshot
    retired_at timestamptz, -- no part of it is begun any more
    slot_dropped_at timestamptz, -- the WAL budget was used up, and its slots were given up
    slot_lost_at timestamptz, -- it was seen gone from the source, or lost, whatever stands there by its name later
    method text NOT NULL DEFAULT 'subscription', -- by which it was begun: a configuration changed later changes nothing
    inserts_oid oid, -- of the second publication, which publishes no UPDATE and DELETE
    inserts_xmin text,
    PRIMARY KEY (mapping, number)
);
CREATE TABLE IF NOT EXISTS migrator.relations (
    mapping text NOT NULL,
    relation text NOT NULL,
    group_number integer NOT NULL,
    source_oid oid NOT NULL,
    publication_rel_oid oid,
    target_oid oid,
    attached_lsn pg_lsn,
    gone_lsn pg_lsn,
    was_partition boolean NOT NULL DEFAULT false,
    admitted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    analyzed_at timestamptz, -- written in the transaction of its ANALYZE; null: not since its rows came
    layout text, -- how its rows were stored on both sides when they were the same (schema/layout.py)
    altered_layout text, -- how they were stored when altered_lsn was noted
    altered_lsn pg_lsn, -- a position of the source after ADD COLUMN: what was written without the column lies before it
    insert_only boolean NOT NULL DEFAULT false, -- it stands in its group's second publication
    changes bigint, -- UPDATEs and DELETEs of it that the source had counted before its copy began
    counted_since text, -- when the source had begun to count; or that it did not
    structure text, -- its indexes and constraints on the source, by oid, when it began, or when structure_lsn was noted
    structure_lsn pg_lsn, -- a position of the source after they were seen: what was written without them lies before it
    PRIMARY KEY (mapping, relation)
);
CREATE TABLE IF NOT EXISTS migrator.parts (
    mapping text NOT NULL,
    group_number integer NOT NULL,
    relation text NOT NULL,
    number integer NOT NULL,
    first_block bigint NOT NULL,
    last_block bigint, -- the first that is not in it; null: to the end
    filenode oid NOT NULL, -- pg_class.relfilenode on the source, as the group's snapshot sees it
    rows bigint,
    bytes bigint,
    copied_at timestamptz, -- null: not yet; written in the transaction that brings the rows
    PRIMARY KEY (mapping, group_number, relation, number)
);
CREATE TABLE IF NOT EXISTS migrator.keepers (
    mapping text NOT NULL,
    group_number integer NOT NULL,
    keeper text NOT NULL,
    snapshot text NOT NULL, -- what it exported, for SET TRANSACTION SNAPSHOT
    backend_pid integer NOT NULL, -- its session on the source
    backend_start timestamptz NOT NULL,
    exported_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (mapping, group_number, keeper)
);
CREATE TABLE IF NOT EXISTS migrator.carried (
    mapping text NOT NULL,
    what text NOT NULL,
    carried_at timestamptz NOT NULL, -- before the first row of it was read on the source
    rows bigint NOT NULL,
    bytes bigint NOT NULL,
    seconds double precision, -- it took
    barrier pg_lsn, -- the one in force before the first row was read; 0/0: none
    counted text, -- what the source had counted of its tables by then
    counted_since text, -- when the source had begun to count
    PRIMARY KEY (mapping, what)
);
CREATE TABLE IF NOT EXISTS migrator.large_objects (
    mapping text NOT NULL,
    large_object oid PRIMARY KEY -- made by us, in the transaction that wrote this row
);
CREATE TABLE IF NOT EXISTS migrator.given (
    mapping text NOT NULL,
    object text NOT NULL,
    PRIMARY KEY (mapping, object)
);
