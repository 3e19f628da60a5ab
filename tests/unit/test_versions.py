"""Which versions are taken: a source from 15, a destination no older than it."""

from datetime import UTC, datetime

import pytest

from migrator.config import CopyMethod, InstanceSpec, MappingSpec
from migrator.looks.instances import _unread
from migrator.model import RoleSetting
from migrator.observation import Hints, Observation, Scope
from migrator.phases import preflight, stale_publication, walsender_settings
from migrator.phases.view import View
from tests import builders

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_source_below_15_is_refused_before_anything_else_is_asked() -> None:
    """Of so old a server nothing but its version is read."""
    spec = MappingSpec("m", InstanceSpec("old", "a"), InstanceSpec("new", "b"))
    seen = Observation("m", Scope(), NOW, _unread(14_00_11), _unread(18_00_04), None)
    findings = preflight.examine(View(spec, seen, Hints(), NOW)).findings
    assert [finding.code for finding in findings] == ["source_too_old"]
    assert findings[0].blocking and "PostgreSQL 14" in findings[0].message and "pg_upgrade" in findings[0].remedy


@pytest.mark.parametrize(
    ("version", "method", "blocking"),
    [
        (15_00_12, CopyMethod.SUBSCRIPTION, True),
        (16_00_08, CopyMethod.SUBSCRIPTION, True),
        (17_00_04, CopyMethod.SNAPSHOT, False),
        (15_00_13, CopyMethod.SUBSCRIPTION, None),
        (17_00_05, CopyMethod.SUBSCRIPTION, None),
        (18_00_00, CopyMethod.SUBSCRIPTION, None),
    ],
)
def test_sources_that_pass_over_tables_added_late(version: int, method: CopyMethod, blocking: bool | None) -> None:
    """None: they do not."""
    view = builders.view(builders.instance(version=version), about=builders.pair(), copy_method=method)
    found = [finding.blocking for finding in stale_publication.findings(view)]
    assert found == ([] if blocking is None else [blocking])


@pytest.mark.parametrize(
    ("destination", "own", "of_database", "told"),
    [
        (18_00_01, "statement_timeout=5s", (), ["statement_timeout"]),
        (17_00_07, "work_mem=4MB", ("transaction_timeout=1min", "lock_timeout=0"), ["transaction_timeout"]),
        (
            18_00_01,
            "statement_timeout=0",
            ("statement_timeout=5s",),
            [],
        ),  # what the role has in the database goes first
        (18_00_02, "statement_timeout=5s", (), []),
        (16_00_12, "statement_timeout=5s", (), []),
    ],
)
def test_destinations_that_hand_on_no_options(
    destination: int, own: str, of_database: tuple[str, ...], told: list[str]
) -> None:
    source = builders.instance(
        databases=(builders.database(settings=of_database),), role_settings=(RoleSetting("postgres", "shop", own),)
    )
    view = builders.view(source, builders.destination_instance(version=destination), about=builders.pair())
    expected = [f"ALTER ROLE postgres IN DATABASE shop SET {name} = 0;" for name in told]
    assert [mend.sql for finding in walsender_settings.findings(view) for mend in finding.mends] == expected
