SELECT system.system_identifier::text AS system_identifier, checkpoint.timeline_id AS timeline
FROM pg_control_system() AS system, pg_control_checkpoint() AS checkpoint
