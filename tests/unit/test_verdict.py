"""When `run` ends, tick by tick."""

import pytest

from migrator.cli.verdict import Outlook, Summary, Verdict


def summary(status: str, *codes: str, name: str = "m", copied: int = 0) -> Summary:
    return {
        "name": name,
        "status": status,
        "phase": None,
        "findings": [{"code": code, "blocking": True} for code in codes],
        "progress": {"bytes_copied": copied},
        "totals": {"relations": {}},
    }


def test_ready_ends_only_who_waits_for_it() -> None:
    assert Outlook(["m"], until_ready=True).judge([summary("cutover_ready")], 0) is Verdict.READY
    assert Outlook(["m"]).judge([summary("cutover_ready")], 0) is None


def test_every_mapping_must_be_ready() -> None:
    outlook = Outlook(["m", "n"], until_ready=True)
    assert outlook.judge([summary("cutover_ready")], 0) is None
    assert outlook.judge([summary("cutover_ready"), summary("synced", name="n")], 1) is None
    assert outlook.judge([summary("cutover_ready"), summary("completed", name="n")], 2) is Verdict.READY


def test_the_time_is_up() -> None:
    outlook = Outlook(["m"], timeout=10)
    assert outlook.judge([], 100) is None
    assert outlook.judge([summary("in_progress")], 109) is None
    assert outlook.judge([summary("in_progress")], 110) is Verdict.TIMEOUT


@pytest.mark.parametrize(("code", "patience"), [("wal_level", 10), ("source_unreachable", 60)])
def test_a_person_is_called_once_nothing_moves(code: str, patience: int) -> None:
    outlook = Outlook(["m"], until_ready=True)
    blocked = summary("problematic", code)
    assert outlook.judge([blocked], 0) is None
    assert outlook.judge([blocked], patience - 1) is None
    assert outlook.judge([blocked], patience) is Verdict.PERSON


def test_a_blocked_mapping_that_still_copies_is_not_given_up() -> None:
    outlook = Outlook(["m"], until_ready=True)
    assert all(outlook.judge([summary("problematic", "wal_level", copied=n)], 5 * n) is None for n in range(20))


def test_while_another_mapping_can_go_on_nobody_is_called() -> None:
    outlook = Outlook(["m", "n"], until_ready=True)
    both = [summary("problematic", "wal_level"), summary("in_progress", name="n")]
    assert all(outlook.judge(both, seconds) is None for seconds in range(0, 100, 10))


def test_redis_gone_for_a_moment_is_no_reason() -> None:
    outlook = Outlook(["m"], until_ready=True)
    outlook.judge([summary("completed")], 0)
    assert outlook.all_over
    assert outlook.judge([], 1) is None
