"""Two servers and a database of one case, looked at before a migration begins: for findings that `check` tells."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from migrator.config import DatabaseSelection, MappingSpec
from migrator.looks.observe import Looker
from migrator.machines.cluster import Cluster
from migrator.observation import Hints
from migrator.phases import decide, gated_findings
from migrator.steps import Finding, Side
from tests.remedy import carry_out
from tests.system.scenario import mapping

DATABASE = "trouble"


@dataclass
class Stage:
    """`options` are the mapping's, `users` whom we are on each side; a case changes both, and a remedy may again."""

    source: Cluster
    destination: Cluster
    options: dict[str, object] = field(default_factory=dict)
    users: dict[Side, str] = field(default_factory=dict)

    @property
    def sides(self) -> dict[Side, Cluster]:
        return {Side.SOURCE: self.source, Side.DESTINATION: self.destination}

    @property
    def spec(self) -> MappingSpec:
        plain = mapping(self.source, self.destination)
        named = replace(
            plain,
            source=replace(plain.source, username=self.users.get(Side.SOURCE, "postgres")),
            destination=replace(plain.destination, username=self.users.get(Side.DESTINATION, "postgres")),
            databases=DatabaseSelection(include=(DATABASE,)),
        )
        return replace(named, **self.options)  # type: ignore[arg-type]

    def sql(self, statements: str, side: Side = Side.SOURCE) -> None:
        """In the case's database of the source, or in the destination's maintenance database."""
        self.sides[side].execute(statements, DATABASE if side is Side.SOURCE else "postgres")

    def settings(self, side: Side, *, restart: bool = False, **settings: object) -> None:
        """As ALTER SYSTEM sets them."""
        for name, value in settings.items():
            self.sides[side].execute(f"ALTER SYSTEM SET {name} = '{value}'")
        if restart:
            self.sides[side].restart()
        else:
            self.sides[side].execute("SELECT pg_reload_conf()")

    def findings(self) -> tuple[Finding, ...]:
        """What is said of both servers as they are now."""
        seen = Looker(self.spec).look()
        decision = decide(self.spec, seen, Hints(), seen.observed_at)
        return (*decision.findings, *gated_findings(self.spec, seen, decision))

    def told(self, code: str) -> Finding | None:
        return next((finding for finding in self.findings() if finding.code == code), None)

    def mend(self, finding: Finding) -> None:
        """The remedy as it is printed."""
        carry_out(finding, self.sides)

    @contextmanager
    def set_up(self) -> Iterator[None]:
        """The case's database; afterwards nothing of it is left, nor of the settings."""
        self.source.execute(f"CREATE DATABASE {DATABASE}")
        self.options, self.users = {}, {}
        try:
            yield
        finally:
            for side in self.sides.values():
                _clean(side)


def _clean(server: Cluster) -> None:
    if not server.running:
        server.start()
    if server.execute("SELECT pg_is_in_recovery()") == [(True,)]:
        server.execute("SELECT pg_promote()")
    if server.execute("SELECT 1 FROM pg_file_settings WHERE sourcefile LIKE '%auto.conf'"):
        server.execute("ALTER SYSTEM RESET ALL")
        server.restart()
    server.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
    for role in ("mover", "owner", "seller", "clerk"):
        if server.execute(f"SELECT 1 FROM pg_roles WHERE rolname = '{role}'"):
            server.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


Trouble = Callable[[Stage], Iterator[None]]
"""Makes the trouble before it yields. What it does afterwards: what the remedy asks for and is no statement."""
