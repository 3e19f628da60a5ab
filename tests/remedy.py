"""Doing what a finding says: its statements as printed, on the side and in the database that it names, restarts included."""

import re

from migrator.machines.cluster import Cluster
from migrator.steps import Finding, Side

_STATEMENT = re.compile(
    r"\b((?:ALTER|SELECT|UPDATE|DROP|CREATE|GRANT|REVOKE|COMMIT|ROLLBACK|TRUNCATE|INSERT) [^;]*)(?:;|$)"
)
_RESTART = re.compile(r"needs a restart of the (source|destination)")
_DATABASE = re.compile(r"[Ii]n (?:database )?(\S+?) (?:of|on) the (?:source|destination)|[Ii]n database (\S+?)[:,]")


def statements(remedy: str) -> list[str]:
    """Those of the first way out: what follows ` -- ` is for people, what follows `; or ` another way."""
    first = re.split(r"; or |;; | -- ", remedy, maxsplit=1)[0]
    return [statement.strip() for statement in _STATEMENT.findall(first)]


def carry_out(finding: Finding, sides: dict[Side, Cluster], database: str = "postgres") -> None:
    """`database`: where no other is named. What is not a statement is for the test itself to do."""
    if finding.mends:
        # More than is printed only where raising one limit alone would run into the next.
        assert any(mend.sql.rstrip(";") in finding.remedy for mend in finding.mends), (
            "check's script is not what is printed"
        )
        for mend in finding.mends:
            run(sides[mend.side], mend.sql, mend.database or "postgres")
        restarted = {mend.side for mend in finding.mends if mend.restart}
        reload_ = any(mend.sql.startswith("ALTER SYSTEM") for mend in finding.mends)
    else:
        found = statements(finding.remedy)
        assert found, finding.remedy
        before = finding.remedy[: finding.remedy.index(found[0])].lower()
        side = Side.SOURCE if "the source" in before else Side.DESTINATION
        named = _DATABASE.search(finding.remedy)
        for statement in found:
            run(sides[side], statement, (named[1] or named[2]) if named else database)
        restarted, reload_ = {Side(name) for name in _RESTART.findall(finding.remedy)}, False
    for side in restarted:
        sides[side].restart()
    if reload_:
        for server in sides.values():
            server.execute("SELECT pg_reload_conf()")


def run(server: Cluster, statement: str, database: str) -> None:
    """One statement at a time: ALTER SYSTEM and COMMIT PREPARED want to be alone."""
    with server.connect(database.strip('"')) as session:
        for each in filter(None, (part.strip() for part in statement.split(";"))):
            session.execute(each.encode())
