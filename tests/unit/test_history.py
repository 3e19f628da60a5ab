"""A day of metrics: fine for the last hour, a minute's worst before, and never more than so many bytes."""

from datetime import UTC, datetime, timedelta

import fakeredis
import pytest

from migrator.store import Store
from migrator.store.history import COARSE_LENGTH, FINE_LENGTH, History

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
INTERVAL = 5


@pytest.fixture
def client() -> fakeredis.FakeRedis:
    return fakeredis.FakeRedis(decode_responses=True)


@pytest.fixture
def history(client: fakeredis.FakeRedis) -> History:
    return History(Store(client), "m")


def sample(seconds: float, lag: int | None = 0) -> dict[str, object]:
    return {
        "at": (NOON + timedelta(seconds=seconds)).isoformat(),
        "lag_bytes": lag,
        "lag_seconds": 0.5,
        "bytes_copied": int(seconds),
        "retained_bytes": 16 * 2**20,
        "status": "in_progress",
    }


def test_nothing_yet(history: History) -> None:
    assert history.samples() == history.newest(5) == []


def test_the_last_hour_is_fine_and_minutes_before_it_keep_their_peak(history: History) -> None:
    for number in range(FINE_LENGTH + 240):  # twenty minutes more than an hour
        history.append(sample(number * INTERVAL, 999 if number == 100 else 1))
    found = history.samples()
    assert len(found) == FINE_LENGTH + 20
    assert [each["at"] for each in found] == sorted(str(each["at"]) for each in found)
    assert found[0]["at"] == NOON.isoformat()
    assert [str(each["at"])[11:16] for each in found if each["lag_bytes"] == 999] == ["12:08"]
    assert found[-1] == history.newest(1)[0] == sample((FINE_LENGTH + 239) * INTERVAL, 1)


def test_thinned_with_the_newest_and_every_peak(history: History) -> None:
    for number in range(100):
        history.append(sample(number * INTERVAL, 999 if number == 42 else None))
    found = history.samples(points=10)
    assert len(found) == 10
    assert found[-1]["at"] == sample(99 * INTERVAL)["at"]
    assert [each["lag_bytes"] for each in found].count(999) == 1


def test_memory_is_bounded_whatever_the_interval(history: History, client: fakeredis.FakeRedis) -> None:
    held = 0
    for number in range(3_000):  # more than two days, a sample a minute
        history.append(sample(number * 60.0))
        if number == COARSE_LENGTH:
            held = _bytes(client)
    for number in range(2_000):  # ticks in quick succession
        history.append(sample(3_000 * 60.0 + number / 10))
    assert client.llen("migrator:m:history") == FINE_LENGTH
    assert client.llen("migrator:m:history:minutes") == COARSE_LENGTH
    assert _bytes(client) <= held * 1.05 <= 600_000


def _bytes(client: fakeredis.FakeRedis) -> int:
    keys = ("migrator:m:history", "migrator:m:history:minutes")
    return sum(len(str(row)) for key in keys for row in client.lrange(key, 0, -1))
