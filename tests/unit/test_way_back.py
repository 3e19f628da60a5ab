"""What is printed when a barrier is taken back: nothing is passed over in silence."""

from dataclasses import replace

from migrator.reports.way_back import way_back
from migrator.schema import Schema
from tests import builders


def test_a_database_that_cannot_be_read_is_told() -> None:
    read = builders.pair("read", source_schema=Schema(), target_schema=Schema())
    unread = builders.pair("unread", source_schema=None, target_schema=Schema())
    seen = replace(builders.view().observation, databases=(read, unread))
    (told,) = way_back(seen).items()
    assert told[0] == "unread" and told[1][0].startswith("-- It cannot be read at the moment: repeat the command")
