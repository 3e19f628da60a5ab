"""What an operator sees: live, late, stale, without scripts, by every assistive rule that axe knows."""

import re
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from migrator.store import Store
from migrator.store.history import History
from tests.browser.seeding import now, relations, summary
from web import formats

SOON = 6_000


@pytest.fixture
def clean(page: Page) -> Iterator[list[str]]:
    """Console errors and uncaught exceptions; there must be none at the end."""
    said: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            said.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: said.append(str(error)))
    yield said
    assert said == []


class Ticking:
    """Observes all mappings again and again, as reconcile does, until it is stopped: then it writes nothing any more."""

    def __init__(self, store: Store) -> None:
        self._store, self._end = store, threading.Event()
        self._thread = threading.Thread(target=self._observe)
        self._thread.start()

    def stop(self) -> None:
        self._end.set()
        self._thread.join()

    def _observe(self) -> None:
        while not self._end.wait(0.3):
            for name in self._store.mapping_names():
                self._store.publish_summary(name, {**(self._store.summary(name) or {}), "observed_at": now()})


@pytest.fixture
def ticking(store: Store) -> Iterator[Ticking]:
    made = Ticking(store)
    yield made
    made.stop()


@pytest.mark.parametrize("path", ["/", "/mappings/shop", "/config"])
def test_the_first_paint_needs_no_script(web: str, browser: Browser, path: str) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(web + path)
    expect(page.locator("main")).to_contain_text("shop-pg15")
    if path == "/":
        expect(page.locator("tr", has_text="billing")).to_contain_text("CUTOVER READY")


def test_a_new_snapshot_shows_at_once(web: str, store: Store, page: Page, clean: list[str], ticking: Ticking) -> None:
    page.goto(web)
    row = page.locator("tbody tr", has=page.get_by_role("link", name="shop"))
    expect(row).to_contain_text("In progress")
    expect(page.locator("#link")).to_contain_text("Live")
    ticking.stop()
    store.publish_summary("shop", summary("shop", "cutover_ready", lag=0))
    expect(row).to_contain_text("CUTOVER READY", timeout=SOON)
    expect(page.get_by_role("button", name="2 Cutover ready")).to_be_visible()
    store.publish_summary("newcomer", summary("newcomer"))
    expect(page.locator("tbody")).to_contain_text("newcomer", timeout=SOON)
    store.forget("newcomer")
    expect(page.locator("tbody")).not_to_contain_text("newcomer", timeout=SOON)


def test_a_mapping_page_fills_live(web: str, store: Store, page: Page, clean: list[str]) -> None:
    page.goto(f"{web}/mappings/shop")
    expect(page.locator("#metrics canvas")).to_have_count(3)
    expect(page.locator("#log")).to_contain_text("Sequences brought up to date")
    store.append_log("shop", {"at": now(), "level": "warning", "event": "<b>not bold</b>", "database": "shop"})
    store.publish_relations("shop", "analytics", {"public.fresh": {"state": "failed", "bytes": 5, "rows": 1}})
    History(store, "shop").append({"at": now(), "lag_bytes": 55 * 1_048_576, "lag_seconds": 1.0, "bytes_copied": 1})
    expect(page.locator("#log tbody tr").first).to_contain_text("<b>not bold</b>", timeout=SOON)
    expect(page.locator(".tables")).to_contain_text("public.fresh", timeout=SOON)
    expect(page.locator("#tables h2")).to_contain_text("49")
    expect(page.locator("#metrics figcaption").first).to_contain_text("55 MB", timeout=SOON)


def test_a_late_browser_shows_the_same(web: str, store: Store, browser: Browser, ticking: Ticking) -> None:
    early, late = browser.new_page(), browser.new_page()
    early.goto(f"{web}/mappings/shop")
    expect(early.locator("#log")).to_contain_text("Sequences")
    store.publish_relations("shop", "shop", relations(7))
    store.append_log("shop", {"at": now(), "level": "info", "event": "Something happened"})
    expect(early.locator("#log")).to_contain_text("Something happened", timeout=SOON)
    late.goto(f"{web}/mappings/shop")
    for part in ("#tables", "#log", "#findings", "#cutover", "#databases"):
        expect(late.locator(part)).to_have_text(re.compile(r"\S"))
        expect(late.locator(part)).to_have_text(early.locator(part).inner_text(), use_inner_text=True, timeout=SOON)


def test_old_data_says_so_and_recovers(web: str, store: Store, page: Page) -> None:
    page.goto(web)
    expect(page.locator(".stale-banner")).to_contain_text("Nothing new was observed", timeout=SOON)
    expect(page.locator("tbody tr.stale")).to_have_count(5)
    store.publish_summary("shop", summary("shop"))
    expect(page.locator("tbody tr.stale")).to_have_count(4, timeout=SOON)
    expect(page.locator(".stale-banner")).to_contain_text("4 of 5 mappings")


