"""The line to Redis: by TLS nobody is spoken to who is not proven to be it, and a socket in the file system is enough."""

import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import redis

from migrator.machines.ports import free_port
from migrator.machines.provision import valkey_command
from tests.authority import Authority, Certificate
from tests.system.test_fairness import config_of_many, running

PASSWORD = "planted7"

SEND = """
import asyncio
from flower.utils.broker import Broker
from workers.app import app, store
def of_celery():
    app.connection_for_read().ensure_connection(max_retries=1, timeout=5)
    app.send_task("reconcile", args=("m0",), queue="reconcile", retry=False)
def of_flower():
    url = app.connection().as_uri(include_password=True)
    broker = Broker(url, broker_options=app.conf.broker_transport_options, broker_use_ssl=app.conf.broker_use_ssl)
    print(asyncio.run(broker.queues(["reconcile"])))
for name, work in {"celery": of_celery, "flower": of_flower, "store": lambda: store().ping()}.items():
    try:
        work()
        print(name, "spoke")
    except Exception as error:
        print(name, "refused:", error)
"""


class TlsFront:
    """Speaks TLS before a Redis that does not, and keeps what it was told."""

    def __init__(self, certificate: Certificate, port: int) -> None:
        self.heard, self._behind = b"", port
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate.certificate, certificate.key)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=(self._listener.accept()[0],), daemon=True).start()

    def _serve(self, raw: socket.socket) -> None:
        behind = socket.create_connection(("127.0.0.1", self._behind))
        with behind, suppress(OSError), self._context.wrap_socket(raw, server_side=True) as client:
            threading.Thread(target=_pump, args=(behind, client), daemon=True).start()
            while data := client.recv(65536):
                self.heard += data
                behind.sendall(data)


def _pump(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)


@contextmanager
def redis_server(directory: Path, *options: str) -> Iterator[int]:
    port = free_port()
    with subprocess.Popen([*valkey_command(port, directory), *options], stdout=subprocess.DEVNULL) as server:
        try:
            _until_there(port)
            yield port
        finally:
            server.kill()


def _until_there(port: int) -> None:
    for _ in range(100):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.1)
    raise AssertionError("no Redis")


def send(config: Path, url: str, **environment: str) -> list[str]:
    """What became of one message of Celery's, a question of Flower's and one of ours."""
    own = {"MIGRATOR_CONFIG": str(config), "MIGRATOR__REDIS_URL": url, **environment}
    done = subprocess.run(
        [sys.executable, "-c", SEND], env={**os.environ, **own}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return [line for line in done.stdout.splitlines() if line.startswith(("celery", "flower", "store"))]


SPOKE = ["celery spoke", "flower spoke", "store spoke"]


@pytest.mark.timeout(200)
def test_by_tls_only_who_proves_to_be_redis_hears_a_word(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    config = config_of_many(tmp_path, "redis://127.0.0.1:1/0")
    with redis_server(tmp_path, "--requirepass", PASSWORD) as port:
        right = TlsFront(authority.certificate("redis"), port)
        impostor = TlsFront(Authority(tmp_path / "other").certificate("redis"), port)
        elsewhere = TlsFront(authority.certificate("elsewhere", "DNS:elsewhere.example"), port)
        url = f"rediss://:{PASSWORD}@localhost:%s/0"
        named = f"?ssl_ca_certs={authority.root}"
        assert send(config, url % right.port + named) == SPOKE
        assert send(config, url % right.port, SSL_CERT_FILE=str(authority.root)) == SPOKE
        assert b"reconcile" in right.heard
        for front in (impostor, elsewhere):
            for found in (
                send(config, url % front.port + named),
                send(config, url % front.port, SSL_CERT_FILE=str(authority.root)),
            ):
                assert all("refused" in line and "certificate verify failed" in line for line in found), found
            assert front.heard == b"", "not the password, above all"
        assert send(config, url % impostor.port + "?ssl_cert_reqs=none") == SPOKE, "asked for in writing"
        for front in (right, impostor, elsewhere):
            front.close()


@pytest.mark.timeout(200)
@pytest.mark.parametrize("password", ["", PASSWORD])
def test_a_socket_in_the_file_system(tmp_path: Path, password: str) -> None:
    path = tmp_path / "redis.sock"
    options = ["--unixsocket", str(path), *(["--requirepass", password] if password else [])]
    with redis_server(tmp_path, *options) as port:
        user = f":{password}@" if password else ""
        config = config_of_many(tmp_path, f"unix://{user}{path}")
        assert send(config, f"unix://{user}{path}") == SPOKE
        config_of_many(tmp_path, f"unix://{user}{path}?db=3")
        client = redis.Redis.from_url(f"redis://{user}127.0.0.1:{port}/3", decode_responses=True)
        with running(config, "beat", "ticks") as supervisor:
            deadline = time.monotonic() + 60
            while not client.hlen("ticked") > 2:
                supervisor.tick()
                assert time.monotonic() < deadline, client.keys()
                time.sleep(0.2)
