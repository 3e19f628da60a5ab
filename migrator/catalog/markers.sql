SELECT lsn::text, emitted_at, confirmed_at FROM migrator.markers WHERE mapping = %s ORDER BY lsn
