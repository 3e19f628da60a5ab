"""Throw-away PostgreSQL clusters and a throw-away Valkey, for the demo and the tests."""

import os
import pwd
import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import psycopg

from migrator import quote
from migrator.config import InstanceSpec, Secret
from migrator.errors import MigratorError
from migrator.machines import scratch
from migrator.machines.datadir import identify_anew
from migrator.machines.orphans import die_with_parent
from migrator.machines.ports import free_port, wait_listening
from migrator.machines.provision import as_root, cache, locked, postgres_bin, valkey_command

Mode = Literal["smart", "fast", "immediate"]
_STOP_SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
_START_SECONDS = 60.0
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "shared_buffers": "32MB",
    "wal_level": "logical",
    "max_wal_senders": "20",
    "max_replication_slots": "20",
    "max_worker_processes": "20",
    "max_logical_replication_workers": "12",
    "wal_retrieve_retry_interval": "500ms",
}
_HBA = "local all all trust\nhost all all 127.0.0.1/32 {0}\nhost replication all 127.0.0.1/32 {0}\n"


class ClusterError(MigratorError):
    """A throw-away cluster did not start; `message` ends with its log."""


class Cluster:
    """One PostgreSQL server that is ours alone: made from a template, gone with `remove()` (or with our process)."""

    host = "127.0.0.1"
    superuser = "postgres"

    def __init__(self, version: int, home: Path) -> None:
        self.version = version
        self.bin = postgres_bin(version)
        self.home = home
        self.data = home / "data"
        self.port = 0
        self.password: str | None = None
        self._server: subprocess.Popen[bytes] | None = None

    @classmethod
    def create(cls, version: int, settings: Mapping[str, str] | None = None, password: str | None = None) -> Self:
        """A running cluster of this major version. With a password (the superuser's), TCP connections need one (SCRAM)."""
        home = scratch.make("pgm-")
        cluster = cls(version, home)
        _give_away(home)
        subprocess.run(["cp", "-Rp", str(_template(version, cluster.bin)), str(cluster.data)], check=True)
        identify_anew(cluster.data)
        (cluster.data / "pg_hba.conf").write_text(_HBA.format("scram-sha-256" if password else "trust"))
        own = {"unix_socket_directories": str(home)}
        if version >= 18:
            own["max_active_replication_origins"] = "20"
        with (cluster.data / "postgresql.conf").open("a") as file:
            for name, value in {**_SETTINGS, **own, **(settings or {})}.items():
                file.write(f"{name} = '{value}'\n")
        cluster._start_somewhere()
        if password:
            cluster._set_password(password)
        return cluster

    def _set_password(self, password: str) -> None:
        with psycopg.connect(self.dsn(), host=str(self.home), autocommit=True) as local:
            verifier = local.pgconn.encrypt_password(password.encode(), self.superuser.encode(), b"scram-sha-256")
            local.execute(f"ALTER ROLE {self.superuser} PASSWORD {quote.literal(verifier.decode())}")
        self.password = password

    def _start_somewhere(self, tries: int = 5) -> None:
        for remaining in reversed(range(tries)):
            self.port = free_port()
            try:
                return self.start()
            except ClusterError:
                if not remaining or "Address already in use" not in self.log():
                    raise
        return None

    def start(self) -> None:
        """Start the server on its port, and wait until it takes connections."""
        deadline = time.monotonic() + _START_SECONDS
        while True:
            self._launch()
            if self._wait_ready(deadline):
                return
            # a killed server's backends hold its shared memory for a moment longer
            if time.monotonic() > deadline or "is still in use" not in self.log()[-1000:]:
                raise ClusterError(f"PostgreSQL {self.version} in {self.data} did not start: {self.log()[-2000:]}")
            time.sleep(0.2)

    def _launch(self) -> None:
        with (self.home / "log").open("ab") as log:
            self._server = subprocess.Popen(
                [str(self.bin / "postgres"), "-D", str(self.data), "-p", str(self.port)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGQUIT), **_demoted(),
            )  # fmt: skip

    def _wait_ready(self, deadline: float) -> bool:
        assert self._server is not None
        while time.monotonic() < deadline and self._server.poll() is None:
            with suppress(OSError):
                lines = (self.data / "postmaster.pid").read_text().splitlines()
                if len(lines) > 7 and lines[0] == str(self._server.pid) and lines[7].strip() == "ready":
                    return True
            time.sleep(0.02)
        return False

    @property
    def running(self) -> bool:
        return self._server is not None and self._server.poll() is None

    @property
    def pid(self) -> int | None:
        """The postmaster's process id."""
        return self._server.pid if self._server is not None and self.running else None

    def stop(self, mode: Mode = "fast") -> None:
        """Stop the server; nothing where it is not running."""
        if self._server is not None and self.running:
            self._server.send_signal(_STOP_SIGNALS[mode])
            self._server.wait(timeout=60)

    def restart(self, mode: Mode = "fast") -> None:
        """Stop and start on the same port and data."""
        self.stop(mode)
        self.start()

    def kill(self) -> None:
        """SIGKILL for the postmaster and all its children, as an OOM killer or a power cut would."""
        if self._server is None or not self.running:
            return
        children = Path(f"/proc/{self._server.pid}/task/{self._server.pid}/children")
        victims = [int(pid) for pid in children.read_text().split()] if children.exists() else []
        for pid in (self._server.pid, *victims):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._server.wait(timeout=60)

    def remove(self) -> None:
        """Stop at once and delete everything."""
        self.stop("immediate")
        scratch.remove(self.home)

    def log(self) -> str:
        """The server's log so far."""
        path = self.home / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def dsn(self, database: str = "postgres") -> str:
        """A conninfo for the superuser over TCP."""
        return psycopg.conninfo.make_conninfo(host=self.host, port=self.port, user=self.superuser, dbname=database)

    def connect(self, database: str = "postgres", **parameters: Any) -> "psycopg.Connection[tuple[Any, ...]]":
        """An autocommit connection as the superuser (libpq parameters override)."""
        return psycopg.connect(self.dsn(database), autocommit=True, **{"password": self.password, **parameters})

    def execute(self, sql: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run SQL on a connection of its own; the rows of its last result, if it has any."""
        with self.connect(database) as connection:
            cursor = connection.execute(sql)
            while cursor.nextset():
                pass
            return cursor.fetchall() if cursor.description else []

    def spec(self, name: str, **fields: Any) -> InstanceSpec:
        """How the tool is told about this server."""
        password = Secret(self.password) if self.password else None
        known = {"server": self.host, "port": self.port, "username": self.superuser, "password": password}
        return InstanceSpec(**{"name": name, **known, **fields})


class Valkey:
    """A Valkey of our own on a free port of the loopback interface."""

    def __init__(self) -> None:
        self._home = scratch.make("pgm-valkey-")
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        """Start it, empty, on its port, and wait until it listens."""
        self._server = subprocess.Popen(
            valkey_command(self.port, self._home),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent(),
        )  # fmt: skip
        wait_listening(self.port)

    def kill(self) -> None:
        """SIGKILL: everything in it is gone."""
        self._server.kill()
        self._server.wait(timeout=10)

    def remove(self) -> None:
        """Kill it and delete everything."""
        self.kill()
        scratch.remove(self._home)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.remove()


def _template(version: int, directory: Path) -> Path:
    """An initialised data directory of these binaries, made once per machine and build: a minor update brings other catalogs."""
    name = f"template-{version}-{'-'.join(directory.parts[1:])}-{_build(directory)}"[-200:]
    template = cache() / name
    with locked("template"):
        if not template.exists():
            making = scratch.make("pgm-initdb-")
            _give_away(making)
            _initdb(directory, making / "data")
            subprocess.run(["cp", "-Rp", str(making / "data"), str(template) + ".making"], check=True)
            Path(str(template) + ".making").rename(template)
            scratch.remove(making)
    return template


@lru_cache
def _build(directory: Path) -> str:
    """What these binaries call themselves, as a part of a file's name: `15.20-Debian-15.20-0-deb12u1`."""
    said = subprocess.run([str(directory / "postgres"), "--version"], check=True, capture_output=True, text=True).stdout
    return re.sub(r"[^\w.]+", "-", said.removeprefix("postgres (PostgreSQL) ")).strip("-")


def _initdb(directory: Path, data: Path) -> None:
    command: Sequence[str] = [
        str(directory / "initdb"), "-D", str(data), "-U", Cluster.superuser, "-A", "trust", "-E", "UTF8",
        "--locale=C.UTF-8", "--no-sync", "--no-instructions",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, **_demoted())
    if done.returncode:
        raise ClusterError(f"initdb of {directory} failed: {done.stderr or done.stdout}")


def _demoted() -> dict[str, Any]:
    """How server programs are started: never as root, without our PG* environment, where anybody may be."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    started: dict[str, Any] = {"cwd": "/", "env": {**environment, "LC_ALL": "C.UTF-8", "HOME": "/tmp"}}  # noqa: S108
    if as_root():
        nobody = pwd.getpwnam("nobody")
        started |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    return started


def _give_away(path: Path) -> None:
    if as_root():
        nobody = pwd.getpwnam("nobody")
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
