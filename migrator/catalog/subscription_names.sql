SELECT subname AS name FROM pg_subscription ORDER BY subname
