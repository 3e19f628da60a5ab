"""compare on real servers: before, during and after a migration; what it finds, and what --apply adds and never does."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from migrator import control
from migrator.cli import main
from migrator.machines.cluster import Cluster
from migrator.tasks.carriage import carry_again
from tests.postgres.schema_trial import dump
from tests.system.scenario import mapping, seed, to_the_light

Clusters = Callable[..., Cluster]

AWAKE = """
CREATE FUNCTION seen() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER always BEFORE INSERT ON customer FOR EACH ROW EXECUTE FUNCTION seen();
ALTER TABLE customer ENABLE ALWAYS TRIGGER always;
"""

LOST = """
DROP INDEX customer_lower;
ALTER TABLE customer DROP CONSTRAINT name_given;
DROP TRIGGER always ON customer;
REVOKE SELECT ON customer FROM reader;
ALTER TABLE customer ALTER COLUMN since DROP DEFAULT, ADD COLUMN beside text;
CREATE TABLE besides (id int);
COMMENT ON TABLE customer IS 'changed';
"""
"""What somebody does to the destination."""

MORE = """
ALTER TYPE status ADD VALUE 'lost' AFTER 'new';
ALTER TABLE customer ADD COLUMN city text;
"""
"""What happens on the source."""


def run(config: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["compare", "-c", str(config), "m", *words])


def document(config: Path, *words: str) -> dict[str, Any]:
    result = run(config, "--json", *words)
    found: dict[str, Any] = json.loads(result.stdout)
    assert result.exit_code == (0 if found["equal"] else 1), result.output
    return found


def what(found: dict[str, Any]) -> set[tuple[str, str, str, str | None]]:
    return {(each["what"], each["kind"], each["identity"], each["property"]) for each in found["differences"]}


@pytest.fixture
def stage(cluster: Clusters, tmp_path: Path) -> tuple[Cluster, Cluster, Path]:
    source, destination = cluster(15), cluster(18)
    seed(source)
    source.execute(AWAKE, "shop")
    config = tmp_path / "m.json"
    server = {"server": "127.0.0.1", "username": "postgres"}
    config.write_text(
        json.dumps(
            {
                "instances": {"src": {**server, "port": source.port}, "dst": {**server, "port": destination.port}},
                "mappings": [{"name": "m", "source_instance": "src", "destination_instance": "dst"}],
            }
        )
    )
    return source, destination, config


def test_compare_before_during_and_mended(stage: tuple[Cluster, Cluster, Path]) -> None:
    source, destination, config = stage
    before = document(config)
    assert ("missing", "database", "shop", None) in what(before)
    assert ("missing", "role", "app", None) in what(before)
    assert destination.execute("SELECT count(*) FROM pg_database WHERE datname = 'shop'") == [(0,)], (
        "nothing is changed"
    )

    to_the_light(mapping(source, destination))
    light = document(config)
    assert light["differences"] == []
    expected = {(each["kind"], each["expected"].partition(":")[0]) for each in light["expected"]}
    assert expected == {
        ("trigger", "set by the cutover, after the barrier"),
        ("publication", "of this migration"), ("subscription", "of this migration"), ("schema", "of this migration"),
    }  # fmt: skip
    source.execute("ALTER ROLE app NOLOGIN; ALTER DATABASE shop SET default_transaction_read_only = on")
    fenced = document(config)
    assert fenced["differences"] == []
    assert len([each for each in fenced["expected"] if each["expected"].startswith("a fence")]) == 2
    source.execute("ALTER ROLE app LOGIN; ALTER DATABASE shop RESET default_transaction_read_only")

    destination.execute(LOST, "shop")
    source.execute(MORE, "shop")
    whole = {
        ("missing", "index", "public.customer_lower", None),
        ("missing", "constraint", "name_given on public.customer", None),
        ("missing", "trigger", "always ON public.customer", None),
        ("extra", "table", "public.besides", None),
        ("extra", "comment on", "TABLE public.customer", None),
        ("differs", "table", "public.customer", "column since"),
        ("differs", "table", "public.customer", "column beside"),
        ("differs", "table", "public.customer", "column city"),
        ("differs", "type", "public.status", "labels"),
        ("differs", "privileges", "table public.customer", "owner and privileges"),
    }
    assert what(document(config)) == whole
    assert what(document(config, "--database", "shop")) == whole
    done = run(config, "--apply")
    assert done.exit_code == 1 and "failed: 0" in done.stderr
    assert "CREATE INDEX CONCURRENTLY customer_lower" in done.stderr
    assert not [
        line
        for line in done.stderr.splitlines()
        if line.startswith(("DROP", "REVOKE", "ALTER TABLE public.customer DROP"))
    ]
    left = {each for each in whole if each[3] in ("column since", "column beside") or each[0] == "extra"}
    assert what(document(config)) == left, "only what adds is applied"
    for each in document(config)["differences"]:
        for sql in each["mend"]:
            destination.execute(sql, "shop")
    assert document(config)["differences"] == []
    to_the_light(mapping(source, destination))


def test_apply_completes_what_was_never_begun(stage: tuple[Cluster, Cluster, Path]) -> None:
    """A destination that was made by hand: everything but roles and databases is added, equal to pg_dump's eye."""
    source, destination, config = stage
    destination.execute("CREATE ROLE shop_owner; CREATE ROLE reader; CREATE ROLE app LOGIN")
    destination.execute("CREATE DATABASE shop")
    done = run(config, "--apply")
    assert "failed: 0" in done.stderr, done.stderr
    left = [each for each in document(config, "--database", "shop")["differences"] if each["what"] == "missing"]
    assert left == []
    assert destination.execute("SELECT to_regnamespace('migrator') IS NULL", "shop") == [(True,)], (
        "no migration is begun"
    )
    here, there = dump(source, "shop", destination), dump(destination, "shop", destination)
    for word in ("CREATE TABLE", "CREATE INDEX", "ADD CONSTRAINT", "ATTACH PARTITION", "CREATE TRIGGER", "GRANT"):
        assert there.count(word) == here.count(word), word


