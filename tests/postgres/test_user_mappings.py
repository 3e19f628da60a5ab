"""User mappings: carried with their passwords, which nobody gets to see; told where we may not read them."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from migrator.connection import session_of
from migrator.looks.schema_reading import read_schema
from migrator.machines.cluster import Cluster
from migrator.phases import user_mappings
from tests.postgres.schema_trial import Trial

Shared = Callable[[int], Cluster]
Databases = Callable[..., str]
SECRET = "hunter2 'quoted' \\ {user_mapping:1:user}"
SERVERS = """
CREATE FOREIGN DATA WRAPPER nowhere;
CREATE SERVER far FOREIGN DATA WRAPPER nowhere;
CREATE USER MAPPING FOR PUBLIC SERVER far OPTIONS ("user" 'guest', password 'hunter2 ''quoted'' \\ {user_mapping:1:user}');
CREATE USER MAPPING FOR postgres SERVER far;
"""
MAPPED = "SELECT usename, array(SELECT unnest(umoptions) ORDER BY 1) FROM pg_user_mappings ORDER BY usename"


def test_a_password_travels_unseen_and_a_difference_shows_none(
    shared: Shared, cluster: Callable[..., Cluster], database: Databases
) -> None:
    there = cluster(18, log_statement="all", log_min_duration_statement="0", log_error_verbosity="verbose")
    each = Trial(shared(15), database(shared(15)), there, database(there))
    each.source.execute(SERVERS, each.database)
    each.run()
    assert there.execute(MAPPED, each.target) == each.source.execute(MAPPED, each.database)
    assert there.execute(MAPPED, each.target)[1][1][0] == f"password={SECRET}"
    assert "CREATE USER MAPPING FOR PUBLIC" in there.log()
    assert "hunter2" not in there.log()
    assert each.user_mappings().quiet

    each.source.execute("ALTER USER MAPPING FOR PUBLIC SERVER far OPTIONS (SET password 'hunter3')", each.database)
    step = each.user_mappings()
    (drift,) = step.findings
    assert (drift.code, drift.blocking, step.actions) == ("schema_drift", True, ())
    assert "hunter" not in repr(each.look()) + str(drift)
    assert "SET password '...'" in drift.remedy


@pytest.mark.finding("user_mapping_unreadable")
def test_what_we_may_not_read_is_told_until_somebody_made_it(shared: Shared, database: Databases) -> None:
    each = Trial(shared(18), database(shared(18)), shared(18), database(shared(18)))
    each.source.execute(SERVERS + "CREATE ROLE onlooker; CREATE USER MAPPING FOR onlooker SERVER far", each.database)
    try:
        with session_of(each.source.spec("trial"), each.database, "trial") as session:
            session.execute("SET ROLE onlooker")
            seen = read_schema(session, session.info.server_version)
        assert [(each.role, each.readable, each.options) for each in seen.user_mappings] == [
            ("onlooker", False, ()),
            ("postgres", False, ()),
            (None, False, ()),
        ]
        assert all(mapping.digest is None for mapping in seen.user_mappings)
    finally:
        each.source.execute("DROP USER MAPPING FOR onlooker SERVER far; DROP ROLE onlooker", each.database)
    for action in each.pre_data().actions:
        each.apply(action)
    view = each.look()
    pair = view.database
    assert pair.source_schema is not None
    hidden = tuple(
        replace(mapping, readable=False, options=(), digest=None) for mapping in pair.source_schema.user_mappings
    )
    step = user_mappings.examine(
        replace(view, pair=replace(pair, source_schema=replace(pair.source_schema, user_mappings=hidden)))
    )
    assert not step.actions
    assert [(finding.code, finding.blocking) for finding in step.findings] == [("user_mapping_unreadable", True)] * 2
    assert "CREATE USER MAPPING FOR PUBLIC SERVER far OPTIONS (...);" in step.findings[1].remedy
    for finding in step.findings:
        by_hand = finding.remedy.partition(": ")[2].replace("...", "password 'known'")
        each.destination.execute(by_hand, each.target)
    view = each.look()
    made = replace(
        pair, source_schema=replace(pair.source_schema, user_mappings=hidden), target_schema=view.database.target_schema
    )
    assert user_mappings.examine(replace(view, pair=made)).findings == ()
