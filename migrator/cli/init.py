"""init: from nothing to a configuration. Asks four things, writes a commented file, overwrites nothing."""

import json
import re
from pathlib import Path

import click

from migrator.errors import MigratorError

_TEMPLATE = """\
# pg-migrator. Every key, its default and its unit: docs/configuration.md
# Each key may also come from the environment: MIGRATOR__REPLICATION__RATE_LIMIT_MBPS=25

instances:
  source:
    server: {source}
    port: {source_port}
    username: {username}
    # The password, by one of: MIGRATOR__INSTANCES__SOURCE__PASSWORD, ..._PASSWORD_FILE, or
    # password_file: /run/secrets/source
    # Or in libpq's own passfile (passfile: ...) or service file (service: ..., which may give all of these keys).
    # Where the destination reaches the source by another address than we do:
    # replication_server: 10.0.0.5
    # sslmode: verify-full
    # sslrootcert: /etc/pg-migrator/ca.crt
    # The same authorities, in a file on the destination's machine, which dials the source:
    # replication_sslrootcert: /etc/postgresql/ca.crt
  destination:
    server: {destination}
    port: {destination_port}
    username: {username}
    # password_file: /run/secrets/destination
    # sslmode: verify-full
    # sslrootcert: /etc/pg-migrator/ca.crt

mappings:
  - source_instance: source
    destination_instance: destination
    # "*": all but templates. More than a list of names and patterns:
    databases: {databases}
    # databases:
    #   include: ["*"]
    #   exclude: [scratch]
    #   rename: {{shop: store}}
    # A role the destination already has: merge, skip or fail.
    role_conflict_strategy: merge
    # Partitions that come and go on the source meanwhile: report, create or create_and_drop.
    partition_maintenance: create

replication:
  # MB/s read from the source; none: no limit. `pg-migrator limit` changes it while it runs.
  rate_limit_mbps: none
  # Seconds everything must have been quiet before the light comes.
  stable_seconds: 60
  # WAL our slots may retain on the source before the alarm.
  wal_budget_gb: 64

# Where the processes meet. `pg-migrator run` starts a Valkey of its own without it.
# redis_url: redis://localhost:6379/0
"""


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), default=Path("migrator.yaml"))
@click.option("--source", prompt="Source server (HOST or HOST:PORT)", help="HOST or HOST:PORT.")
@click.option("--destination", prompt="Destination server (HOST or HOST:PORT)", help="HOST or HOST:PORT.")
@click.option("--username", prompt="Role to work as, on both", default="postgres", help="The role, on both.")
@click.option("--databases", prompt="Databases (names or patterns, with commas)", default="*", help="With commas.")
def init(file: Path, source: str, destination: str, username: str, databases: str) -> None:
    """Write a commented configuration to FILE (migrator.yaml)."""
    (source_host, source_port), (host, port) = _address(source), _address(destination)
    text = _TEMPLATE.format(
        source=json.dumps(source_host),
        source_port=source_port,
        destination=json.dumps(host),
        destination_port=port,
        username=json.dumps(username),
        databases=json.dumps([name.strip() for name in databases.split(",") if name.strip()]),
    )
    try:
        with file.open("x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError:
        raise MigratorError(f"{file} exists.", "Name another file: pg-migrator init FILE") from None
    except OSError as error:
        raise MigratorError(f"{file} cannot be written: {error.strerror}.") from None
    click.echo(
        f"Wrote {file}. Add the passwords as it says. pg-migrator grants -c {file} prints the rights that both servers need; "
        f"then look whether all is well: pg-migrator check -c {file}"
    )


def _address(text: str) -> tuple[str, int]:
    """Host and port. An IPv6 address with a port stands in brackets."""
    match = re.fullmatch(r"\[(?P<v6>.+)\]:(?P<v6port>\d+)|(?P<host>[^:]+):(?P<port>\d+)", text.strip())
    if match is None:
        return text.strip().strip("[]"), 5432
    return match["v6"] or match["host"], int(match["v6port"] or match["port"])
