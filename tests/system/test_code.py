"""A database with code in it, all the way: nothing acts on replicated rows, and everything acts after the cutover."""

from collections.abc import Callable

import pytest

from migrator import control
from migrator.errors import RefusedError
from migrator.machines.cluster import Cluster
from migrator.reports.cutover import instructions
from tests.system.scenario import checksums, drive_until, mapping, ours_left, seed, to_the_light

Clusters = Callable[..., Cluster]

CODE = """
CREATE TABLE audit (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, what text);
CREATE TABLE ddl_log (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tag text);
CREATE FUNCTION note_insert() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO public.audit (what) VALUES (TG_NAME || NEW.id); RETURN NEW; END';
CREATE TRIGGER ordinary AFTER INSERT ON customer FOR EACH ROW EXECUTE FUNCTION note_insert();
CREATE TRIGGER always AFTER INSERT ON customer FOR EACH ROW EXECUTE FUNCTION note_insert();
ALTER TABLE customer ENABLE ALWAYS TRIGGER always;
CREATE FUNCTION note_ddl() RETURNS event_trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO public.ddl_log (tag) VALUES (tg_tag); END';
CREATE EVENT TRIGGER noting ON ddl_command_end EXECUTE FUNCTION note_ddl();
CREATE FUNCTION gross(numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 1.19';
CREATE VIEW dear AS SELECT id, gross(net) AS gross FROM orders WHERE net > 4000;
CREATE MATERIALIZED VIEW per_customer AS SELECT customer, count(*) AS orders FROM orders GROUP BY customer;
CREATE UNIQUE INDEX ON per_customer (customer);
CREATE MATERIALIZED VIEW top AS SELECT max(orders) AS most FROM per_customer;
ALTER TABLE customer ENABLE ROW LEVEL SECURITY;
CREATE POLICY small ON customer FOR SELECT TO reader USING (id < 10);
CREATE RULE no_deletes AS ON DELETE TO "Zweites".note DO INSTEAD NOTHING;
ALTER VIEW dear OWNER TO shop_owner;
GRANT SELECT ON dear, orders, top TO reader;
GRANT SELECT ON orders TO shop_owner;
"""


@pytest.mark.parametrize("version", [15, 18])
def test_code_acts_after_the_cutover_and_not_before(cluster: Clusters, version: int) -> None:
    source, destination = cluster(version), cluster(18)
    seed(source)
    source.execute(CODE, "shop")
    spec = mapping(source, destination)
    source.execute("INSERT INTO customer (name) VALUES ('first')", "shop")
    to_the_light(spec)
    source.execute("INSERT INTO customer (name) VALUES ('second'), ('third')", "shop")
    control.take_barrier(spec)
    ready = drive_until(spec, lambda found: found.observation.journal is not None and _passed(found.summary))

    assert checksums(source, "shop") == checksums(destination, "shop")
    assert destination.execute("SELECT most FROM top", "shop") == source.execute("SELECT most FROM top", "shop")
    with pytest.raises(RefusedError) as refused:
        control.complete(spec)
    assert "2 triggers are not set" in f"{refused.value.reasons}"

    for each in instructions(spec, ready.observation, ready.decision, ready=True):
        if each.title.startswith(("Refresh", "Set the triggers")) and each.sql:
            destination.execute(each.sql, "shop")
    assert control.complete(spec).left == ()
    assert ours_left(destination) == []

    for side in (source, destination):
        side.execute("INSERT INTO customer (name) VALUES ('after'); CREATE TABLE after (id int)", "shop")
        assert side.execute("SELECT tag FROM ddl_log ORDER BY id DESC LIMIT 1", "shop") == [("CREATE TABLE",)]
    after, there = checksums(source, "shop"), checksums(destination, "shop")
    assert after.pop("public.ddl_log") != there.pop("public.ddl_log")  # the end of the mapping is DDL too
    assert after == there
    assert _seen_by_reader(destination) == _seen_by_reader(source)


def _passed(summary: dict[str, object]) -> bool:
    """Nothing speaks against completion any more but the triggers."""
    completion = summary["completion"]
    assert isinstance(completion, dict)
    return all("triggers" in reason for reason in completion["reasons"])


def _seen_by_reader(cluster: Cluster) -> list[object]:
    """What the role `reader` may see, by policies and by the rights of the views' owners."""
    found: list[object] = []
    for query in ("SELECT count(*) FROM customer", "SELECT sum(gross) FROM dear", "SELECT most FROM top"):
        with cluster.connect("shop") as connection:
            connection.execute("SET ROLE reader")
            found += connection.execute(query.encode()).fetchall()
    return found
