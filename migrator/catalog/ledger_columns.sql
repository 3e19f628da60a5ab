-- What the tables of older versions lack: one statement a column, by which an older ledger is also told. None is ever taken out.
-- Never run where nothing is missing: an ALTER TABLE that changes nothing waits for every part being copied all the same.
ALTER TABLE migrator.groups ADD COLUMN IF NOT EXISTS database text;
ALTER TABLE migrator.groups ADD COLUMN IF NOT EXISTS snapshot_lsn pg_lsn;
ALTER TABLE migrator.groups ADD COLUMN IF NOT EXISTS retired_at timestamptz;
ALTER TABLE migrator.groups ADD COLUMN IF NOT EXISTS slot_dropped_at timestamptz;
ALTER TABLE migrator.relations ADD COLUMN IF NOT EXISTS target_oid oid;
ALTER TABLE migrator.relations ADD COLUMN IF NOT EXISTS attached_lsn pg_lsn;
ALTER TABLE migrator.relations ADD COLUMN IF NOT EXISTS gone_lsn pg_lsn;
ALTER TABLE migrator.relations ADD COLUMN IF NOT EXISTS was_partition boolean NOT NULL DEFAULT false;
ALTER TABLE migrator.groups ADD COLUMN IF NOT EXISTS method text NOT NULL DEFAULT 'subscription';
ALTER TABLE migrator.relations ADD COLUMN IF NOT EXISTS analyzed_at timestamptz;
ALTER TABLE migrator.carried ADD COLUMN IF NOT EXISTS seconds double precision;
ALTER TABLE migrator.carried ADD COLUMN IF NOT EXISTS barrier pg_lsn;
ALTER TABLE migrator.carried ADD COLUMN IF NOT EXISTS counted text;
ALTER TABLE migrator.carried ADD COLUMN IF NOT EXISTS counted_since text;
ALTER TABLE migrator.relations ADD COLUMN IF NOT EXISTS layout text;
ALTER TABLE migrator.relations ADD COLUMN IF NOT EXISTS altered_layout text;
ALTER TABLE migrator.relations ADD COLUMN IF NOT EXISTS altered_lsn pg_lsn;
ALTER TABLE migrator.groups ADD COLUMN IF NOT EXISTS inserts_oid oid;
ALTER TABLE migrator.groups ADD COLUMN IF NOT EXISTS inserts_xmin text;
ALTER TABLE migrator.relations ADD COLUMN IF NOT EXISTS insert_only boolean NOT NULL DEFAULT false;
ALTER TABLE migrator.relations ADD COLUMN IF NOT EXISTS changes bigint;
ALTER TABLE migrator.relations ADD COLUMN IF NOT EXISTS counted_since text;
ALTER TABLE migrator.relations ADD COLUMN IF NOT EXISTS structure text;
ALTER TABLE migrator.relations ADD COLUMN IF NOT EXISTS structure_lsn pg_lsn;
ALTER TABLE migrator.groups ADD COLUMN IF NOT EXISTS slot_lost_at timestamptz;
