"""Directories for what is thrown away: each is held by the process that made it, so that what a killed one leaves is known.

Held means: an flock on a file in it, which ends with the process, however it ends. `sweep` removes what nobody holds; the
directories of others, and those without that file, it never touches.
"""

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

PREFIXES = ("pgm-", "pg-migrator-")
_PLACE = Path("/tmp")  # noqa: S108 - a socket's path must be short
_OWNER = ".owner"
_held: dict[Path, int] = {}


def make(prefix: str, parent: Path = _PLACE) -> Path:
    """A directory that is ours as long as this process lives. `prefix` begins with one of PREFIXES."""
    home = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    making = home / f"{_OWNER}.making"
    descriptor = os.open(making, os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    making.rename(home / _OWNER)  # under this name it was never without its lock
    _held[home] = descriptor
    return home


def remove(home: Path) -> None:
    """It and all that is in it."""
    shutil.rmtree(home, ignore_errors=True)
    let_go(home)


def keep(home: Path) -> None:
    """It stays, for a person to read: nobody will sweep it."""
    (home / _OWNER).unlink(missing_ok=True)
    let_go(home)


def let_go(home: Path) -> None:
    """It is nobody's any more."""
    if home in _held:
        os.close(_held.pop(home))


def sweep(parent: Path = _PLACE) -> list[Path]:
    """Remove what killed processes of ours left behind; what was removed."""
    found = [owner.parent for prefix in PREFIXES for owner in parent.glob(f"{prefix}*/{_OWNER}")]
    return [home for home in sorted(found) if _sweep(home)]


def _sweep(home: Path) -> bool:
    with suppress(OSError):  # another user's, or gone meanwhile
        descriptor = os.open(home / _OWNER, os.O_RDWR)
        try:
            if lock(descriptor) and not _server_runs(home):
                shutil.rmtree(home, ignore_errors=True)
                return True
        finally:
            os.close(descriptor)
    return False


def lock(descriptor: int) -> bool:
    """Take the file's lock, or say that somebody else has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _server_runs(home: Path) -> bool:
    """A PostgreSQL server that has not noticed yet that its owner is gone (or cannot: only Linux tells it)."""
    with suppress(OSError, ValueError, IndexError):
        os.kill(int((home / "data" / "postmaster.pid").read_text().splitlines()[0]), 0)
        return True
    return False
