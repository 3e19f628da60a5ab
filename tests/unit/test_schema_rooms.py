"""The rooms' pure parts: texts, comparing, ordering. What servers make of the texts is tests/postgres/test_schema.py."""

from dataclasses import replace

import pytest

from migrator.schema import Schema, build
from migrator.schema.compare import differences
from migrator.schema.constraint import CHECK, Constraint
from migrator.schema.enum import Enum
from migrator.schema.index import UNIQUE, Index, IndexConstraint
from migrator.schema.item import option_list
from migrator.schema.order import CircleError, by_dependency, by_depth
from migrator.schema.readers import READERS
from migrator.schema.row import Row
from migrator.schema.sequence import OWNED_BY, Sequence, ownership
from migrator.schema.table import Table

COUNTER = Sequence(9, "app", "counter", "bigint", 1, 1, 1, 99, 1, False, None, None, None)
INDEX = Index(
    oid=1,
    namespace="app",
    name="INDEX here",
    relation="app.t",
    partitioned=False,
    definition='CREATE UNIQUE INDEX "INDEX here" ON app.t USING btree (a)',
    primary=False,
    replica_identity=False,
    valid=True,
    constraint=None,
    options=(),
    parent=None,
    statistics=(),
)
CONSTRAINT = IndexConstraint(UNIQUE, "UNIQUE (a) DEFERRABLE", " DEFERRABLE", temporal=False)


def table(name: str, parents: tuple[str, ...] = (), kind: str = "r", oid: int = 1) -> Table:
    return Table(oid, "app", name, kind, bool(parents), parents, None, "DEFAULT", None, (), "d", None, ())


def test_a_gentle_build_says_concurrently_at_the_right_place() -> None:
    assert INDEX.create_gently() == ('CREATE UNIQUE INDEX CONCURRENTLY "INDEX here" ON app.t USING btree (a)',)


def test_a_partitioned_index_has_no_rows_to_be_gentle_with() -> None:
    assert replace(INDEX, partitioned=True).create_gently() == ()


def test_a_temporal_constraint_cannot_adopt_an_index() -> None:
    assert replace(INDEX, constraint=replace(CONSTRAINT, temporal=True)).create_gently() == ()


def test_storage_parameters_stand_before_the_deferral() -> None:
    (statement,) = replace(INDEX, constraint=CONSTRAINT, options=("fillfactor=70",)).create()
    assert statement.endswith("UNIQUE (a) WITH (fillfactor='70') DEFERRABLE")


def test_a_constraint_takes_over_its_index() -> None:
    statement = replace(INDEX, constraint=CONSTRAINT).adopt()
    assert statement.endswith('ADD CONSTRAINT "INDEX here" UNIQUE USING INDEX "INDEX here" DEFERRABLE')


def test_toast_parameters_keep_their_dot() -> None:
    assert option_list(("toast.autovacuum_enabled=false", "fillfactor=70")) == (
        "toast.autovacuum_enabled='false', fillfactor='70'"
    )


def test_a_check_is_added_not_valid_and_validated_only_where_the_source_is_sure() -> None:
    check = Constraint(1, "app.t", "c", CHECK, False, "CHECK (a > 0)", True, True, True, False, None, None)
    assert check.create() == (
        "ALTER TABLE app.t ADD CONSTRAINT c CHECK (a > 0) NOT VALID",
        "ALTER TABLE app.t VALIDATE CONSTRAINT c",
    )
    assert len(replace(check, validated=False).create()) == 1


def test_a_difference_names_both_sides_and_the_mending_statement() -> None:
    here, there = Enum(1, "app", "mood", ("sad", "glad")), Enum(2, "app", "mood", ("sad",))
    (found,) = differences(here, there)
    assert (found.source, found.destination) == ("'sad', 'glad'", "'sad'")
    assert found.mend.startswith("ALTER TYPE app.mood")
    assert differences(here, replace(here, oid=77)) == ()


def test_what_another_needs_comes_first_also_through_what_is_not_carried() -> None:
    first, second = table("z", oid=1), table("a", oid=2)
    dependencies = [("class:2", "type:5"), ("type:5", "class:1")]
    assert by_dependency([second, first], dependencies) == (first, second)


def test_tables_of_one_anothers_row_types_cannot_be_ordered() -> None:
    with pytest.raises(CircleError, match=r"app\.a, table app\.b"):
        by_dependency([table("a", oid=1), table("b", oid=2)], [("class:1", "class:2"), ("class:2", "class:1")])


def test_parents_are_attached_before_their_partitions() -> None:
    root, middle, leaf = table("z", kind="p"), table("y", ("app.z",), "p"), table("x", ("app.y",))
    assert by_depth([leaf, middle, root]) == (root, middle, leaf)


def test_leaves_and_storage() -> None:
    schema = Schema(tables=(table("z", kind="p"), table("y", ("app.z",), "p"), table("x", ("app.y",)), table("w")))
    assert schema.leaves() == ("app.x", "app.w")
    assert schema.storage("app.z") == ("app.x",)
    assert schema.storage("app.w") == ("app.w",)
    assert schema.descendants("app.z") == ("app.y", "app.x")


def test_only_a_serial_sequence_is_given_an_owner() -> None:
    assert ownership(COUNTER) is None
    owned = ownership(replace(COUNTER, link=OWNED_BY, owner_relation="app.t", owner_column="Id"))
    assert owned is not None
    assert owned.create() == ('ALTER SEQUENCE app.counter OWNED BY app.t."Id"',)


def test_a_row_of_another_shape_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="column name"):
        Row((3,), {"name": 0}).text("name")
    assert Row((None,), {"name": 0}).texts("name") == ()


@pytest.mark.parametrize("version", [150020, 160014, 180006])
def test_every_reader_has_its_sql(version: int) -> None:
    assert all(reader.sql(version) for reader in READERS)


def test_no_rows_make_an_empty_schema() -> None:
    assert build({}) == Schema()
