"""A certificate authority for the tests, and servers that speak TLS with its certificates."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from migrator.errors import BinariesMissingError
from migrator.machines import provision
from migrator.machines.cluster import Cluster
from tests.conftest import absent

_CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key, in files that only their owner reads."""

    certificate: Path
    key: Path

    def given_to(self, server: Cluster, name: str) -> "Certificate":
        """A copy where this server can read it."""
        return Certificate(handed(self.certificate, server, f"{name}.crt"), handed(self.key, server, f"{name}.key"))


def handed(file: Path, server: Cluster, name: str) -> Path:
    """A copy of a file in a server's own directory, its owner's alone."""
    target = server.home / name
    shutil.copy(file, target)
    target.chmod(0o600)
    owner = server.home.stat()
    os.chown(target, owner.st_uid, owner.st_gid)
    return target


class Authority:
    """Signs certificates."""

    def __init__(self, folder: Path) -> None:
        if not shutil.which("openssl"):
            absent("openssl", "no openssl on this machine")
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.root = folder / "root.crt"
        self._key = folder / "root.key"
        _openssl("req", "-x509", *_CURVE, "-keyout", self._key, "-out", self.root, "-subj", "/CN=test", "-days", "2")

    def certificate(self, common_name: str, names: str = "DNS:localhost,IP:127.0.0.1", days: int = 1) -> Certificate:
        """For these alternative names; expired where `days` is negative."""
        stem = self.folder / f"{common_name}{days}{abs(hash(names))}"
        key, request, extension = (stem.with_suffix(suffix) for suffix in (".key", ".csr", ".ext"))
        _openssl("req", "-new", *_CURVE, "-keyout", key, "-out", request, "-subj", f"/CN={common_name}")
        extension.write_text(f"subjectAltName={names}\n")
        made = stem.with_suffix(".crt")
        _openssl("x509", "-req", "-in", request, "-CA", self.root, "-CAkey", self._key, "-CAcreateserial",
                 "-extfile", extension, "-out", made, "-days", str(days))  # fmt: skip
        key.chmod(0o600)
        return Certificate(made, key)


def _openssl(*arguments: object) -> None:
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def speak_tls(server: Cluster, certificate: Certificate, root: Path, *hba: str) -> None:
    """From now on this server speaks TLS with that certificate, and admits whom `hba` says; its socket trusts."""
    own = certificate.given_to(server, f"server{abs(hash(certificate.certificate))}")
    settings = {
        "ssl_cert_file": own.certificate,
        "ssl_key_file": own.key,
        "ssl_ca_file": handed(root, server, "ca.crt"),
    }
    lines = "\n".join(("local all all trust", *hba)) + "\n"
    with server.connect(host=str(server.home)) as session:
        for name, value in {**settings, "ssl": "on"}.items():
            session.execute(f"ALTER SYSTEM SET {name} = '{value}'".encode())
        (server.data / "pg_hba.conf").write_text(lines)
        session.execute("SELECT pg_reload_conf()")
    until_tls(server)


def until_tls(server: Cluster) -> None:
    """A reload is asynchronous: wait until new sessions see it."""
    for _ in range(100):
        with server.connect(host=str(server.home)) as session:
            row = session.execute("SELECT current_setting('ssl'), pg_sleep(0.05)").fetchone()
        if row and row[0] == "on":
            return
    raise AssertionError(server.log()[-2000:])


def with_openssl(monkeypatch: pytest.MonkeyPatch, cluster: Callable[..., Cluster]) -> Callable[..., Cluster]:
    """`cluster`, of binaries that were built with OpenSSL: Debian's, or npm's."""

    def create(version: int, password: str | None = None, **settings: str) -> Cluster:
        try:
            directory = Path(f"/usr/lib/postgresql/{version}/bin")
            found = directory if directory.exists() else provision.fetch(version)
        except BinariesMissingError as error:
            absent("openssl", str(error))
        with monkeypatch.context() as patch:
            patch.setenv(f"MIGRATOR_PG{version}_BIN", str(found))
            return cluster(version, password, **settings)

    return create
