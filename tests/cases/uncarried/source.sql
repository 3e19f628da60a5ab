-- What cannot be carried, and what is left out because it is ours or does not move.
CREATE SCHEMA migrator;
CREATE PUBLICATION migrator_ours_000000000000_g1;
CREATE SUBSCRIPTION elsewhere CONNECTION 'dbname=nowhere' PUBLICATION p WITH (connect = false, slot_name = NONE);
