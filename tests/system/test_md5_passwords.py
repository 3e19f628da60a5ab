"""MD5 hashes on the way to a server that asks for SCRAM: who logs in there, and when that is told no more."""

from collections.abc import Callable

import psycopg
import pytest

from migrator.machines.cluster import Cluster
from migrator.steps import Finding
from migrator.tick.reconcile import assess
from tests.system.scenario import mapping, to_the_light

ROLES = "SET password_encryption = 'md5'; CREATE ROLE early LOGIN PASSWORD 'old'; CREATE ROLE late LOGIN PASSWORD 'old'"


@pytest.mark.finding("md5_passwords")
def test_told_by_what_the_destination_has(cluster: Callable[..., Cluster]) -> None:
    """`early` gets another password on the source before it is carried, `late` on the destination afterwards."""
    source, destination = cluster(16), cluster(18, password="root-secret")  # its pg_hba.conf asks for scram-sha-256
    source.execute("CREATE DATABASE shop")
    source.execute(ROLES)
    spec = mapping(source, destination)

    def told() -> Finding | None:
        return next((each for each in assess(spec).decision.findings if each.code == "md5_passwords"), None)

    def opens(role: str, password: str) -> bool:
        try:
            destination.connect(user=role, password=password).close()
        except psycopg.OperationalError as error:
            assert "password authentication failed" in str(error)
            return False
        return True

    finding = told()
    assert finding is not None and not finding.blocking and "early, late" in finding.message
    assert "on the source while password_encryption is 'scram-sha-256'" in finding.remedy
    source.execute("SET password_encryption = 'scram-sha-256'; ALTER ROLE early PASSWORD 'new'")
    to_the_light(spec)
    assert opens("early", "new")
    assert not opens("late", "old")
    finding = told()
    assert finding is not None and "early" not in finding.message
    assert "in psql on the destination: \\password late" in finding.remedy
    source.execute("SET password_encryption = 'scram-sha-256'; ALTER ROLE late PASSWORD 'new'")
    assert told() is not None, "the destination's is what it was"
    destination.execute("ALTER ROLE late PASSWORD 'new'")
    assert opens("late", "new")
    assert told() is None
    source.execute("SET password_encryption = 'md5'; ALTER ROLE late PASSWORD 'new'")
    assert told() is None, "what the source has is no matter any more"
