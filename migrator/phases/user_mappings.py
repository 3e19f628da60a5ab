"""As whom do foreign servers take our roles? The third part of post_data: made once servers and roles are there."""

from collections.abc import Iterator

from migrator.phases import post_data
from migrator.phases.view import View
from migrator.schema.user_mapping import UserMapping
from migrator.steps import Action, Finding, Gates, Side, Statement, Step

NAME = post_data.NAME


def examine(view: View) -> Step:
    """A mapping whose options we may not read keeps the light out until somebody made it; it holds back nothing else."""
    pair = view.database
    found: list[Action | Finding] = []
    if pair.source_schema is not None and pair.target_schema is not None:
        present = {each.identity: each for each in pair.target_schema.user_mappings}
        for wanted in pair.source_schema.user_mappings:
            found += _examined(view, wanted, present.get(wanted.identity))
    actions = tuple(each for each in found if isinstance(each, Action))
    gates = Gates.DATABASE if actions else Gates.RELATION
    return Step(NAME, pair.name, gates, actions, findings=tuple(each for each in found if isinstance(each, Finding)))


def _examined(view: View, wanted: UserMapping, there: UserMapping | None) -> Iterator[Action | Finding]:
    pair = view.database
    if there is None and not wanted.readable:
        yield Finding(
            "user_mapping_unreadable",
            f"{view.source.user.name} may not read the options of the {wanted.identity} in database {pair.name}: they may hold a "
            "password. It is not made.",
            f"In database {pair.target} of the destination, by somebody who knows them: {wanted.create_by_hand()};",
            database=pair.name,
        )
    elif there is None:
        statement = Statement(Side.DESTINATION, pair.target, wanted.create(), holes=wanted.holes)
        yield Action(f"create {wanted.identity}", (statement,))
    elif wanted.readable and there.readable and wanted.digest != there.digest:
        yield Finding(
            "schema_drift",
            f"{wanted.identity}: its options are not those of the source (database {pair.name}).",
            f"In database {pair.target} of the destination: {wanted.alter_by_hand(there.options)};",
            database=pair.name,
        )
