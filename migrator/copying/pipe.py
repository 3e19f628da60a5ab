"""The pipe: rows of a COPY out of the source go into a COPY into the destination, as bytes, whatever their format.

One thread waits for both servers at once: while the last block empties through libpq and the kernel towards the destination, the next
is read. One block is being read and one being sent at most; a row larger than a block is passed on in slices (and libpq holds it twice).
"""

import os
import select
import socket
import time
from collections import deque
from contextlib import suppress

from migrator.bucket import Throttle
from migrator.copying.errors import CopyError, YieldError
from migrator.copying.pace import LARGEST_BLOCK, Pace
from migrator.copying.wire import SLICE_SECONDS, Wire, wait

SMALL_ROW = 1024
ROWS_AT_ONCE = 64
"""Small rows read before a block's size is looked at: it may be exceeded by so many."""


def pump(source: Wire, destination: Wire, throttle: Throttle) -> int:
    """Pass on a COPY that has begun on both sides, to its end on the source; the bytes passed on. The destination's is left open.

    Every block is paid for before it is passed on, and until then nothing is read. Raises psycopg's errors, StoppedError, and
    whatever the throttle raises; the destination's error as soon as it is there, not at the end of the rows.
    """
    return _Pump(source, destination, Pace(throttle, time.monotonic)).run()


class _Pump:
    def __init__(self, source: Wire, destination: Wire, pace: Pace) -> None:
        self._source = source
        self._destination = destination
        self._pace = pace
        self._block = bytearray()
        self._slices: deque[memoryview] = deque()  # of a large row, to go after the block
        self._size = 0
        self._paid = self._ended = False
        self._window = 0
        self._ask_at = 0.0
        self._moved = 0

    def run(self) -> int:
        while True:
            self._source.check()
            sending = bool(self._destination.connection.flush())
            pause, hungry = 0.0, False
            if not self._paid and not self._full:
                hungry = self._read()
            if not self._paid and self._full:
                pause = self._pay()
            if self._paid and not sending:
                self._pass_on()
            elif sending or pause or hungry:
                self._wait(sending, hungry, pause)
            if self._ended and not self._size and not sending:
                return self._moved

    @property
    def _full(self) -> bool:
        return self._ended or self._size >= self._pace.block_bytes

    def _read(self) -> bool:
        """Fill the block with what the source has sent; whether there is nothing more for the moment."""
        asked, patience = (
            0,
            2 if self._source.connection.ssl_in_use else 1,
        )  # TLS may hold bytes that poll() does not know of
        while not self._full:
            before = len(self._block)
            size, row = self._read_small_rows()
            if size > 0:
                self._append(row)
            elif size < 0:
                self._ended = True
            elif asked == patience and len(self._block) == before:
                return True
            else:
                self._source.connection.consume_input()
                asked = 1 if len(self._block) > before else asked + 1
            self._size = len(self._block) + sum(map(len, self._slices))
        return False

    def _read_small_rows(self) -> tuple[int, memoryview]:
        """Into the block; the first answer of libpq that is none, or a small row like the others once there are enough.

        This loop is what a copy costs us, row by row. (Rows kept in a list to be joined took four times as long.)
        """
        block, receive = self._block, self._source.connection.get_copy_data
        size, row = receive(1)
        for _ in range(ROWS_AT_ONCE):
            if not 0 < size < SMALL_ROW:
                break
            block += row
            size, row = receive(1)
        return size, row

    def _append(self, row: memoryview) -> None:
        if len(row) > LARGEST_BLOCK:
            self._slices.extend(row[at : at + LARGEST_BLOCK] for at in range(0, len(row), LARGEST_BLOCK))
        else:
            self._block += row

    def _pay(self) -> float:
        """Seconds until it is worth asking again; 0.0: paid, or nothing to pay."""
        now = time.monotonic()
        if now < self._ask_at:
            return self._ask_at - now
        pause = self._pace.pay(self._size) if self._size else 0.0
        self._ask_at, self._paid = now + pause, not pause
        self._limit_window()
        return pause

    def _pass_on(self) -> None:
        """The block, or the next slice of a large row: libpq's buffer is empty, so it takes it whole."""
        part = self._block or (self._slices[0] if self._slices else b"")
        if part:
            if not self._destination.connection.put_copy_data(part):
                return
            self._moved += len(part)
            if part is self._block:
                self._block = bytearray()
            else:
                self._slices.popleft()
        if not self._slices:
            self._size, self._paid = 0, False

    def _wait(self, sending: bool, hungry: bool, pause: float) -> None:
        watched = [(self._destination, select.POLLIN | (select.POLLOUT if sending else 0))]
        if hungry or pause:
            watched.append((self._source, select.POLLIN if hungry else select.POLLRDHUP))
        events = dict(wait(*watched, seconds=pause or SLICE_SECONDS))
        if events.get(self._destination.connection.socket, 0) & ~select.POLLOUT:
            self._fail()
        if pause and events.get(self._source.connection.socket):
            raise YieldError("The session on the source has ended.", "The part is tried again.")

    def _fail(self) -> None:
        """The destination speaks in mid-copy, and with notices off it has nothing to say but errors; libpq reads them at the end."""
        self._destination.connection.put_copy_end(b"the destination has failed")
        self._destination.results()
        raise CopyError("The destination spoke in mid-copy, and it was no error.", "The part is tried again.")

    def _limit_window(self) -> None:
        """Under a limit the kernel takes in about a block ahead of us, of what the source would send unpaid; else as much as it likes.

        (By itself it grows to megabytes for each copy. Once set, it stays set; so it is, when a limit is lifted, a large one.)
        """
        wanted = self._pace.window_bytes
        if wanted and not wanted / 2 <= self._window <= wanted * 2:
            self._window = wanted
            with suppress(OSError), socket.socket(fileno=os.dup(self._source.connection.socket)) as handle:
                handle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, wanted)
