"""How the dashboard bears a fleet: time to show, size of the DOM, what comes over the wire, and what a refresh costs both ends."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from playwright.sync_api import Browser, Page, WebSocket, expect, sync_playwright

from migrator.store import Document, Store
from tests.benchmarks.processor_time import of_tree
from tests.browser.conftest import CHROMIUM, serving
from tests.browser.seeding import now

REFRESH_SECONDS = 5.0
REFRESHES = 6
VISITS = 5
TIMEOUT = 60_000
"""Milliseconds."""

TIMES = """() => {
  const [page] = performance.getEntriesByType("navigation");
  const paint = performance.getEntriesByName("first-contentful-paint")[0];
  return { answered: page.responseEnd, painted: paint ? paint.startTime : 0, bytes: page.decodedBodySize,
    elements: document.querySelectorAll("*").length };
}"""


@dataclass
class Wire:
    """What came over a page's websocket."""

    size: int = 0
    told: bool = False
    """Whether the overview's rows have come, as they do on every page."""

    def listen(self, socket: WebSocket) -> None:
        """For page.on("websocket")."""
        socket.on("framereceived", self._add)

    def _add(self, payload: str | bytes) -> None:
        self.size += len(payload)
        self.told = self.told or (isinstance(payload, str) and '"snapshot"' in payload)


def show(redis_url: str, store: Store, summaries: Mapping[str, Document]) -> None:
    """Prints it for the overview and for the last mapping's page. All mappings change at every refresh."""
    last = sorted(summaries)[-1]
    total = sum(_relations(document) for name, document in summaries.items() if name == last)
    with serving(redis_url) as (url, pid), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        try:
            _measure(browser, pid, store, summaries, url, lambda page: _overview_stands(page, len(summaries)))
            _measure(
                browser, pid, store, summaries, f"{url}/mappings/{last}", lambda page: _mapping_stands(page, total)
            )
        finally:
            browser.close()


def _relations(summary: Document) -> int:
    totals = summary["totals"]
    assert isinstance(totals, dict)
    return int(totals["relations"]["total"])


def _overview_stands(page: Page, mappings: int) -> None:
    expect(page.locator("tbody tr")).to_have_count(mappings, timeout=TIMEOUT)
    expect(page.locator("#app .bar")).to_have_count(1, timeout=TIMEOUT)  # drawn by the script, not the first paint


def _mapping_stands(page: Page, relations: int) -> None:
    expect(page.locator("#tables h2")).to_contain_text(f"{relations:,}", timeout=TIMEOUT)


def _measure(
    browser: Browser,
    web: int,
    store: Store,
    summaries: Mapping[str, Document],
    url: str,
    stands: Callable[[Page], None],
) -> None:
    spent, found = [], {"answered": 0.0, "painted": 0.0, "bytes": 0, "elements": 0}
    for _ in range(VISITS):
        page, wire = browser.new_context().new_page(), Wire()
        page.on("websocket", wire.listen)
        begun = time.perf_counter()
        page.goto(url, wait_until="commit")
        stands(page)
        while not wire.told:
            page.wait_for_timeout(10)
        spent.append(time.perf_counter() - begun)
        found = page.evaluate(TIMES)
        if len(spent) < VISITS:
            page.close()
    print(f"  {url.partition('//')[2].partition('/')[2] or 'overview'}:", flush=True)
    print(
        f"    until everything stands: median {statistics.median(spent) * 1000:.0f} ms, longest {max(spent) * 1000:.0f} ms"
    )
    print(
        f"    last visit: HTML {found['bytes'] / 1024:.0f} kB after {found['answered']:.0f} ms, painted after {found['painted']:.0f} ms"
    )
    print(f"    {found['elements']:.0f} elements; {wire.size / 1024:.0f} kB by websocket at first", flush=True)
    _refreshes(page, wire, web, store, summaries)
    page.close()


def _refreshes(page: Page, wire: Wire, web: int, store: Store, summaries: Mapping[str, Document]) -> None:
    """What changing everything costs, as the browser's renderer and the web process count it."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    before, received, served = _task_seconds(session.send("Performance.getMetrics")), wire.size, of_tree(web)
    for number in range(REFRESHES):
        for name, document in summaries.items():
            store.publish_summary(name, {**document, "observed_at": now(), "lag_bytes": 1_000_000 * (number + 1)})
        page.wait_for_timeout(REFRESH_SECONDS * 1000)
    drawn = _task_seconds(session.send("Performance.getMetrics")) - before
    print(
        f"    a refresh in which all change: {drawn / REFRESHES * 1000:.0f} ms of the page's thread,"
        f" {(wire.size - received) / REFRESHES / 1024:.0f} kB by websocket,"
        f" {(of_tree(web) - served) / REFRESHES * 1000:.0f} ms of CPU of the web process",
        flush=True,
    )


def _task_seconds(metrics: Mapping[str, list[dict[str, object]]]) -> float:
    return next(float(str(each["value"])) for each in metrics["metrics"] if each["name"] == "TaskDuration")
