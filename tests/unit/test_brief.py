"""What is published stays small however much there is to tell; the most urgent of it stays, and all of it is counted."""

import json
from dataclasses import replace

import fakeredis
import pytest

from migrator.contents import SequenceValue
from migrator.phases import decide
from migrator.records import Identity, Intent, Journal
from migrator.reports.brief import LARGEST_BYTES, brief
from migrator.reports.snapshot import Document, summary
from migrator.steps import Decision, Finding, Gates, Step, Wait
from migrator.store import Store
from tests import builders


def told(databases: int, findings: int = 0, waits: int = 0) -> Document:
    """The whole summary of a mapping with so much to tell; each tenth finding blocks, the last ones."""
    sequences = {f"public.s{number}": SequenceValue(f"public.s{number}", 1, True, 1) for number in range(100)}
    pairs = tuple(
        builders.pair(f"database_{number}", sequences=sequences, target_sequences=sequences)
        for number in range(databases)
    )
    here = Identity("1", 1)
    journal = Journal(Intent.MIGRATE, here, here, None, None, None, False, ())
    view = builders.view(pairs=pairs)
    seen = replace(view.observation, journal=journal)
    found = tuple(
        Finding(
            "schema_drift", f"column c{number} differs. " * 5, "ALTER TABLE ...; " * 50, number % 10 == 9, "database_7"
        )
        for number in range(findings)
    )
    step = Step("pre_data", "database_7", Gates.DATABASE, (), tuple(Wait(f"wait {n}") for n in range(waits)), found)
    return summary(view.spec, seen, Decision(view.spec.name, (step,)), builders.NOW)


def size(document: Document) -> int:
    return len(json.dumps(document, separators=(",", ":")).encode())


@pytest.mark.parametrize(
    ("databases", "findings", "waits"),
    [(200, 0, 0), (1, 5_000, 0), (1, 0, 10_000), (200, 5_000, 10_000), (2_000, 10, 10)],
)
def test_it_is_small_enough_for_every_browser(databases: int, findings: int, waits: int) -> None:
    whole = told(databases, findings, waits)
    assert size(whole) > LARGEST_BYTES
    assert size(brief(whole)) <= LARGEST_BYTES


def test_what_fits_is_left_as_it_is() -> None:
    whole = told(3, 10, 3)
    assert brief(whole) == {**whole, "left_out": {}}


def test_blocking_findings_stay_and_the_rest_is_counted() -> None:
    whole = told(200, 1_000, 500)
    short = brief(whole)
    for name in ("databases", "findings", "waits"):
        kept, left = short[name], short["left_out"]
        assert isinstance(kept, list) and isinstance(left, dict) and isinstance(all_of_it := whole[name], list)
        assert kept and len(kept) + left[name] == len(all_of_it)
    assert all(finding["blocking"] for finding in short["findings"])  # type: ignore[attr-defined]
    assert short["totals"] == whole["totals"]
    assert whole["totals"]["findings"] == {"blocking": 100, "other": 900}  # type: ignore[index]
    assert sum(whole["totals"]["databases"].values()) == 200  # type: ignore[index]


def test_a_script_is_shown_whole_or_not_at_all() -> None:
    whole = told(1, 1_000)
    for step in brief(whole)["cutover"]:  # type: ignore[attr-defined]
        original = next(each for each in whole["cutover"] if each["number"] == step["number"])  # type: ignore[attr-defined]
        assert step["sql"] == original["sql"] or step["sql"].startswith("--")


def test_all_of_it_is_published_beside_it() -> None:
    store, whole = Store(fakeredis.FakeRedis()), told(200)
    short = brief(whole)
    store.publish_summary("m", short, whole)
    assert len(store.whole_summary("m")["databases"]) == 200  # type: ignore[arg-type, index]
    assert len(store.summary("m")["databases"]) < 200  # type: ignore[arg-type, index]
    store.publish_summary("m", short)
    assert store.whole_summary("m") == store.summary("m")


def test_what_was_not_asked_is_said_once() -> None:
    view = builders.view(source=None)
    away = replace(view.observation, journal=None)
    decision = decide(view.spec, away, view.hints, builders.NOW)
    light = summary(view.spec, away, decision, builders.NOW)["light"]
    details = [condition["detail"] for condition in light["conditions"]]  # type: ignore[index]
    assert details.count("waits for what comes before it") == 1 and details.count("") > 5
