"""The switch is taken back before completion: what was set on the destination after the barrier must not act on replicated rows."""

from collections.abc import Callable

import pytest

from migrator import control
from migrator.config import MappingSpec
from migrator.errors import RefusedError
from migrator.machines.cluster import Cluster
from migrator.reports.cutover import instructions
from migrator.steps import Finding, Side
from migrator.tick.reconcile import assess
from tests.remedy import carry_out
from tests.system.documented import documented
from tests.system.scenario import checksums, mapping, to_the_light

Clusters = Callable[..., Cluster]

SALES = """
CREATE TABLE sale (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz DEFAULT clock_timestamp());
CREATE TABLE log (sale int);
ALTER TABLE log REPLICA IDENTITY FULL;
CREATE FUNCTION note_sale() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO public.log VALUES (NEW.id); RETURN NEW; END';
CREATE TRIGGER noting AFTER INSERT ON sale FOR EACH ROW EXECUTE FUNCTION note_sale();
ALTER TABLE sale ENABLE ALWAYS TRIGGER noting;
CREATE FUNCTION note_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN NULL; END';
CREATE EVENT TRIGGER watching ON ddl_command_end EXECUTE FUNCTION note_ddl();
"""

ASLEEP = ("ALTER EVENT TRIGGER watching DISABLE;", "ALTER TABLE public.sale DISABLE TRIGGER noting;")


def sell(source: Cluster) -> None:
    source.execute("INSERT INTO sale SELECT FROM generate_series(1, 10)", "shop")


def set_triggers(spec: MappingSpec, destination: Cluster) -> None:
    """As the instructions say."""
    seen = assess(spec)
    found = instructions(spec, seen.observation, seen.decision, ready=True)
    (step,) = (each for each in found if each.title == "Set the triggers of shop")
    assert step.sql is not None
    destination.execute(step.sql, "shop")


def awake(spec: MappingSpec) -> list[Finding]:
    return [each for each in assess(spec).decision.findings if each.code == "trigger_awake"]


@pytest.mark.finding("trigger_awake")
def test_triggers_that_were_set_are_told_until_they_sleep_again(cluster: Clusters) -> None:
    source, destination = cluster(16), cluster(18)
    source.execute("CREATE DATABASE shop")
    source.execute(SALES, "shop")
    spec = mapping(source, destination)
    to_the_light(spec)
    sell(source)
    control.take_barrier(spec)
    set_triggers(spec, destination)
    assert awake(spec) == [], "after the barrier they are to act"

    assert control.lift_barrier(spec).to_undo == {"shop": ASLEEP}
    found = awake(spec)
    assert all(each.blocking is (each.relation is not None) and each.database == "shop" for each in found)
    assert sorted(mend.sql for each in found for mend in each.mends) == sorted(ASLEEP)
    assert not assess(spec).summary["cutover_ready"]
    with pytest.raises(RefusedError, match="act on replicated rows") as refused:
        control.take_barrier(spec)
    assert "trigger noting ON public.sale" in "\n".join(refused.value.reasons)
    for each in found:
        carry_out(each, {Side.SOURCE: source, Side.DESTINATION: destination}, "shop")
    assert awake(spec) == []

    to_the_light(spec)
    sell(source)
    control.take_barrier(spec)
    assert checksums(source, "shop") == checksums(destination, "shop")
    assert destination.execute("SELECT count(*) FROM log", "shop") == [(20,)]
    set_triggers(spec, destination)
    assert control.complete(spec).left == ()


def test_the_sql_of_the_documentation_puts_them_all_to_sleep(cluster: Clusters) -> None:
    """docs/cutover.md, for those who have lost what the command printed."""
    server = cluster(18)
    server.execute("CREATE DATABASE shop")
    server.execute(SALES, "shop")
    statements = [sql for (sql,) in server.execute(documented("ALTER TABLE %s DISABLE TRIGGER"), "shop")]
    statements += [sql for (sql,) in server.execute(documented("ALTER EVENT TRIGGER %I DISABLE"), "shop")]
    for statement in statements:
        server.execute(statement, "shop")
    assert statements == ["ALTER TABLE sale DISABLE TRIGGER noting", "ALTER EVENT TRIGGER watching DISABLE"]
    assert server.execute("SELECT tgenabled FROM pg_trigger WHERE tgname = 'noting'", "shop") == [("D",)]
    assert server.execute("SELECT evtenabled FROM pg_event_trigger", "shop") == [("D",)]
