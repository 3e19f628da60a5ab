"""Sources that leave changes out for good: minor releases before those of May 2025, where a table joins a publication that is followed.

A transaction that wrote to the table before ALTER PUBLICATION ... ADD TABLE, and ends after it, leaves the walsender with what it knew of
the table then: not published. All later changes of it are passed over, with no error and no lag, until that walsender ends. Seen
on 15.12, 16.8 and 17.4, not on 15.13, 16.9 and 17.5. Under the method `snapshot` a publication is complete before its slot begins.
"""

from collections.abc import Iterator

from migrator.config import CopyMethod
from migrator.model import Instance
from migrator.phases.groups import method_of
from migrator.phases.view import View
from migrator.phases.wording import begin_anew, release
from migrator.steps import Finding

MENDED_FROM = {15: 15_00_13, 16: 16_00_09, 17: 17_00_05}
"""By major version; 18 never did it."""


def passes_over(source: Instance) -> bool:
    """Whether a table may not be added to a publication that a slot is read by."""
    return source.version < MENDED_FROM.get(source.major, 0)


def findings(view: View) -> Iterator[Finding]:
    """Of the view's database: it holds up `subscription`; `snapshot` does without, and is told what that costs."""
    if not passes_over(view.source):
        return
    now, mended = map(release, (view.source.version, MENDED_FROM[view.source.major]))
    fault = (
        f"The source is PostgreSQL {now}. Before {mended} a table that joins a publication while a transaction writes to it may be "
        "left out of replication from then on, without an error and without lag"
    )
    name, update = view.database.name, f"Update the source to {mended} or newer, with a restart and nothing else"
    if method_of(view.spec.copy_method, view.database) is CopyMethod.SNAPSHOT:
        message = (
            f"{fault}; so tables that come to database {name} later are copied in groups of their own, eight at most."
        )
        yield Finding("source_minor_loses_rows", message, f"{update}.", blocking=False, database=name)
        return
    remedy = f"{update}; or choose copy_method: snapshot, which adds none."
    if view.database.ledger.groups:
        anew = begin_anew(view.spec.name, f"database {view.database.target}")
        remedy = f"This may have happened already: begin anew, with the source updated or copy_method: snapshot. {anew}"
    yield Finding(
        "source_minor_loses_rows",
        f"{fault}; copy_method: subscription adds every table of database {name} so.",
        remedy,
        database=name,
    )
