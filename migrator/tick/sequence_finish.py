"""The last reading of the sequences, after the write stop: forward only, read from the source's sequences themselves."""

from migrator.apply import Applier
from migrator.config import MappingSpec
from migrator.looks.observe import Looker
from migrator.model import Instance
from migrator.observation import DatabasePair
from migrator.phases.sequences import BATCH, setval
from migrator.phases.wording import counted
from migrator.steps import Action, Side, Statement


def finalise_sequences(spec: MappingSpec) -> int:
    """Bring every destination sequence to where the source's stands; how many were behind."""
    observation = Looker(spec, "sequences").look()
    version = observation.source.version if isinstance(observation.source, Instance) else 0
    moved = 0
    with Applier(spec, "sequences", version) as applier:
        for pair in observation.databases:
            for action in _actions(pair):
                applier.apply(action)
                moved += len(action.statements)
    return moved


def _actions(pair: DatabasePair) -> list[Action]:
    behind = [
        value
        for name, value in sorted(pair.sequences.items())
        if name in pair.target_sequences and value.position() > pair.target_sequences[name].position()
    ]
    return [
        Action(
            f"finalise {counted(len(behind[start : start + BATCH]), 'sequence')}",
            tuple(Statement(Side.DESTINATION, pair.target, setval(value)) for value in behind[start : start + BATCH]),
        )
        for start in range(0, len(behind), BATCH)
    ]
