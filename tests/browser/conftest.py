"""The real web process on a real Valkey, and a real Chromium."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from migrator.store import Store
from tests.browser.seeding import seed
from tests.conftest import absent

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of these drive a browser."""
    for item in items:
        if "tests/browser" in item.path.as_posix():
            item.add_marker("browser")


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, object]) -> dict[str, object]:
    """The system's Chromium; its absence is said loudly, and fails where a browser is required."""
    if CHROMIUM is None:
        absent("browser", "no Chromium here: apt-get install chromium, or name one in CHROMIUM")
    return {**browser_type_launch_args, "executable_path": CHROMIUM}


@pytest.fixture
def store(valkey: str) -> Store:
    """A Valkey with five mappings."""
    store = Store.connect(valkey)
    seed(store)
    return store


@pytest.fixture
def web(valkey: str, store: Store) -> Iterator[str]:
    """The address of the dashboard's own process."""
    with serving(valkey) as (url, _):
        yield url


@contextmanager
def serving(redis_url: str) -> Iterator[tuple[str, int]]:
    """The dashboard as a process of its own: its address, and its process id."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {"MIGRATOR__REDIS_URL": redis_url, "MIGRATOR__WEB__PORT": str(port)}
    process = subprocess.Popen([sys.executable, "-m", "web"], env={**os.environ, **settings})
    try:
        wait_for(f"http://127.0.0.1:{port}/readyz")
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.wait(timeout=15)


def wait_for(url: str) -> None:
    """Until something answers there, for 15 s at most."""
    end = time.monotonic() + 15
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
