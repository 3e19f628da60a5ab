"""The dashboard during a real migration: it fills while one looks, and a second browser joining late shows the same."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect
from playwright.sync_api import Error as PlaywrightError

from migrator.errors import BinariesMissingError
from migrator.machines.provision import client, postgres_bin, valkey_binary
from tests.conftest import absent

TO_THE_LIGHT = 400_000
"""Milliseconds: some 100 s on two quiet cores."""


@pytest.fixture
def dashboard(tmp_path: Path) -> Iterator[str]:
    """The address of a running demo's dashboard."""
    for version in (16, 18):
        try:
            postgres_bin(version), valkey_binary(), client("pgbench")
        except BinariesMissingError as error:
            absent(str(version), str(error))
    output = tmp_path / "demo.out"
    with output.open("wb") as file:
        demo = subprocess.Popen([sys.executable, "-m", "migrator.cli", "demo"], stdout=file, stderr=file)
    try:
        yield _address(demo, output)
    finally:
        demo.send_signal(signal.SIGINT)
        demo.wait(60)


def _address(demo: "subprocess.Popen[bytes]", output: Path) -> str:
    deadline = time.monotonic() + 120
    while not (found := re.search(r"Dashboard: (http://\S+)/", output.read_text())):
        assert demo.poll() is None, output.read_text()
        assert time.monotonic() < deadline, output.read_text()
        time.sleep(0.5)
    return found[1]


def _noting(page: Page, said: list[str]) -> Page:
    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            said.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: said.append(str(error)))
    return page


@pytest.mark.timeout(700)
def test_the_page_fills_live_and_a_late_browser_shows_the_same(dashboard: str, browser: Browser) -> None:
    said: list[str] = []
    page = browser.new_context().new_page()
    _arrive(page, dashboard)
    _noting(page, said)
    row = page.locator("tbody tr", has=page.get_by_role("link", name="demo"))
    expect(row).to_contain_text("In progress", timeout=60_000)
    expect(row).to_contain_text("CUTOVER READY", timeout=TO_THE_LIGHT)

    late = _noting(browser.new_context().new_page(), said)
    late.goto(f"{dashboard}/mappings/demo")
    page.goto(f"{dashboard}/mappings/demo")
    for shown in (late, page):
        expect(shown.locator("main")).to_contain_text("20 of 20")
        expect(shown.locator("main")).to_contain_text("CUTOVER READY")
        expect(shown.locator("#metrics canvas")).to_have_count(3)
        expect(shown.locator(".tables")).to_contain_text("public.pgbench_accounts")
        expect(shown.locator("#cutover")).to_contain_text("Stop the writers")
    assert said == []


def _arrive(page: Page, dashboard: str) -> None:
    """The web process starts beside the others; its first answers may be a moment away."""
    deadline = time.monotonic() + 60
    while True:
        try:
            page.goto(dashboard)
            return
        except PlaywrightError:
            assert time.monotonic() < deadline
            time.sleep(0.5)
