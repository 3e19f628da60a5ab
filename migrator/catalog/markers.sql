SELECT m.lsn::text, m.emitted_at, m.confirmed_at FROM migrator.markers m WHERE m.mapping = %s ORDER BY m.lsn
