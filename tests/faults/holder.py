"""`python -m tests.faults.holder HOST PORT LOCK STATEMENT`: a session of ours that holds an advisory lock.

Run on a host that is then cut off; the session is made as every session of ours is. It says `held` when it has the lock, and when the
session has ended under a running statement: `ended`, when (by the monotonic clock that all processes share), and why.
"""

import sys
import time

import psycopg

from migrator.config import InstanceSpec
from migrator.connection import connect, try_lock


def main(host: str, port: str, lock: str, statement: str) -> None:
    """Take the lock, run the statement (empty: sit idle), say when it is over."""
    instance = InstanceSpec(name="far", server=host, port=int(port), username="postgres")
    session = connect(instance, None, "pg-migrator test holder")
    assert try_lock(session, int(lock))
    say("held")
    try:
        if statement:
            session.execute(statement)
        time.sleep(3600)
    except psycopg.OperationalError as error:
        say(f"ended {time.monotonic()} {' '.join(str(error).split())}")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
