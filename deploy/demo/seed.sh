#!/bin/bash
# Sample databases for the demo, made by the postgres image at its first start: the same as `pg-migrator demo` has.
set -euo pipefail
samples=${SAMPLES:-/samples}
export PGUSER=${POSTGRES_USER:-postgres}

run() { psql -X -q -v ON_ERROR_STOP=1 -v password="'demo'" -v events=40000 -o /dev/null "$@"; }

run -d postgres -f "$samples/roles.sql"
for name in shop analytics; do
  run -d postgres -c "CREATE DATABASE $name OWNER ${name}_owner"
  run -d "$name" -f "$samples/$name.sql"
done
run -d postgres -c "CREATE DATABASE pgbench"
pgbench -i -q -s 2 --foreign-keys pgbench
run -d pgbench -f "$samples/bench.sql"
run -d postgres <<'SQL'
ALTER DATABASE shop SET timezone = 'UTC';
ALTER ROLE analytics_app IN DATABASE analytics SET lock_timeout = '5s';
REVOKE CONNECT ON DATABASE analytics FROM PUBLIC;
GRANT CONNECT ON DATABASE analytics TO analytics_app, readers;
SQL