MAPPINGS = """
CREATE FOREIGN DATA WRAPPER nowhere;
CREATE SERVER far FOREIGN DATA WRAPPER nowhere;
CREATE USER MAPPING FOR PUBLIC SERVER far OPTIONS ("user" 'guest', password 'planted-secret');
CREATE USER MAPPING FOR app SERVER far;
CREATE USER MAPPING FOR reader SERVER far OPTIONS (token 'planted-token');
"""


def test_user_mappings_without_their_secrets(stage: tuple[Cluster, Cluster, Path]) -> None:
    source, destination, config = stage
    source.execute(MAPPINGS, "shop")
    to_the_light(mapping(source, destination))
    assert document(config)["differences"] == []

    source.execute("ALTER USER MAPPING FOR PUBLIC SERVER far OPTIONS (SET password 'planted-other')", "shop")
    source.execute("ALTER USER MAPPING FOR reader SERVER far OPTIONS (DROP token, ADD key 'planted-key')", "shop")
    destination.execute("DROP USER MAPPING FOR app SERVER far", "shop")
    destination.execute("CREATE USER MAPPING FOR shop_owner SERVER far OPTIONS (password 'planted-extra')", "shop")
    found = run(config, "--json").stdout + run(config).output
    assert "planted" not in found
    told = {each["identity"]: each for each in document(config)["differences"]}
    assert {(each["what"], each["kind"], each["identity"], each["property"]) for each in told.values()} == {
        ("missing", "user mapping", "for app on server far", None),
        ("extra", "user mapping", "for shop_owner on server far", None),
        ("differs", "user mapping", "for PUBLIC on server far", "options"),
        ("differs", "user mapping", "for reader on server far", "options"),
    }
    assert (told["for reader on server far"]["source"], told["for reader on server far"]["destination"]) == (
        "key",
        "token",
    )
    for each in told.values():
        (sql,) = each["mend"]
        destination.execute(sql.replace("***", "'put in'"), "shop")
    left = document(config)["differences"]
    assert {each["identity"] for each in left} == {"for PUBLIC on server far", "for reader on server far"}
    assert all(each["source"] == each["destination"].removesuffix(", with another value") for each in left)


