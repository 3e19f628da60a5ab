"""What is not the same on both sides of a mapping, object by object, with what would make it so. Pure: it reads an observation."""

from dataclasses import dataclass

from migrator.comparison import servers, user_mappings
from migrator.comparison.discrepancy import Discrepancy, What
from migrator.comparison.schemas import discrepancies
from migrator.config import MappingSpec
from migrator.model import Instance
from migrator.observation import Observation
from migrator.records import Intent

__all__ = ["Comparison", "Discrepancy", "What", "compare"]


@dataclass(frozen=True)
class Comparison:
    """All that differs, and apart from it what is to differ until the cutover."""

    mapping: str
    differences: tuple[Discrepancy, ...]
    expected: tuple[Discrepancy, ...]
    unread: tuple[str, ...]
    """What could not be compared, one sentence each: then nothing is said to be equal."""

    @property
    def equal(self) -> bool:
        return not self.differences and not self.unread

    def document(self) -> dict[str, object]:
        """As `--json` shows it."""
        return {
            "name": self.mapping,
            "equal": self.equal,
            "differences": [each.document() for each in self.differences],
            "expected": [each.document() for each in self.expected],
            "unread": list(self.unread),
        }


def compare(spec: MappingSpec, observation: Observation) -> Comparison:
    """Both sides as they were seen."""
    journal = observation.journal
    over = journal is None or journal.source is None or journal.intent in (Intent.COMPLETED, Intent.ABORTED)
    to_come = not over and journal is not None and journal.barrier is None
    major = observation.destination.major if isinstance(observation.destination, Instance) else 0
    found = [
        *servers.discrepancies(spec, observation),
        *(each for pair in observation.databases for each in discrepancies(pair, major, cutover_to_come=to_come)),
        *(each for pair in observation.databases for each in user_mappings.discrepancies(pair)),
        *(each for pair in observation.databases for each in servers.privileges(spec, observation, pair)),
    ]
    differences = tuple(each for each in found if each.expected is None)
    expected = tuple(each for each in found if each.expected is not None)
    unread = (
        *servers.unread(observation),
        *(each for pair in observation.databases for each in user_mappings.unread(pair)),
    )
    return Comparison(spec.name, differences, (*expected, *servers.ours(observation)), unread)
