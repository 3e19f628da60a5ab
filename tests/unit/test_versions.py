"""Which versions are taken: a source from 15, a destination no older than it."""

from datetime import UTC, datetime

from migrator.config import InstanceSpec, MappingSpec
from migrator.looks.instances import _unread
from migrator.observation import Hints, Observation, Scope
from migrator.phases import preflight
from migrator.phases.view import View

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_source_below_15_is_refused_before_anything_else_is_asked() -> None:
    """Of so old a server nothing but its version is read."""
    spec = MappingSpec("m", InstanceSpec("old", "a"), InstanceSpec("new", "b"))
    seen = Observation("m", Scope(), NOW, _unread(14_00_11), _unread(18_00_04), None)
    findings = preflight.examine(View(spec, seen, Hints(), NOW)).findings
    assert [finding.code for finding in findings] == ["source_too_old"]
    assert findings[0].blocking and "PostgreSQL 14" in findings[0].message and "pg_upgrade" in findings[0].remedy
