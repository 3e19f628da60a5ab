"""What cannot come along, or not as it stands, is told by object, reason and remedy before anything is made."""

from collections.abc import Callable

from migrator.cluster import Cluster
from tests.postgres.schema_trial import Trial, load

Shared = Callable[[int], Cluster]
Databases = Callable[..., str]


def test_what_only_older_servers_know_is_told_with_what_mends_it(shared: Shared, database: Databases) -> None:
    each = Trial(shared(15), database(shared(15)), shared(18), database(shared(18)))
    load(each.source, each.database, "everything/source.sql", "everything/source_before_17.sql")
    told = {finding.code: finding for finding in each.portability()}
    assert told.keys() == {"partition_identity", "nullable_below_not_null", "unlogged_rows"}
    below = [finding.message for finding in each.portability() if finding.code == "nullable_below_not_null"]
    assert [message.partition(" is nullable")[0] for message in below] == [
        "Column id of app.lax",
        "Column id of app.own_lax",
    ]
    assert "Column id of partition app.counted_1" in told["partition_identity"].message
    assert [told[code].blocking for code in sorted(told)] == [True, True, False]
    assert "app.loose" in told["unlogged_rows"].message
    each.source.execute(
        "ALTER TABLE app.lax ALTER COLUMN id SET NOT NULL; ALTER TABLE app.own_lax ALTER COLUMN id SET NOT NULL;"
        "ALTER TABLE app.counted_1 ALTER COLUMN id DROP IDENTITY",
        each.database,
    )
    assert [finding.code for finding in each.portability()] == ["unlogged_rows"]


def test_rows_of_unlogged_tables_are_nobodys_to_refuse(shared: Shared, database: Databases) -> None:
    each = Trial(shared(15), database(shared(15)), shared(18), database(shared(18)))
    each.source.execute(
        "CREATE UNLOGGED TABLE loose (id integer); CREATE TABLE firm (id integer PRIMARY KEY)", each.database
    )
    each.run()
    assert each.look().database.source_schema.leaves() == ("public.firm",)  # type: ignore[union-attr]
    each.filled = frozenset({"public.loose", "public.firm"})
    assert [(finding.code, finding.relation) for finding in each.pre_data().findings] == [
        ("destination_not_empty", "public.firm")
    ]
    each.source.execute("ALTER TABLE loose SET LOGGED", each.database)
    (drift, *_) = each.pre_data().findings
    assert (drift.code, drift.remedy) == ("schema_drift", "On the destination: ALTER TABLE public.loose SET LOGGED")
