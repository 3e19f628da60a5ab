"""Real servers for the tests: private clusters, shared clusters, fresh databases, a Valkey.

MIGRATOR_TEST_REQUIRE=15,16,17,18,browser names what must be there: its absence is then a failure, not a skip.
"""

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from migrator import quote, redaction
from migrator.errors import BinariesMissingError
from migrator.machines.cluster import Cluster, Valkey
from migrator.machines.provision import postgres_bin

# Where these assert for a test, what was found is shown as if the test had.
pytest.register_assert_rewrite(
    "tests.faults.migration", "tests.system.scenario", "tests.system.fleet", "tests.machine_room"
)

REQUIRED = frozenset(filter(None, os.environ.get("MIGRATOR_TEST_REQUIRE", "").split(",")))


def absent(what: str, reason: str) -> None:
    """Skip the test, or fail it where MIGRATOR_TEST_REQUIRE names `what`."""
    if what in REQUIRED:
        pytest.fail(f"required by MIGRATOR_TEST_REQUIRE: {reason}")
    pytest.skip(reason)


def _need(version: int) -> None:
    try:
        postgres_bin(version)
    except BinariesMissingError as error:
        absent(str(version), str(error))


@pytest.fixture(autouse=True)
def _no_secret_known() -> Iterator[None]:
    """A secret that one test's configuration held masks nothing in the next one's output."""
    yield
    redaction._known.clear()


@pytest.fixture
def cluster() -> Iterator[Callable[..., Cluster]]:
    """`cluster(15, wal_level="replica")`: a running cluster of the test's own, removed afterwards."""
    with ExitStack() as stack:

        def create(version: int, password: str | None = None, **settings: str) -> Cluster:
            _need(version)
            made = Cluster.create(version, {name: str(value) for name, value in settings.items()}, password)
            stack.callback(made.remove)
            return made

        yield create


@pytest.fixture(scope="session")
def shared() -> Iterator[Callable[[int], Cluster]]:
    """`shared(16)`: one cluster per version for the whole session. Leave nothing behind in it."""
    clusters: dict[int, Cluster] = {}

    def get(version: int) -> Cluster:
        _need(version)
        if version not in clusters:
            clusters[version] = Cluster.create(version)
        return clusters[version]

    yield get
    for made in clusters.values():
        made.remove()


@pytest.fixture
def database() -> Iterator[Callable[..., str]]:
    """`database(shared(16))`: the name of a fresh database on that cluster, dropped afterwards."""
    numbers = itertools.count(1)
    with ExitStack() as stack:

        def create(cluster_: Cluster, name: str | None = None) -> str:
            name = name or f"test_{os.getpid()}_{next(numbers)}_{os.urandom(3).hex()}"
            quoted = quote.identifier(name)
            cluster_.execute(f"CREATE DATABASE {quoted}")
            stack.callback(_drop_database, cluster_, quoted)
            return name

        yield create


def _drop_database(cluster_: Cluster, quoted: str) -> None:
    if cluster_.running:
        cluster_.execute(f"DROP DATABASE IF EXISTS {quoted} WITH (FORCE)")


@pytest.fixture
def valkey() -> Iterator[str]:
    """The URL of an empty Valkey of the test's own."""
    try:
        server = Valkey()
    except BinariesMissingError as error:
        pytest.skip(str(error))
    yield server.url
    server.remove()
