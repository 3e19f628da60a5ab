"""The journal of several mappings on one destination: one reads it while another one's end takes its tables away."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

from migrator.bookkeeping import journal
from migrator.connection import session_of
from migrator.machines.cluster import Cluster
from migrator.records import Identity, Intent

WAITS = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'reader' AND wait_event_type = 'Lock'"


def test_reading_survives_the_end_of_another_mapping(cluster: Callable[..., Cluster]) -> None:
    """The tables stand when the reader asks for them, and are gone when it reads them: it reads anew."""
    server = cluster(18)
    with ExitStack() as stack:
        reader, ender = (
            stack.enter_context(session_of(server.spec("new"), None, name)) for name in ("reader", "ender")
        )
        for mapping in ("one", "two"):
            journal.begin(ender, mapping, Identity("1", 1), Identity("2", 1))
        journal.finish(ender, "one", Intent.COMPLETED)
        read: list[Intent] = []
        thread = threading.Thread(target=lambda: read.append(journal.read_journal(reader, "one").intent))
        with ender.transaction():
            journal.finish(ender, "two", Intent.COMPLETED)
            thread.start()
            while not server.execute(WAITS):
                time.sleep(0.01)
        thread.join(30)
        assert read == [Intent.COMPLETED]