PICTURES = """
SELECT lo_from_bytea(4711, 'one'), lo_from_bytea(4712, 'two'), lo_from_bytea(4713, 'three'), lo_from_bytea(4714, 'four');
GRANT SELECT ON LARGE OBJECT 4711 TO reader;
"""
PICTURES_LATER = """
ALTER LARGE OBJECT 4711 OWNER TO shop_owner;
GRANT UPDATE ON LARGE OBJECT 4711 TO app WITH GRANT OPTION;
REVOKE SELECT ON LARGE OBJECT 4711 FROM reader;
COMMENT ON LARGE OBJECT 4712 IS 'it''s two';
SELECT lo_unlink(4713), lo_from_bytea(4715, 'five');
"""
RIGHTS = """
SELECT m.oid::bigint, pg_get_userbyid(lomowner)::text, obj_description(m.oid, 'pg_largeobject'),
       (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(coalesce(lomacl, acldefault('L', lomowner))) a)
FROM pg_largeobject_metadata m ORDER BY 1
"""


def differing_large_objects(config: Path) -> list[dict[str, Any]]:
    return [each for each in document(config)["differences"] if each["kind"] == "large object"]


def test_large_objects_whose_rights_drift(stage: tuple[Cluster, Cluster, Path]) -> None:
    """Before the barrier they are to be made anew, which is told apart; after it they differ, until carry or the SQL mends them."""
    source, destination, config = stage
    source.execute(PICTURES, "shop")
    spec = mapping(source, destination)
    to_the_light(spec)
    assert what(document(config)) == set()
    source.execute(PICTURES_LATER, "shop")
    whole = {
        ("differs", "large object", "4711", "owner, privileges"),
        ("differs", "large object", "4712", "comment"),
        ("extra", "large object", "4713", None),
        ("missing", "large object", "4715", None),
    }
    before = document(config)
    assert what(before) == set()
    apart = [each for each in before["expected"] if each["kind"] == "large object"]
    assert what({"differences": apart}) == whole
    assert {each["expected"] for each in apart} == {"made anew after the barrier: pg-migrator carry m"}

    control.take_barrier(spec)
    found = differing_large_objects(config)
    assert what({"differences": found}) == whole
    assert not [each for each in found if each["additive"]]
    for each in found:
        for sql in each["mend"]:
            destination.execute(sql, "shop")
    mended = source.execute(RIGHTS, "shop")
    assert destination.execute(RIGHTS, "shop") == [row for row in mended if row[0] != 4715]
    assert what({"differences": differing_large_objects(config)}) == {("missing", "large object", "4715", None)}

    destination.execute("REVOKE UPDATE ON LARGE OBJECT 4711 FROM app; COMMENT ON LARGE OBJECT 4714 IS 'drift'", "shop")
    assert len(differing_large_objects(config)) == 3
    assert [each.what for each in carry_again(spec, None)] == ["large objects"]
    assert differing_large_objects(config) == []
    assert destination.execute(RIGHTS, "shop") == source.execute(RIGHTS, "shop")


def test_options_that_we_may_not_read_are_not_called_equal(stage: tuple[Cluster, Cluster, Path]) -> None:
    source, destination, config = stage
    source.execute(MAPPINGS, "shop")
    to_the_light(mapping(source, destination))
    source.execute("CREATE ROLE onlooker LOGIN; GRANT pg_read_all_data, pg_read_all_settings TO onlooker")
    configured = json.loads(config.read_text())
    configured["instances"]["src"]["username"] = "onlooker"
    config.write_text(json.dumps(configured))
    unread = [each for each in document(config)["unread"] if "user mapping" in each]
    assert len(unread) == 3 and all("may not read them on the source" in each for each in unread)


def test_bad_input(stage: tuple[Cluster, Cluster, Path]) -> None:
    _, _, config = stage
    assert run(config, "--database", "nowhere").exit_code == 2
    assert CliRunner().invoke(main, ["compare", "-c", str(config), "other"]).exit_code == 2


def test_what_cannot_be_read_is_not_equal(stage: tuple[Cluster, Cluster, Path]) -> None:
    source, _, config = stage
    source.stop()
    found = document(config)
    assert not found["equal"] and found["unread"]
