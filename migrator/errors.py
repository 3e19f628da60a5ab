"""What can go wrong, said so that an operator knows what to do next."""

from collections.abc import Sequence
from dataclasses import dataclass


class MigratorError(Exception):
    """Something an operator must act on: one plain sentence, and the remedy. Never carries a secret."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


@dataclass(frozen=True)
class Fault:
    """One thing wrong with the configuration: the key's path (`mappings.0.source_instance`) and what would be right."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class ConfigError(MigratorError):
    """The configuration cannot be used; `faults` holds every fault found, not only the first."""

    opening = "The configuration has faults:"

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join([self.opening, *(f"  {fault}" for fault in faults)]))
        self.faults = tuple(faults)


class UnreachableError(MigratorError):
    """A server could not be connected to; `message` names server and port and the server's own reason."""


class SessionLimitError(MigratorError):
    """A server has as many of our sessions as it may have: the work is put off, and asked for again by a later tick."""


class OutdatedError(MigratorError):
    """The journal or a ledger was made by an older version of pg-migrator, and lacks what this one reads."""


class RefusedError(MigratorError):
    """A request that would be unsafe now; `reasons` says why, one sentence each."""

    def __init__(self, message: str, reasons: Sequence[str] = (), remedy: str = "") -> None:
        super().__init__(message, remedy)
        self.reasons = tuple(reasons)


class UnknownMappingError(MigratorError):
    """No mapping of that name stands in the configuration."""


class BinariesMissingError(MigratorError):
    """No PostgreSQL or Valkey of the wanted version was found on this machine."""


class StoreUnavailableError(MigratorError):
    """Redis does not answer. Nothing is lost by it but time: what has been done stands in the servers."""
