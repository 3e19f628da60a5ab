-- What the tables of older versions lack: one statement a column, by which an older journal is also told. None is ever taken out.
ALTER TABLE migrator.mappings ADD COLUMN IF NOT EXISTS source text;
ALTER TABLE migrator.mappings ADD COLUMN IF NOT EXISTS source_rate_limit_mbps double precision CHECK (source_rate_limit_mbps >= 0);
ALTER TABLE migrator.mappings ADD COLUMN IF NOT EXISTS stable_at timestamptz;
ALTER TABLE migrator.mappings ADD COLUMN IF NOT EXISTS brake_mbps double precision CHECK (brake_mbps > 0);
ALTER TABLE migrator.mappings ADD COLUMN IF NOT EXISTS brake_reason text;
ALTER TABLE migrator.mappings ADD COLUMN IF NOT EXISTS source_put_back_at timestamptz;
ALTER TABLE migrator.mappings ADD COLUMN IF NOT EXISTS destination_put_back_at timestamptz;
ALTER TABLE migrator.mappings ADD COLUMN IF NOT EXISTS arrived_at timestamptz;
ALTER TABLE migrator.roles ADD COLUMN IF NOT EXISTS created boolean NOT NULL DEFAULT false;
ALTER TABLE migrator.databases ADD COLUMN IF NOT EXISTS created boolean NOT NULL DEFAULT false;
CREATE UNIQUE INDEX IF NOT EXISTS databases_target_key ON migrator.databases (target);
