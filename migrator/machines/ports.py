"""TCP ports of the loopback interface for servers of our own."""

import random
import socket
import time

from migrator.errors import MigratorError

# Below the range from which Linux takes the local ports of outgoing connections: a server may be stopped and started on
# its port without somebody's connection having taken it.
_FIRST, _LAST = 20000, 32000


def is_free(port: int) -> bool:
    """Whether a server could listen on this port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port on which nobody listens just now."""
    return next(port for port in iter(lambda: random.randint(_FIRST, _LAST), None) if is_free(port))  # noqa: S311


def wait_listening(port: int, seconds: float = 10.0) -> None:
    """Return once something accepts connections on the port."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise MigratorError(f"Nothing listens on port {port} after {seconds:.0f} s.")
