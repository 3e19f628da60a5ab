"""A disk that is full: part of a cluster on a tmpfs, whose size can be changed while the server runs. Needs root and mount."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from migrator.machines.cluster import Cluster
from tests.conftest import absent

MB = 1024 * 1024


class SmallDisk:
    """A mounted tmpfs."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def resize(self, megabytes: float) -> None:
        """Leave so much room beyond what is in use now."""
        used = shutil.disk_usage(self._place).used
        _run("mount", "-o", f"remount,size={int(used + megabytes * MB)}", str(self._place))

    @property
    def free_bytes(self) -> int:
        return shutil.disk_usage(self._place).free


@contextmanager
def small_disk(cluster: Cluster, directory: str) -> Iterator[SmallDisk]:
    """One directory of the cluster's data (`base`, `pg_wal`) on a disk of its own, at first of ample size."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        absent("tmpfs", "*** mounting a tmpfs needs root: a full disk was not tested ***")
    place = cluster.data / directory
    owner = place.stat()
    cluster.stop()
    place.rename(place.with_suffix(".before"))
    place.mkdir(mode=0o700)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1g", "tmpfs", str(place)], capture_output=True, text=True
    )
    if done.returncode:
        absent("tmpfs", f"*** no tmpfs here: a full disk was not tested ({done.stderr}) ***")
    try:
        _run("cp", "-a", f"{place.with_suffix('.before')}/.", str(place))
        os.chown(place, owner.st_uid, owner.st_gid)
        place.chmod(0o700)
        cluster.start()
        yield SmallDisk(place)
    finally:
        cluster.stop("immediate")
        _run("umount", "--lazy", str(place))


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, text=True)
