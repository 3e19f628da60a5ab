"""Writes to the sample databases as their applications would, until told to stop: `with Load(server, password): ...`.

A server that is stopped, killed or fenced off is no reason to end: the applications come back as soon as it does.
"""

import random
import threading
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import psycopg

from migrator.config import InstanceSpec, Secret

Connection = psycopg.Connection[tuple[Any, ...]]
Transaction = Callable[[Connection, random.Random], None]
_RETRY_SECONDS = 0.5


def shop(connection: Connection, dice: random.Random) -> None:
    """Somebody orders, somebody pays, now and then somebody changes their mind."""
    customer, product = dice.randint(1, 20000), 1000 + dice.randrange(5000)
    order = connection.execute(
        "INSERT INTO orders (placed_at, customer_id, note) VALUES (localtimestamp, %s, 'live') RETURNING id, placed_at",
        (customer,),
    ).fetchone()
    assert order is not None
    connection.execute(
        "INSERT INTO order_lines (order_id, placed_at, line, product_id, price) SELECT %s, %s, 1, id, price "
        "FROM catalog.products WHERE id = %s", (*order, product)
    )  # fmt: skip
    connection.execute("UPDATE catalog.stock SET pieces = greatest(0, pieces - 1) WHERE product_id = %s", (product,))
    connection.execute(
        "UPDATE orders SET status = 'paid' WHERE (id, placed_at) = (SELECT id, placed_at FROM orders "
        "WHERE note = 'live' AND status = 'new' AND placed_at > localtimestamp - interval '1 minute' LIMIT 1)"
    )
    connection.execute("INSERT INTO visits VALUES (clock_timestamp(), '/order', %s)", (customer,))
    if dice.random() < 0.05:
        connection.execute("DELETE FROM orders WHERE id = %s AND placed_at = %s", order)


def analytics(connection: Connection, dice: random.Random) -> None:
    """A handful of events."""
    for _ in range(dice.randint(1, 5)):
        connection.execute(
            "INSERT INTO events.raw (source, kind, payload, body) "
            "VALUES ('10.1.2.3', 'live', jsonb_build_object('n', %s::int), repeat('x', 500))", (dice.randint(1, 9999),)
        )  # fmt: skip


def bench(connection: Connection, dice: random.Random) -> None:
    """pgbench's own transaction (TPC-B-like)."""
    account, teller, delta = dice.randint(1, 100_000), dice.randint(1, 10), dice.randint(-5000, 5000)
    connection.execute("UPDATE pgbench_accounts SET abalance = abalance + %s WHERE aid = %s", (delta, account))
    connection.execute("SELECT abalance FROM pgbench_accounts WHERE aid = %s", (account,))
    connection.execute("UPDATE pgbench_tellers SET tbalance = tbalance + %s WHERE tid = %s", (delta, teller))
    connection.execute("UPDATE pgbench_branches SET bbalance = bbalance + %s WHERE bid = 1", (delta,))
    connection.execute(
        "INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (%s, 1, %s, %s, now())",
        (teller, account, delta),
    )


APPLICATIONS: tuple[tuple[str, str, Transaction], ...] = (
    ("shop", "shop_app", shop),
    ("analytics", "analytics_app", analytics),
    ("pgbench", "bench_app", bench),
)
"""Database, role that logs in, and what it does."""


class Load:
    """One thread per application, each committing at most `per_second` transactions a second."""

    def __init__(self, server: InstanceSpec, password: Secret | str, per_second: float = 20.0) -> None:
        self._server, self._password = server, Secret(password)
        self._pause = 1.0 / per_second
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._recent: deque[float] = deque(maxlen=10_000)
        self.committed = 0
        self.last_error: str | None = None

    def start(self) -> None:
        """Begin to write."""
        self._stopping.clear()
        for database, role, transaction in APPLICATIONS:
            thread = threading.Thread(target=self._write, args=(database, role, transaction), name=f"load-{database}")
            self._threads.append(thread)
            thread.daemon = True
            thread.start()

    def stop(self) -> None:
        """Finish the transactions under way, write no more."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout=10)
        self._threads.clear()

    def tps(self, seconds: float = 5.0) -> float:
        """Transactions committed per second, all applications together, lately."""
        since = time.monotonic() - seconds
        return sum(at > since for at in tuple(self._recent)) / seconds

    def _write(self, database: str, role: str, transaction: Transaction) -> None:
        dice = random.Random(database)  # noqa: S311
        while not self._stopping.is_set():
            try:
                with self._connect(database, role) as connection:
                    self._transact(connection, transaction, dice)
            except psycopg.Error as error:  # the server went away, or does not let us write just now
                self.last_error = str(error).strip()
                self._stopping.wait(_RETRY_SECONDS)

    def _transact(self, connection: Connection, transaction: Transaction, dice: random.Random) -> None:
        while not self._stopping.wait(self._pause):
            with connection.transaction():
                transaction(connection, dice)
            self.committed += 1
            self._recent.append(time.monotonic())

    def _connect(self, database: str, role: str) -> Connection:
        return psycopg.connect(
            host=self._server.server, port=self._server.port, dbname=database, user=role,
            password=self._password.reveal(), application_name=f"sample {database}", connect_timeout=5, autocommit=True,
        )  # fmt: skip

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()
