"""User mappings of one database. Of their options only the names are shown: the values are secrets."""

from collections.abc import Iterator

from migrator.comparison.discrepancy import Discrepancy, What
from migrator.observation import DatabasePair
from migrator.schema.user_mapping import UserMapping
from migrator.steps import Side, Statement

KIND = "user mapping"


def discrepancies(pair: DatabasePair) -> Iterator[Discrepancy]:
    """Missing, differing, and the destination's own. What may not be read differs in nothing: see `unread`."""
    here, there = _by_identity(pair)
    for identity, mapping in here.items():
        found = there.get(identity)
        if found is None:
            note = (
                "The values of its options are secrets: pg-migrator run carries those that it may read."
                if mapping.options
                else ""
            )
            complete = mapping.readable and not mapping.options
            yield _discrepancy(pair, mapping, What.MISSING, mapping.create_by_hand(), additive=complete, note=note)
        elif mapping.readable and found.readable and mapping.digest != found.digest:
            yield _differing(pair, mapping, found)
    for identity, mapping in there.items():
        if identity not in here:
            yield _discrepancy(pair, mapping, What.EXTRA, mapping.drop())


def unread(pair: DatabasePair) -> Iterator[str]:
    """Those that both sides have, and whose options our user may not see on both."""
    here, there = _by_identity(pair)
    for identity, mapping in here.items():
        found = there.get(identity)
        if found is not None and not (mapping.readable and found.readable):
            side = "destination" if mapping.readable else "source"
            yield f"The options of the {identity} in database {pair.name} were not compared: our user may not read them on the {side}."


def _by_identity(pair: DatabasePair) -> tuple[dict[str, UserMapping], dict[str, UserMapping]]:
    if pair.source_schema is None or pair.target_schema is None:
        return {}, {}
    here, there = (
        {each.identity: each for each in side.user_mappings} for side in (pair.source_schema, pair.target_schema)
    )
    return here, there


def _differing(pair: DatabasePair, here: UserMapping, there: UserMapping) -> Discrepancy:
    ours, theirs = (", ".join(each.options) or "none" for each in (here, there))
    return _discrepancy(
        pair, here, What.DIFFERS, here.alter_by_hand(there.options), "options",
        ours, theirs if ours != theirs else f"{theirs}, with another value",
    )  # fmt: skip


def _discrepancy(
    pair: DatabasePair,
    mapping: UserMapping,
    what: What,
    mend: str,
    changed: str | None = None,
    ours: str | None = None,
    theirs: str | None = None,
    *,
    additive: bool = False,
    note: str = "",
) -> Discrepancy:
    statement = Statement(Side.DESTINATION, pair.target, mend)
    name = mapping.identity.removeprefix(f"{KIND} ")
    return Discrepancy(
        pair.name, pair.target, KIND, name, what, changed, ours, theirs, (statement,), additive=additive, note=note
    )
