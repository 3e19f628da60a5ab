"""A host of its own for some processes: a network namespace behind a router, itself a namespace, that can be switched off.

With the router off, packets of both directions vanish: no FIN, no RST, no ICMP ever arrives, as when a machine loses its power or a
firewall its state. Needs root, iproute2 and a kernel that lets us; where one is missing, the tests are skipped, loudly.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from migrator.machines.cluster import Cluster
from tests.conftest import absent

Command = Sequence[str]


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


@dataclass(frozen=True)
class FarHost:
    """Processes started by `command` live on it; the rest of the world reaches it, and is reached, through the router."""

    name: str
    near_address: str
    """Ours, as the far host sees it."""
    far_address: str

    def command(self, words: Command) -> list[str]:
        """What starts `words` there."""
        return ["ip", "netns", "exec", self.name, *words]

    def cut_off(self) -> None:
        """From now on nothing comes through, and nobody is told."""
        self._forward(False)

    def reconnect(self) -> None:
        """Packets pass again; what was sent meanwhile is lost unless it is sent once more."""
        self._forward(True)

    def _forward(self, yes: bool) -> None:
        write = f"echo {int(yes)} > /proc/sys/net/ipv4/ip_forward"
        _ip("netns", "exec", _router(self.name), "sh", "-c", write)


def _router(name: str) -> str:
    return f"{name}r"


@contextmanager
def far_host() -> Iterator[FarHost]:
    """Made for one test, gone with it."""
    _must_be_possible()
    name, net = f"pgm{os.getpid()}", 4 * (os.getpid() % 4096)
    outer, inner = f"10.241.{net // 256}.{net % 256}", f"10.242.{net // 256}.{net % 256}"
    near, router_near, router_far, far = _plus(outer, 1), _plus(outer, 2), _plus(inner, 1), _plus(inner, 2)
    with ExitStack() as stack:
        for namespace in (name, _router(name)):
            _ip("netns", "add", namespace)
            stack.callback(_ip, "netns", "del", namespace)
            _ip("-n", namespace, "link", "set", "lo", "up")
        # the kernel takes the links away with the namespaces
        _ip("link", "add", f"{name}n", "type", "veth", "peer", "name", "near", "netns", _router(name))
        _ip("-n", name, "link", "add", "eth0", "type", "veth", "peer", "name", "far", "netns", _router(name))
        _address(None, f"{name}n", near)
        _address(_router(name), "near", router_near)
        _address(_router(name), "far", router_far)
        _address(name, "eth0", far)
        _ip("route", "add", f"{inner}/30", "via", router_near)
        _ip("-n", name, "route", "add", "default", "via", router_far)
        host = FarHost(name, near, far)
        host.reconnect()
        yield host


def _plus(network: str, number: int) -> str:
    first, _, last = network.rpartition(".")
    return f"{first}.{int(last) + number}"


def _address(namespace: str | None, link: str, address: str) -> None:
    where = ("-n", namespace) if namespace else ()
    _ip(*where, "addr", "add", f"{address}/30", "dev", link)
    _ip(*where, "link", "set", link, "up")


def _must_be_possible() -> None:
    """Skips, unless MIGRATOR_TEST_REQUIRE names `netns`."""
    if os.geteuid() != 0:
        absent("netns", "*** network namespaces need root: a host that is cut off was not tested ***")
    if shutil.which("ip") is None:
        absent("netns", "*** iproute2 is missing: a host that is cut off was not tested ***")
    done = subprocess.run(["ip", "netns", "add", f"pgm{os.getpid()}"], capture_output=True, text=True)
    if done.returncode:
        absent("netns", f"*** no network namespaces here: a host that is cut off was not tested ({done.stderr}) ***")
    _ip("netns", "del", f"pgm{os.getpid()}")


def open_to(host: FarHost, cluster: Cluster) -> None:
    """Let connections by way of the far host's network into a cluster that listens on every address."""
    with (cluster.data / "pg_hba.conf").open("a") as file:
        for address in (host.near_address, host.far_address):
            file.write(f"host all all {address}/32 {'scram-sha-256' if cluster.password else 'trust'}\n")
    cluster.execute("SELECT pg_reload_conf()")
