SELECT extname AS name, extversion AS value FROM pg_extension ORDER BY extname
