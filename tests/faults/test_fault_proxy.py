"""The troubled line itself: what the tests of faults rely on."""

import socket
import socketserver
import threading
import time
from collections.abc import Iterator

import pytest

from tests.faults.fault_proxy import FaultProxy, Mode


class Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while block := self.request.recv(65536):
            self.request.sendall(block)


@pytest.fixture
def proxy() -> Iterator[FaultProxy]:
    """A proxy to a server that echoes."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with FaultProxy("127.0.0.1", server.server_address[1]) as made:
            yield made
        server.shutdown()


def dial(proxy: FaultProxy, timeout: float = 5.0) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout)


def echo(line: socket.socket, content: bytes) -> bytes:
    line.sendall(content)
    answer = b""
    while len(answer) < len(content):
        block = line.recv(65536)
        if not block:
            break
        answer += block
    return answer


def test_an_open_line_passes_everything_and_the_end(proxy: FaultProxy) -> None:
    content = bytes(range(256)) * 4096
    with dial(proxy) as line:
        threading.Thread(target=line.sendall, args=(content,)).start()
        received = b""
        while len(received) < len(content):
            received += line.recv(65536)
        assert received == content
        line.shutdown(socket.SHUT_WR)
        assert line.recv(1) == b""


def test_a_cut_resets_what_stands_and_lets_new_ones_in(proxy: FaultProxy) -> None:
    with dial(proxy) as line:
        assert echo(line, b"x") == b"x"
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            line.recv(1)
    with dial(proxy) as line:
        assert echo(line, b"y") == b"y"


def test_refused_until_healed(proxy: FaultProxy) -> None:
    proxy.set(Mode.REFUSE)
    with pytest.raises(ConnectionResetError), dial(proxy) as line:
        line.recv(1)
    proxy.heal()
    with dial(proxy) as line:
        assert echo(line, b"x") == b"x"


def test_a_black_hole_swallows_and_delivers_late(proxy: FaultProxy) -> None:
    with dial(proxy) as line, dial(proxy, 0.3) as hasty:
        assert echo(line, b"x") + echo(hasty, b"y") == b"xy"
        proxy.set(Mode.BLACK_HOLE)
        with pytest.raises(TimeoutError):
            echo(hasty, b"swallowed")
        line.sendall(b"late")
        proxy.heal()
        assert line.recv(10) == b"late"


def test_latency_and_bandwidth(proxy: FaultProxy) -> None:
    with dial(proxy) as line:
        proxy.latency = 0.1
        begun = time.monotonic()
        assert echo(line, b"x") == b"x"
        assert time.monotonic() - begun > 0.19  # there and back; never quicker, however busy the machine
        proxy.heal()
        proxy.bandwidth = 100_000.0
        begun = time.monotonic()
        assert len(echo(line, b"x" * 20_000)) == 20_000
        assert time.monotonic() - begun > 0.39
