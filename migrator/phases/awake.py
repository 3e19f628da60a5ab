"""Does anything act on replicated rows? Triggers ENABLE ALWAYS or REPLICA, and event triggers, rest on the destination until the barrier.

The cutover has them set after it. Where the barrier is taken back they must rest again, else whatever they write is on the
destination twice: once as the source's rows, once by themselves.
"""

from migrator.observation import DatabasePair
from migrator.phases.post_data import NAME
from migrator.phases.view import View
from migrator.schema.definition import Definition
from migrator.steps import Finding, Gates, Mend, Side, Step


def examine(view: View) -> Step:
    """Those that the source has, too: what only the destination has is told as that (`extras`)."""
    findings = (
        () if view.journal.barrier is not None else tuple(_told(view.database, each) for each in awake(view.database))
    )
    return Step(NAME, view.database.name, Gates.RELATION, findings=findings)


def awake(pair: DatabasePair) -> tuple[Definition, ...]:
    """The destination's; event triggers first, which act on the statements that put the others to rest."""
    if pair.source_schema is None or pair.target_schema is None:
        return ()
    known = pair.source_schema.find
    found = (each for each in pair.target_schema.definitions if each.at_cutover and known(each.identity) is not None)
    return tuple(sorted(found, key=lambda each: each.relation is not None))


def sentence(pair: DatabasePair, trigger: Definition) -> str:
    """What is wrong about it."""
    where = f"in database {pair.target} on the destination"
    if trigger.relation is None:
        return f"{trigger.identity} {where} is not disabled, and acts on what pg-migrator does there."
    return f"{trigger.identity} {where} acts on replicated rows, too: what it writes is there twice."


def writes_twice(trigger: Definition) -> bool:
    """Whether it acts on rows. An event trigger acts on statements: it may be the provider's, which our user cannot disable."""
    return trigger.relation is not None


def _told(pair: DatabasePair, trigger: Definition) -> Finding:
    statement = f"{trigger.rest};"
    return Finding(
        "trigger_awake",
        sentence(pair, trigger),
        f"In database {pair.target} on the destination: {statement} The cutover sets it after the barrier. "
        "Compare the tables it writes to with the source's.",
        blocking=writes_twice(trigger),
        database=pair.name,
        relation=trigger.relation,
        mends=(Mend(Side.DESTINATION, statement, pair.target),),
    )
