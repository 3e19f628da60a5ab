"""Said before a migration begins: what may be done on the destination about partitions that come and go meanwhile."""

from migrator.config import PartitionMaintenance
from migrator.phases.partitions import NAME
from migrator.phases.view import View
from migrator.schema.table import PARTITIONED
from migrator.steps import Finding, Gates, Step

_WHAT = {
    PartitionMaintenance.REPORT: "nothing is done by itself about partitions that come or go on the source; each is told",
    PartitionMaintenance.CREATE: "new partitions are made, those that leave their tree on the source are detached (ALTER TABLE ... "
    "DETACH PARTITION), and nothing is dropped",
    PartitionMaintenance.CREATE_AND_DROP: "new partitions are made, those that leave their tree on the source are detached, and those "
    "that are dropped there are dropped (DROP TABLE), if this mapping filled them, once their last change has arrived",
}


def examine(view: View) -> Step:
    """Where there is a partitioned table; not once the database is being replicated."""
    schema = view.database.source_schema
    if schema is None or view.database.ledger.relations or not any(each.kind == PARTITIONED for each in schema.tables):
        return Step(NAME, view.database.name, Gates.NOTHING)
    mode = view.spec.partition_maintenance
    finding = Finding(
        "partitions_followed",
        f"In database {view.database.target} on the destination, while it is replicated: {_WHAT[mode]} (partition_maintenance: {mode}).",
        f"To have it otherwise, set partition_maintenance of mapping {view.spec.name} to report, create or create_and_drop.",
        blocking=False,
        database=view.database.name,
    )
    return Step(NAME, view.database.name, Gates.NOTHING, findings=(finding,))
