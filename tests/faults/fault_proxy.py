"""A line that can be troubled: a TCP proxy that cuts, refuses, swallows, delays and narrows what goes through it.

A black hole here passes nothing on, not even the end of a connection, but the kernel's own acknowledgements still go both
ways: it is a peer that is frozen rather than one that is gone. tests/faults/namespaces.py has the latter.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from contextlib import suppress
from enum import Enum
from types import TracebackType
from typing import Any, Self

_BLOCK = 64 * 1024
_BLOCKS_UNDER_WAY = 64
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Mode(Enum):
    """What becomes of connections."""

    OPEN = "open"
    REFUSE = "refuse"
    """Those that stand are reset, new ones too."""
    BLACK_HOLE = "black hole"
    """Nothing arrives, nothing ends; what was sent comes late when the line is open again."""


class FaultProxy:
    """Listens on a free port for one target; a thread of its own does the work."""

    def __init__(self, host: str, port: int, listen: str = "127.0.0.1") -> None:
        self._target = (host, port)
        self._address = listen
        self._mode = Mode.OPEN
        self._writers: set[asyncio.StreamWriter] = set()
        self._free_at = 0.0
        self.latency = 0.0
        """Seconds each way."""
        self.bandwidth = 0.0
        """Bytes per second of all connections together, both ways; 0: no limit."""
        self.passed = 0
        """Bytes delivered so far."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"fault proxy to {port}", daemon=True)
        self._thread.start()
        self.port: int = self._call(self._listen())

    def _call(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _listen(self) -> int:
        self._passable = asyncio.Event()
        self._passable.set()
        self._server = await asyncio.start_server(self._accept, self._address, 0)
        return int(self._server.sockets[0].getsockname()[1])

    def set(self, mode: Mode) -> None:
        """From now on."""
        self._call(self._set(mode))

    def cut(self) -> None:
        """Reset every connection that stands; new ones go through."""
        self._call(self._cut())

    def heal(self) -> None:
        """No trouble any more."""
        self.latency = self.bandwidth = 0.0
        self.set(Mode.OPEN)

    @property
    def connections(self) -> int:
        """How many stand now."""
        return len(self._writers) // 2

    def close(self) -> None:
        """End everything."""
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _set(self, mode: Mode) -> None:
        self._mode = mode
        if mode is Mode.BLACK_HOLE:
            self._passable.clear()
        else:
            self._passable.set()
        if mode is Mode.REFUSE:
            await self._cut()

    async def _cut(self) -> None:
        for writer in tuple(self._writers):
            _reset(writer)

    async def _close(self) -> None:
        self._server.close()
        await self._cut()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.CancelledError):  # by _close; asyncio's own callback would make a noise of it
            await self._connect(reader, writer)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._mode is Mode.REFUSE:
            _reset(writer)
            return
        await self._passable.wait()
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
        except OSError:
            _reset(writer)
            return
        ends = (writer, far_writer)
        self._writers.update(ends)
        try:
            await asyncio.gather(self._carry(reader, far_writer), self._carry(far_reader, writer))
        except OSError:
            for end in ends:
                _reset(end)
        finally:
            self._writers.difference_update(ends)
            for end in ends:
                end.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One direction: each block is delivered `latency` after it came, in order, the end as well."""
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_BLOCKS_UNDER_WAY)
        delivery = asyncio.create_task(self._deliver(under_way, writer))
        try:
            while True:
                block = await reader.read(_BLOCK)
                await under_way.put((self._loop.time() + self.latency, block))
                if not block:
                    break
            await delivery
        finally:
            delivery.cancel()

    async def _deliver(self, under_way: "asyncio.Queue[tuple[float, bytes]]", writer: asyncio.StreamWriter) -> None:
        while True:
            due, block = await under_way.get()
            await asyncio.sleep(due - self._loop.time())
            await self._passable.wait()
            if not block:
                with suppress(OSError):
                    writer.write_eof()
                return
            await self._narrow(len(block))
            writer.write(block)
            await writer.drain()
            self.passed += len(block)

    async def _narrow(self, size: int) -> None:
        if self.bandwidth:
            self._free_at = max(self._free_at, self._loop.time()) + size / self.bandwidth
            await asyncio.sleep(self._free_at - self._loop.time())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN."""
    sock = writer.get_extra_info("socket")
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()
