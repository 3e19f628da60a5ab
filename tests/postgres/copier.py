"""A copier in a process of its own: `python -m tests.postgres.copier`, its order as JSON on stdin.

Says `copying` at its first block, and what came of it as JSON at the end: bytes received from the source over time, and peak memory.
"""

import json
import re
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from migrator.bucket import Limit, Throttle
from migrator.config import InstanceSpec
from migrator.copying.copy_part import PartCopy, copy_part
from migrator.copying.lines import destination_session, source_session
from migrator.parts import Part
from migrator.store import Store
from migrator.throttle import SharedThrottle

RECEIVED = struct.Struct("=Q")
RECEIVED_AT = 128
"""Of tcpi_bytes_received in Linux's struct tcp_info: what the source has sent and we acknowledged, read or not."""


@dataclass(frozen=True)
class Order:
    """What to copy, between which servers, at which rate (bytes per second of all copiers together; 0: no limit)."""

    old_port: int
    new_port: int
    database: str
    target: str
    name: str
    jobs: Sequence[PartCopy]
    redis_url: str = ""
    rate: float = 0.0
    seconds: float = 600.0


@dataclass
class Report:
    """What a copier has seen: moments (by the clock all processes share) with the bytes received until then."""

    rows: int = 0
    peak_kb: int = 0
    cpu_seconds: float = 0.0
    error: str = ""
    begun: float = 0.0
    ended: float = 0.0
    received: list[tuple[float, int]] = field(default_factory=list)


class Watched:
    """A throttle that notes how much the kernel has received whenever it is asked."""

    def __init__(self, inner: Throttle | None, descriptor: int, report: Report) -> None:
        self._inner, self._report = inner, report
        self._socket = socket.socket(fileno=descriptor)

    def take(self, cost_bytes: float) -> float:
        if not self._report.received:
            print("copying", flush=True)
        info = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        self._report.received.append((time.monotonic(), RECEIVED.unpack_from(info, RECEIVED_AT)[0]))
        return self._inner.take(cost_bytes) if self._inner else 0.0

    def release(self) -> None:
        self._socket.detach()


def start(order: Order) -> "subprocess.Popen[str]":
    """A copier at work; its `stdout` says `copying`, then its report."""
    command = [sys.executable, "-m", "tests.postgres.copier"]
    copier = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert copier.stdin is not None
    copier.stdin.write(json.dumps(asdict(order)))
    copier.stdin.close()
    return copier


def wait_until_copying(copier: "subprocess.Popen[str]") -> None:
    assert copier.stdout is not None and copier.stdout.readline() == "copying\n"


def report_of(copier: "subprocess.Popen[str]") -> Report:
    assert copier.stdout is not None
    report = Report(**json.loads(copier.stdout.read().splitlines()[-1]))
    assert copier.wait(60) == 0
    return report


def run(order: Order) -> Report:
    """Copy until done, or until the time is over."""
    report, end = Report(), time.monotonic() + order.seconds
    old = InstanceSpec("old", "127.0.0.1", port=order.old_port, username="postgres")
    new = InstanceSpec("new", "127.0.0.1", port=order.new_port, username="postgres")
    source = source_session(old, order.database, order.name, 2.0)
    destination = destination_session(new, order.target, order.name, 2.0)
    throttle = (
        SharedThrottle(Store.connect(order.redis_url), lambda: [Limit("source:1", order.rate)]) if order.rate else None
    )
    watched = Watched(throttle, source.pgconn.socket, report)
    spent, report.begun = time.process_time(), time.monotonic()
    try:
        for job in order.jobs:
            copied = copy_part(source, destination, job, watched, lambda: time.monotonic() > end)
            report.rows += copied.rows if copied else 0
    except Exception as error:
        report.error = type(error).__name__
    finally:
        watched.release()
    report.ended, report.cpu_seconds = time.monotonic(), time.process_time() - spent
    report.peak_kb = _peak_kb()
    return report


def read(text: str) -> Order:
    order = json.loads(text)
    order["jobs"] = [PartCopy(**{**job, "part": Part(**job["part"])}) for job in order["jobs"]]
    return Order(**order)


def _peak_kb() -> int:
    """Of this program alone: ru_maxrss keeps what the process that started it had held by then."""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])


if __name__ == "__main__":
    print(json.dumps(asdict(run(read(sys.stdin.read())))))
