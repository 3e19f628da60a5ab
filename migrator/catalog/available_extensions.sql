SELECT name, default_version AS value FROM pg_available_extensions() ORDER BY name
