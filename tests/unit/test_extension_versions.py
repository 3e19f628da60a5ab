"""An extension that the destination has in an older version is told, once; every other difference is as it should be."""

from dataclasses import replace

import pytest

from migrator.contents import DatabaseFacts
from migrator.observation import Scope
from migrator.phases import extension_versions
from tests import builders


@pytest.mark.parametrize(
    ("installed", "offered", "told"),
    [
        ("1.10", "1.9", True), ("3.5.2", "3.4.9", True), ("3.5.1dev", "3.4.0", True), ("2", "1.9.9", True),
        ("1.9", "1.10", False), ("1.9", "1.9", False), ("1.9", "1.9.0", False), ("3.5.1", "3.5.1dev", False),
        ("unpackaged", "1.0", False), ("1.0", "rolling", False), ("1.0", None, False),
    ],
)  # fmt: skip
def test_only_an_older_one(installed: str, offered: str | None, told: bool) -> None:
    """One that is missing is told otherwise (`extension_missing`); what has no order is not guessed."""
    there = {"postgis": offered} if offered is not None else {}
    pairs = tuple(builders.pair(name, facts=DatabaseFacts({"postgis": installed})) for name in ("shop", "crm"))
    view = builders.view(destination=builders.destination_instance(available_extensions=there), pairs=pairs)
    found = tuple(extension_versions.findings(view))
    assert [(each.code, each.blocking, each.database) for each in found] == [("extension_older", False, None)] * told
    assert all(f"postgis {installed} in crm, shop (the destination: {offered})" in each.message for each in found)
    narrow = replace(view, observation=replace(view.observation, scope=Scope("shop")))
    assert not list(extension_versions.findings(narrow)), "a look at one database does not know the others"
