-- What moves whenever the source may have lost count. An ordered restart keeps the counters; a crash throws them away, and moves all resets
-- of the server's own with them, of which somebody may reset one alone; whoever resets those of a table or a database moves the database's.
concat_ws(' ', extract(epoch FROM pg_stat_get_db_stat_reset_time((SELECT oid FROM pg_database WHERE datname = current_database()))),
          (SELECT extract(epoch FROM least(a.stats_reset, b.stats_reset, w.stats_reset))
           FROM pg_stat_archiver AS a, pg_stat_bgwriter AS b, pg_stat_wal AS w))