def test_a_lost_connection_says_so(web: str, page: Page, ticking: Ticking) -> None:
    page.goto(f"{web}/mappings/shop")
    expect(page.locator("#link")).to_contain_text("Live")
    page.context.set_offline(True)
    page.evaluate("() => window.dispatchEvent(new Event('offline'))")
    expect(page.locator("#link")).to_contain_text("Connection lost", timeout=15_000)
    expect(page.locator(".stale-banner")).to_contain_text("Connection to the dashboard lost")
    page.context.set_offline(False)
    expect(page.locator("#link")).to_contain_text("Live", timeout=30_000)
    expect(page.locator(".stale-banner")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/mappings/shop", "/mappings/crm", "/config"])
def test_axe_finds_nothing(web: str, browser: Browser, ticking: Ticking, scheme: str, path: str) -> None:
    page = browser.new_context(color_scheme="dark" if scheme == "dark" else "light").new_page()
    page.goto(web + path)
    expect(page.locator("h1")).to_be_visible()
    if path != "/config":
        expect(page.locator("#link")).to_contain_text("Live")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_axe_finds_nothing_in_stale_data(web: str, page: Page) -> None:
    page.goto(f"{web}/mappings/shop")
    expect(page.locator(".stale-banner")).to_be_visible(timeout=SOON)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_completion_is_refused_then_queued(web: str, store: Store, page: Page) -> None:
    page.goto(f"{web}/mappings/shop")
    name, button = page.get_by_label("Type shop to confirm"), page.get_by_role("button", name="Mark complete")
    expect(page.locator(".reasons")).to_contain_text("No barrier was recorded")
    name.fill("shop")
    button.click()
    expect(page.locator(".answer")).to_contain_text("Completion is not safe now.")
    expect(page.locator(".answer")).to_contain_text("No barrier was recorded")
    store.publish_summary(
        "shop", summary("shop", "cutover_ready", completion={"safe": True, "reasons": []}, barrier={"lsn": "0/10"})
    )
    expect(page.locator(".reasons")).to_have_count(0, timeout=SOON)
    name.fill("shopp")
    button.click()
    expect(page.locator(".answer")).to_contain_text("Type the mapping's name")
    assert store.take_requests("shop") == []
    name.fill("shop")
    name.press("Enter")
    expect(page.locator(".answer")).to_contain_text("Queued")
    assert store.take_requests("shop") == [{"kind": "complete", "barrier": "0/10"}]

    page.reload()  # once more, by keys alone: from the top of the page to the field, and on to the button
    expect(name).to_have_value("")
    for _ in range(100):
        page.keyboard.press("Tab")
        if name.evaluate("it => it === document.activeElement"):
            break
    expect(name).to_be_focused()
    page.keyboard.type("shop")
    page.keyboard.press("Tab")
    expect(button).to_be_focused()
    page.keyboard.press("Space")
    expect(page.locator(".answer")).to_contain_text("Queued")
    expect(button).to_be_focused()
    assert store.take_requests("shop") == [{"kind": "complete", "barrier": "0/10"}]


def test_ten_thousand_tables_stay_fluid(web: str, store: Store, page: Page, clean: list[str]) -> None:
    store.publish_relations("shop", "shop", relations(10_000))
    page.goto(f"{web}/mappings/shop")
    expect(page.locator("#tables h2")).to_contain_text("10,012", timeout=10_000)
    assert page.locator(".tables tbody tr").count() < 80
    page.get_by_placeholder("Filter by name").fill("09999")
    expect(page.locator(".tables")).to_contain_text("public.orders_09999")
    page.get_by_placeholder("Filter by name").fill("")
    page.get_by_role("button", name="Size").click()
    page.evaluate(
        """async () => { const box = document.querySelector(".tables");
        for (let i = 0; i < 60; i++) { box.scrollTop += 5000; await new Promise(requestAnimationFrame); } }"""
    )
    assert page.locator(".tables tbody tr").count() < 80


@pytest.mark.parametrize("path", ["/", "/mappings/shop", "/mappings/crm", "/config"])
def test_a_phone_shows_all_without_scrolling_sideways(web: str, browser: Browser, path: str) -> None:
    page = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
    page.goto(web + path)
    page.wait_for_timeout(700)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_numbers_are_written_alike_on_both_sides(web: str, page: Page) -> None:
    numbers = (None, 0, 0.04, 1, 9.97, 59.4, 59.6, 61, 3_599, 3_601, 90_000, 1023, 5_000_000, 1e10, 7.5e13, -12_345)
    cases = [(name, value) for name in ("size", "lag", "duration", "number") for value in numbers]
    cases += [("age", value) for value in (None, 0, 1.9, 2, 9.99, 65, 4_000)]
    page.goto(web)
    theirs = page.evaluate(
        """async (cases) => { const format = await import("/static/js/format.js");
        return cases.map(([name, value]) => format[name](value)); }""",
        cases,
    )
    assert theirs == [getattr(formats, name)(value) for name, value in cases]


def test_the_web_process_imports_no_driver() -> None:
    program = "import sys, web.server; print([m for m in ('psycopg', 'celery', 'workers') if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "[]"


def test_what_failed_is_tried_again_at_the_press_of_a_button(web: str, page: Page, store: Store) -> None:
    failed = {"code": "action_failed", "message": "Could not build it.", "remedy": "Next try in 40 s.", "since": None}
    finding = {**failed, "blocking": True, "database": "shop", "relation": "public.t"}
    store.publish_summary("crm", summary("crm", "problematic", findings=[finding]))
    page.goto(f"{web}/mappings/crm")
    expect(page.locator("#findings")).to_contain_text("Next try in 40 s.")
    button = page.get_by_role("button", name="Try what failed again now")
    button.press("Enter")
    expect(page.locator("#findings .answer")).to_contain_text("Queued", timeout=SOON)
    expect(button).to_be_focused()
    assert store.take_requests("crm") == [{"kind": "retry"}]
