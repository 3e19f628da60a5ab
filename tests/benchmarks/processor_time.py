"""Processor time of processes and all they have started, by the kernel's count: in seconds, user and system together."""

import os
from collections.abc import Iterable
from pathlib import Path

from migrator.machines.cluster import Cluster
from tests.machine_room import children

TICK = os.sysconf("SC_CLK_TCK")


def of_servers(clusters: Iterable[Cluster]) -> float:
    """Of both servers' processes, those that have ended included."""
    return sum(of_tree(cluster.pid) for cluster in clusters if cluster.pid)


def of_tree(pid: int) -> float:
    """Of a process, of its children that live, with theirs, and of those that it has waited for."""
    return sum(_stat(pid)) / TICK + sum(of_tree(child) for child in children(pid))


def _stat(pid: int) -> list[int]:
    """utime, stime, and the same of ended children."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return [0]
    return [int(field) for field in fields[11:15]]
