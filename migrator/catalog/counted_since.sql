-- What moves whenever the source may have lost count. An ordered restart keeps the counters; a crash throws them away, and moves the
-- archiver's reset with them; whoever resets those of a table or a database moves the database's.
concat_ws(' ', extract(epoch FROM pg_stat_get_db_stat_reset_time((SELECT oid FROM pg_database WHERE datname = current_database()))),
          (SELECT extract(epoch FROM stats_reset) FROM pg_stat_archiver))
