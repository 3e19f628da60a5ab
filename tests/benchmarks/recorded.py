"""A fleet from one look, through decide, summary and page: `python -m tests.benchmarks recorded [MAPPINGS [DATABASES [RELATIONS]]]`.

One real database of so many relations is read; each mapping has it so many times, every other mapping half copied, the others
with all rows copied and nothing built. Then Valkey, the web process and a Chromium show them, and all of them change every refresh.
"""

import gc
import json
import statistics
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from migrator.config import DatabaseSelection, MappingSpec
from migrator.looks.observe import Looker
from migrator.looks.remembered import GARBAGE_THRESHOLDS, SchemaCache
from migrator.machines.cluster import Cluster, Valkey
from migrator.model import Database, Instance, Unreachable
from migrator.observation import Hints, Observation
from migrator.phases import decide
from migrator.reports import progress, snapshot
from migrator.reports.brief import brief
from migrator.store import Document, Store
from tests.benchmarks import recorded_page, scale
from tests.browser.seeding import public

MAPPINGS, DATABASES, RELATIONS = 50, 10, 100
SHOWN = ("half copied", "building under apply")


@dataclass(frozen=True)
class Told:
    """What one tick made of one mapping, and the processor seconds it took."""

    name: str
    whole: Document
    short: Document
    relations: dict[str, dict[str, dict[str, object]]]
    deciding: float
    telling: float


def run(*arguments: str) -> None:
    """Prints what deciding and telling cost each mapping, and then what the pages do. The process is set up as a worker's is."""
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    mappings, databases, relations = [*map(int, arguments), *(MAPPINGS, DATABASES, RELATIONS)[len(arguments) :]]
    source, destination = Cluster.create(16), Cluster.create(18)
    try:
        scale.create(source, relations, 1)
        scale.create(destination, relations, 0)
        spec = _spec(source, destination, "recorded", (scale.DATABASE,))
        with SchemaCache() as cache:
            seen = Looker(spec, "bench", cache).look()
        names = tuple(f"{scale.DATABASE}_{number}" for number in range(databases))
        specs = [_spec(source, destination, f"mapping_{number:02}", names) for number in range(mappings)]
    finally:
        source.remove()
        destination.remove()
    print(f"\n{mappings} mappings, {mappings * databases} databases, {mappings * databases * relations} relations")
    told = [_told(spec, _many(spec, seen, SHOWN[number % 2])) for number, spec in enumerate(specs)]
    _print(told)
    _show(told)


def _spec(source: Cluster, destination: Cluster, name: str, databases: tuple[str, ...]) -> MappingSpec:
    ends = source.spec("source"), destination.spec("destination")
    return MappingSpec(name, *ends, databases=DatabaseSelection(databases))


def _many(spec: MappingSpec, seen: Observation, moment: str) -> Observation:
    """The observation of a mapping whose databases are all like the one that was seen, at that moment of a migration."""
    names = spec.databases.include
    ones = [_moment(spec, seen, name, moment) for name in names]
    journals = [one.journal for one in ones if one.journal is not None]
    slots = tuple(slot for one in ones for slot in _server(one.source).slots)
    return replace(
        ones[0],
        source=replace(_server(ones[0].source), slots=slots, databases=_databases(ones[0].source, names)),
        destination=replace(_server(ones[0].destination), databases=_databases(ones[0].destination, names)),
        databases=tuple(pair for one in ones for pair in one.databases),
        journal=replace(journals[0], claims=tuple(claim for journal in journals for claim in journal.claims)),
    )


def _moment(spec: MappingSpec, seen: Observation, name: str, moment: str) -> Observation:
    (pair,) = seen.databases
    one = replace(seen, mapping=spec.name, databases=(replace(pair, name=name, target=name),))
    return next(each.observation for each in scale.moments(spec, one) if each.name == moment)


def _server(instance: Instance | Unreachable) -> Instance:
    assert isinstance(instance, Instance)
    return instance


def _databases(instance: Instance | Unreachable, names: Iterable[str]) -> tuple[Database, ...]:
    model = _server(instance).database(scale.DATABASE)
    assert model is not None
    return tuple(replace(model, name=name) for name in names)


def _told(spec: MappingSpec, seen: Observation) -> Told:
    """As a tick does it, but for what goes to Redis."""
    now, begun = seen.observed_at, time.process_time()
    decision = decide(spec, seen, Hints(), now)
    decided = time.process_time()
    whole = snapshot.summary(spec, seen, decision, now)
    short = brief(whole)
    relations = {pair.name: progress.relations(pair) for pair in seen.databases}
    return Told(spec.name, whole, short, relations, decided - begun, time.process_time() - decided)


def _publish(store: Store, told: list[Told]) -> None:
    for each in told:
        for database, rows in each.relations.items():
            store.publish_relations(each.name, database, rows)
        store.publish_summary(each.name, each.short, each.whole if each.short["left_out"] else None)


def _print(told: list[Told]) -> None:
    """Half the mappings are at one moment, half at the other: the longest is what the dearer moment costs."""
    for what, spent in (
        ("decide", [each.deciding for each in told]),
        ("summary and relations", [each.telling for each in told]),
    ):
        print(
            f"  {what:<24}{statistics.median(spent) * 1000:8.1f} ms of CPU a mapping, most {max(spent) * 1000:8.1f}; ",
            end="",
        )
        print(f"all {sum(spent):6.2f} s", flush=True)
    for what, sizes in (
        ("summary, all of it", [_kilobytes(each.whole) for each in told]),
        ("summary, as browsers get it", [_kilobytes(each.short) for each in told]),
        ("relations", [_kilobytes(each.relations) for each in told]),
    ):
        print(f"  {what:<28} largest {max(sizes):8.1f} kB, together {sum(sizes):10.1f} kB", flush=True)


def _kilobytes(document: Mapping[str, object]) -> float:
    return len(json.dumps(document, separators=(",", ":")).encode()) / 1024


def _show(told: list[Told]) -> None:
    valkey = Valkey()
    try:
        store = Store.connect(valkey.url)
        store.publish_public(public([each.name for each in told], recorded_page.REFRESH_SECONDS))
        begun = time.perf_counter()
        _publish(store, told)
        print(f"  all of it into Valkey        {time.perf_counter() - begun:8.2f} s", flush=True)
        recorded_page.show(valkey.url, store, {each.name: each.short for each in told})
    finally:
        valkey.remove()
