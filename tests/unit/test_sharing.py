"""Headroom over mappings: what several of them need of one server adds up."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from migrator import config_file
from migrator.config import DatabaseSelection, InstanceSpec, MappingSpec
from migrator.model import Instance, Walsender
from migrator.names import application_name, group_name
from migrator.phases import headroom
from migrator.phases.view import View
from migrator.records import Claim, Intent, Journal
from tests.builders import (
    DESTINATION_SYSTEM,
    database,
    destination_instance,
    group,
    held,
    instance,
    mapping_spec,
    pair,
    slot,
    view,
)

NEIGHBOUR = MappingSpec(
    "other",
    mapping_spec().source,
    InstanceSpec("third", "third.example.com"),
    databases=DatabaseSelection(("crm", "erp*")),
)
"""From the same source to elsewhere."""
SAME_DESTINATION = replace(
    NEIGHBOUR, source=InstanceSpec("fourth", "fourth.example.com"), destination=mapping_spec().destination
)


def seen(neighbour: MappingSpec, source: Instance, destination: Instance | None = None) -> View:
    """A mapping of database shop, which is ready but for its one table."""
    found = view(source, destination, (pair("shop"),))
    return replace(found, spec=replace(found.spec, neighbours=(neighbour,)))


def told(view: View) -> list[str]:
    findings = list(headroom.findings(view))
    assert not any(finding.blocking for finding in findings)
    return [finding.message for finding in findings if finding.code == "headroom_shared"]


def source(room: int, for_senders: int = 20, /, **fields: object) -> Instance:
    """A source of four databases, of which the neighbour's patterns select three."""
    names = tuple(database(name) for name in ("shop", "crm", "erp_1", "erp_2"))
    settings = {"max_replication_slots": str(room), "max_wal_senders": str(for_senders)}
    return replace(instance(settings=settings, databases=names), **fields)  # type: ignore[arg-type]


def test_slots_and_walsenders_of_one_source_add_up() -> None:
    assert not told(seen(NEIGHBOUR, source(5)))  # shop with one table at a time: 2; the neighbour: 3
    (message,) = told(seen(NEIGHBOUR, source(4)))
    assert "max_replication_slots" in message and "3 more" in message
    (message,) = told(seen(NEIGHBOUR, source(20, 4)))
    assert "max_wal_senders" in message


def test_what_the_neighbour_has_made_is_not_counted_twice() -> None:
    third = "7000000000000000003"
    made = [group_name("other", third, name, 1) for name in ("crm", "erp_1", "erp_2")]
    sender = application_name("other", "apply")
    fields = {
        "slots": tuple(slot(name) for name in made),
        "senders": tuple(Walsender(sender, name) for name in ("crm", "erp_1", "erp_2")),
    }
    assert not told(seen(NEIGHBOUR, source(5, 5, **fields)))
    fields = {name: values[:2] for name, values in fields.items()}
    assert not told(seen(NEIGHBOUR, source(5, 5, **fields)))
    assert len(told(seen(NEIGHBOUR, source(4, 4, **fields)))) == 2


def test_workers_and_origins_of_one_destination_add_up() -> None:
    """Of another source's databases only those are known that are named, or claimed on our destination."""
    few = destination_instance(settings={"max_logical_replication_workers": "2"})
    (message,) = told(seen(SAME_DESTINATION, source(10), few))
    assert "max_logical_replication_workers" in message and "1 more" in message
    enough = destination_instance(settings={"max_logical_replication_workers": "3"})
    crowded = seen(SAME_DESTINATION, source(10), enough)
    assert not told(crowded)
    claims = tuple(Claim("other", "fourth", name, name, True) for name in ("crm", "erp_9"))
    journal = Journal(Intent.MIGRATE, None, None, None, None, None, False, (), claims=claims)
    claimed = replace(crowded, observation=replace(crowded.observation, journal=journal))
    assert len(told(claimed)) == 1
    standing = replace(enough, held=held(group_name("other", DESTINATION_SYSTEM, "erp_9", 1), group()))
    assert len(told(replace(claimed, observation=replace(claimed.observation, destination=standing)))) == 1


def test_who_shares_no_server_is_no_matter() -> None:
    stranger = replace(SAME_DESTINATION, destination=InstanceSpec("third", "third.example.com"))
    assert not told(seen(stranger, source(3)))


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    """Three mappings in a row: a -> b, a -> c under another name of a's, d -> c."""
    instances = {name: {"server": f"{name}.example.com", "username": "u"} for name in "abcd"}
    instances["again"] = {**instances["a"]}
    ends = {"one": ("a", "b"), "two": ("again", "c"), "three": ("d", "c")}
    mappings = [
        {"name": name, "source_instance": source, "destination_instance": destination}
        for name, (source, destination) in ends.items()
    ]
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"instances": instances, "mappings": mappings}))
    return path


def test_the_configuration_tells_each_mapping_of_its_neighbours(configuration: Path) -> None:
    known = config_file.load(configuration, {})
    found = {mapping.name: [each.name for each in mapping.neighbours] for mapping in known.mappings}
    assert found == {"one": ["two"], "two": ["one", "three"], "three": ["two"]}
    assert all(not each.neighbours for mapping in known.mappings for each in mapping.neighbours)
