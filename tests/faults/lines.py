"""A machine room whose every line leads through a fault proxy: to both servers, from destination to source, to Redis."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from migrator.machines import samples
from migrator.machines.cluster import Cluster, Valkey
from tests.faults.fault_proxy import FaultProxy
from tests.faults.migration import PART_MB
from tests.machine_room import MachineRoom, instance, machine_room, write_config


class Line(StrEnum):
    """Who dials whom."""

    SOURCE = "worker to source"
    DESTINATION = "worker to destination"
    REPLICATION = "destination to source"
    REDIS = "everybody to Redis"


@dataclass(frozen=True)
class Lines:
    """The room, its lines, and a Valkey that outlives it."""

    room: MachineRoom
    proxies: Mapping[Line, FaultProxy]
    valkey: Valkey

    def heal(self) -> None:
        """All lines open."""
        for proxy in self.proxies.values():
            proxy.heal()


@contextmanager
def lines(
    directory: Path, source: Cluster, destination: Cluster, rate: float | None = None, *, web: bool = False
) -> Iterator[Lines]:
    """Everything started, every line open."""
    with ExitStack() as stack:
        valkey = Valkey()
        stack.callback(valkey.remove)

        def proxy(host: str, port: int) -> FaultProxy:
            return stack.enter_context(FaultProxy(host, port))

        proxies = {
            Line.SOURCE: proxy(source.host, source.port),
            Line.DESTINATION: proxy(destination.host, destination.port),
            Line.REPLICATION: proxy(source.host, source.port),
            Line.REDIS: proxy("127.0.0.1", valkey.port),
        }
        config = write_config(
            directory,
            instance(source, port=proxies[Line.SOURCE].port, replication_port=proxies[Line.REPLICATION].port),
            instance(destination, port=proxies[Line.DESTINATION].port),
            {},
            redis_url=f"redis://127.0.0.1:{proxies[Line.REDIS].port}/0",
            databases={"include": list(samples.DATABASES)},
            replication={"rate_limit_mbps": rate, "part_mb": PART_MB},
        )
        room = stack.enter_context(machine_room(config, web=web, redis_url=valkey.url))
        made = Lines(room, proxies, valkey)
        stack.callback(made.heal)  # the processes are to end by themselves, not by their grace period
        yield made
