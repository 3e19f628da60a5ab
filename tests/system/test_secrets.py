"""Passwords planted in every place that has one are looked for in everything a migration writes or shows: none is found."""

import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import redis
from click.testing import CliRunner

from migrator.cli import main
from migrator.machines.cluster import Cluster
from migrator.machines.ports import free_port, wait_listening
from tests.machine_room import MachineRoom, instance, machine_room, write_config
from tests.system.scenario import seed

Clusters = Callable[..., Cluster]

MARK = "pl4nted"
"""In every password: what is searched for is this word, however the rest of the password is spelled there."""
OLD, NEW, APP, COMMON = (f"{MARK}-{name} '\"\\%x" for name in ("old", "new", "app", "common"))
EVERYTHING = {
    "log_statement": "all",
    "log_min_duration_statement": "0",
    "log_replication_commands": "on",
    "log_connections": "on",
    "log_error_verbosity": "verbose",
}
PAGES = (
    "",
    "mappings/m",
    "config",
    "api/mappings",
    "api/mappings/m",
    "api/mappings/m/relations",
    "readyz",
)
COMMANDS = (
    ("plan", "--sql"), ("plan", "--json"), ("status",), ("status", "--json"), ("check",), ("check", "--json"),
    ("cutover",), ("grants",), ("notify",),
)  # fmt: skip


def test_no_password_in_anything_we_write_or_show(cluster: Clusters, tmp_path: Path) -> None:
    source, destination = cluster(16, password=OLD), cluster(18, password=NEW)
    planted = [*plant(source), MARK]
    unlogged = {server: len(server.log()) for server in (source, destination)}
    for server in unlogged:
        log_everything(server)

    nowhere = configuration(tmp_path, instance(source, replication_port=free_port()), destination)
    with machine_room(nowhere) as room:
        seen = room.until(lambda summary: "destination_cannot_reach_source" in json.dumps(summary["findings"]))
        texts = dict(shown(room)) | {"failed": json.dumps(seen)}
        texts["logs of the failure"] = room.logs()
    with machine_room(configuration(tmp_path, instance(source), destination)) as room:
        room.status("cutover_ready")
        texts |= {f"{place}, later": text for place, text in shown(room)}
        texts["logs"] = room.logs()
    for server, length in unlogged.items():
        texts[f"log of {server.version}"] = server.log()[length:]

    assert [(place, secret) for place, text in texts.items() for secret in planted if secret in text] == []
    assert "CREATE SUBSCRIPTION" in texts["log of 18"]
    assert "CREATE ROLE" in texts["log of 18"]
    assert "notification put off" in texts["logs"]
    assert all(texts.values()), [place for place, text in texts.items() if not text]
    assert destination.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'app'") == source.execute(
        "SELECT rolpassword FROM pg_authid WHERE rolname = 'app'"
    )


def plant(source: Cluster) -> list[str]:
    """A role's password on the source, and the keys of all verifiers there."""
    seed(source)
    with source.connect() as connection:
        verifier = connection.pgconn.encrypt_password(APP.encode(), b"app", b"scram-sha-256").decode()
        connection.execute(f"ALTER ROLE app PASSWORD '{verifier}'")
        rows = connection.execute("SELECT split_part(rolpassword, '$', 3) FROM pg_authid WHERE rolpassword <> ''")
        return [key for (key,) in rows.fetchall()]


def log_everything(server: Cluster) -> None:
    for name, value in EVERYTHING.items():
        server.execute(f"ALTER SYSTEM SET {name} = '{value}'")
    server.execute("SELECT pg_reload_conf()")


def configuration(directory: Path, source: dict[str, object], destination: Cluster) -> Path:
    """With an address for notifications where nobody listens: each try of it fails, and is logged."""
    path = write_config(directory, source, instance(destination), {}, common_password=COMMON, schema_trial=True)
    hook = f"http://127.0.0.1:{free_port()}/services/{MARK}-hook?token={MARK}-token"
    path.write_text(json.dumps({**json.loads(path.read_text()), "notifications": [{"url": hook, "kind": "slack"}]}))
    return path


def shown(room: MachineRoom) -> Iterator[tuple[str, str]]:
    """Everything that can be seen of a running migration, by place."""
    dashboard = urlsplit(room.machinery.dashboard or "")
    wait_listening(dashboard.port or 0)
    for page in PAGES:
        with urllib.request.urlopen(f"{room.machinery.dashboard}{page}") as answer:
            yield f"/{page}", answer.read().decode()
    for command in COMMANDS:
        result = CliRunner().invoke(main, [command[0], "-c", str(room.config), *command[1:]])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        yield " ".join(command), result.output
    yield "Redis", "\n".join(contents(room))
    yield "process list", "\n".join(command_lines())


def contents(room: MachineRoom) -> Iterator[str]:
    """Every key of Redis with all its values."""
    with redis.Redis.from_url(room.machinery.redis_url.reveal()) as client:
        reading = {
            b"string": client.get,
            b"hash": client.hgetall,
            b"set": client.smembers,
            b"list": lambda key: client.lrange(key, 0, -1),
            b"zset": lambda key: client.zrange(key, 0, -1),
        }
        for key in client.scan_iter():
            kind = client.type(key)
            if kind != b"none":
                yield f"{key!r} {reading[kind](key)!r}"


def command_lines() -> Iterator[str]:
    """Of every process of this machine, the servers' among them."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            yield path.read_bytes().decode(errors="replace")
