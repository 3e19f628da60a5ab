"""Without superuser on either side, from 15: what can be done is done, and the rest is told with the statements that do it."""

import re
from collections.abc import Callable

import pytest

from migrator.config import Secret
from migrator.machines.cluster import Cluster
from migrator.memory import Memory
from migrator.steps import Finding, Status
from migrator.tick.reconcile import Assessment
from tests.system.rights_matrix import case
from tests.system.scenario import drive_until, mapping
from tests.system.test_rights import DATABASE, assert_alike, fill
from tests.system.test_without_superuser import COMMON, as_mover, create_mover

Clusters = Callable[..., Cluster]

STATEMENTS = re.compile(r"(?:^|; (?:or|and) )[^;]*?\bthe (?P<side>source|destination)[^:;]*: (?P<sql>[A-Z].*;)$")
"""The end of a remedy that is SQL."""


@pytest.mark.finding(
    "role_attribute_refused", "membership_refused", "parameter_rights_differ", "privilege_refused", "action_failed"
)
def test_what_is_owed_is_told_with_its_statements(cluster: Clusters) -> None:
    source, destination = cluster(15, password="old-secret"), cluster(18, password="new-secret")
    fill(source)
    source.execute(case("superuser"), DATABASE)
    source.execute(
        f"ALTER DATABASE {DATABASE} OWNER TO owner; ALTER SCHEMA public OWNER TO pg_database_owner", DATABASE
    )
    create_mover(source, "")
    create_mover(destination, "CREATEDB CREATEROLE")
    destination.execute("GRANT pg_create_subscription TO mover")
    told: dict[tuple[str, str], str] = {}

    def done(assessment: Assessment) -> bool:
        """Run by superusers as they are told, each once; until the light is there and nothing is owed."""
        ends = ((each, STATEMENTS.search(each.remedy)) for each in assessment.decision.findings)
        owed = {(end["side"], end["sql"]): each for each, end in ends if end}
        new = {key: each for key, each in owed.items() if key not in told}
        for (side, sql), each in new.items():
            told[side, sql] = each.code
            run(source if side == "source" else destination, each, sql)
        return assessment.status is Status.CUTOVER_READY and not new

    spec = as_mover(mapping(source, destination, common_password=Secret(COMMON)))
    drive_until(spec, done, 120, Memory())
    assert set(told.values()) >= {
        "database_unreadable", "source_ownership", "source_select_right", "source_sequence_right", "row_security_hides_rows",
        "role_attribute_refused", "membership_refused", "parameter_rights_differ", "privilege_refused", "action_failed",
    }  # fmt: skip
    assert told["source", "GRANT SELECT ON pg_catalog.pg_roles TO mover;"] == "database_unreadable"
    assert told["destination", "CREATE FOREIGN DATA WRAPPER wrapper;"] == "action_failed"
    assert_alike(source, destination)


def run(side: Cluster, finding: Finding, sql: str) -> None:
    """As the superuser of that side, in the database it is about."""
    place = finding.remedy.removesuffix(sql).rpartition(";")[2]
    named = f"database {DATABASE}" in place or finding.code == "privilege_drift"
    side.execute(sql, DATABASE if named else "postgres")
