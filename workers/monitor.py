"""Flower as a process: `python -m workers.monitor -A workers.app flower ...`, which is Celery's command line with an end.

At its end Flower waits for threads that wait for the broker; with Redis away it was still there 40 s after SIGTERM.
"""

import os
import threading

from celery.bin.celery import main

LAST_SECONDS = 3.0
"""What its threads get to end by themselves."""


def run() -> None:
    """Celery's command line; what is left of the process some seconds after its end is ended."""
    try:
        main()
    finally:
        end = threading.Timer(LAST_SECONDS, os._exit, [0])
        end.daemon = True
        end.start()


if __name__ == "__main__":
    run()
