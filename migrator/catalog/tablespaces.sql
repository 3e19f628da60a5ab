SELECT spcname AS name FROM pg_tablespace ORDER BY spcname
