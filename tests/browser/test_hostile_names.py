"""Names made to be markup are shown as they are, wherever the dashboard shows a server's text."""

import pytest
from playwright.sync_api import Browser, expect

from migrator.store import Document, Store
from tests import hostile
from tests.browser.seeding import MB, database, now, step, summary

ELEMENT = (
    '<b class="injected">x</b><img class="injected" src=x onerror="document.title=1"><script class="injected"></script>'
)
TEXTS = (ELEMENT, f'"> {ELEMENT}', f"'> {ELEMENT}", "${html`<b class=injected>`} {{ 7 * 7 }}", *hostile.NAMES)


def finding(text: str) -> Document:
    told = dict.fromkeys(("message", "remedy", "database", "relation"), text)
    return {"code": "schema_drift", "blocking": True, **told}


def hostile_summary() -> Document:
    """One in which every text that comes from a server is hostile."""
    databases = [database(text, "in_progress", 2, 1, MB, 0) for text in TEXTS]
    return summary(
        "shop",
        "problematic",
        databases=databases,
        findings=[finding(text) for text in TEXTS],
        waits=[{"phase": "initial_copy", "database": text, "message": text} for text in TEXTS],
        completion={"safe": False, "reasons": list(TEXTS)},
        cutover=[step(1, text, text, False, side="source", database=text, sql=text) for text in TEXTS],
    )


@pytest.mark.parametrize("scripts", [True, False])
def test_no_name_becomes_markup(web: str, store: Store, browser: Browser, scripts: bool) -> None:
    store.publish_summary("shop", hostile_summary())
    relation = {"state": "failed", "bytes": 5, "rows": 1}
    store.publish_relations("shop", ELEMENT, {text: {"relation": text, **relation} for text in TEXTS})
    for text in TEXTS:
        store.append_log("shop", {"at": now(), "level": "error", "event": text, "database": text, "error": text})
    page = browser.new_context(java_script_enabled=scripts).new_page()
    for path in ("/", "/mappings/shop", "/config"):
        page.goto(web + path)
        if path == "/mappings/shop":
            for part in ("#databases", "#findings", "#cutover", "#log", "#tables") if scripts else ("main",):
                expect(page.locator(part)).to_contain_text(ELEMENT)
        assert page.locator(".injected").count() == 0
        assert page.title() != "1"
