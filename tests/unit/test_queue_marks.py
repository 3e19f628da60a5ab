"""What beat and the tasks send by themselves: one tick of a mapping in the queue at a time, whoever asks for it."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import celery.beat
import fakeredis
import pytest

from migrator.errors import SessionLimitError
from migrator.store import Store
from migrator.store.nudges import MOST_SECONDS
from migrator.store.waiting import WAITING_SECONDS, Waiting
from migrator.tasks.perform import Outcome

CONFIG = {
    "instances": {"old": {"server": "127.0.0.1", "port": 1}, "new": {"server": "127.0.0.1", "port": 2}},
    "mappings": [{"name": "m", "source_instance": "old", "destination_instance": "new"}],
}


@dataclass
class Post:
    """The shell around Redis, with what was sent through it instead of through Celery."""

    store: Store
    client: fakeredis.FakeRedis
    server: fakeredis.FakeServer
    sent: list[str] = field(default_factory=list)

    def beat(self, task: str = "reconcile", queue: str = "reconcile") -> None:
        from workers.app import app
        from workers.beat import Scheduler

        entry = celery.beat.ScheduleEntry(f"{task} m", task, args=("m",), options={"queue": queue}, app=app)
        Scheduler(app, lazy=True, schedule={f"{task} m": entry}).apply_entry(entry)


@pytest.fixture
def post(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Post:
    file = tmp_path / "config.json"
    file.write_text(json.dumps(CONFIG))
    monkeypatch.setenv("MIGRATOR_CONFIG", str(file))
    import workers.app
    import workers.tasks

    server = fakeredis.FakeServer()
    client = fakeredis.FakeRedis(server=server, decode_responses=True)
    post = Post(Store(client), client, server)

    class Timer:
        """Goes off at once."""

        def __init__(self, delay: float, function: object, arguments: tuple[str]) -> None:
            self.start = lambda: function(*arguments)  # type: ignore[operator]

    monkeypatch.setattr(workers.app, "_store", post.store)
    monkeypatch.setattr(workers.tasks, "_spec", lambda mapping: SimpleNamespace(name=mapping))
    monkeypatch.setattr(workers.tasks, "Timer", Timer)
    monkeypatch.setattr(workers.app.app, "send_task", lambda task, **_: post.sent.append(task))
    monkeypatch.setattr(
        celery.beat.Scheduler, "apply_entry", lambda self, entry, producer=None: post.sent.append("beat")
    )
    return post


def test_a_mark_lets_one_wait_at_a_time_and_ends_by_itself(post: Post) -> None:
    waiting = Waiting(post.store, "m")
    assert waiting.join("reconcile") and not waiting.join("reconcile")
    assert waiting.join("sample_lag") and Waiting(post.store, "n").join("reconcile")
    waiting.leave("reconcile")
    assert waiting.join("reconcile")
    assert 0 < post.client.ttl("migrator:m:waiting:reconcile") <= WAITING_SECONDS
    post.client.flushall()
    assert waiting.join("reconcile")


def test_beat_sends_no_second_one_and_lives_nevertheless(post: Post) -> None:
    post.beat()
    post.beat()
    post.beat("sample_lag", "sampling")
    assert post.sent == ["beat", "beat"]
    post.client.delete("migrator:workers")
    post.beat()
    assert len(post.sent) == 2
    assert len(post.client.hkeys("migrator:workers")) == 1


def test_beat_adds_nothing_to_a_queue_that_nobody_serves(post: Post) -> None:
    post.client.rpush("reconcile", *range(100))
    post.beat()
    assert post.sent == []
    post.client.lpop("reconcile")
    post.beat()
    assert post.sent == ["beat"]


def test_beat_goes_on_without_redis(post: Post) -> None:
    post.server.connected = False
    post.beat()
    post.server.connected = True
    post.beat()
    assert post.sent == ["beat"]


def test_a_tick_that_is_asked_for_is_not_sent_beside_one_that_waits(post: Post) -> None:
    from workers.tasks import _nudge, reconcile

    post.beat()
    _nudge("m")
    assert post.sent == ["beat"]
    post.client.set("migrator:public", "{}")
    post.client.delete("migrator:m:nudge")
    seen: list[object] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("workers.tasks.Reconciler", lambda *_: SimpleNamespace(tick=lambda: seen.append(_waits(post))))
        reconcile("m")
    assert seen == [False], "what happens during a tick is for the next"
    _nudge("m")
    assert post.sent == ["beat", "reconcile"]
    post.beat()
    assert post.sent == ["beat", "reconcile"]


def _waits(post: Post) -> bool:
    return bool(post.client.exists("migrator:m:waiting:reconcile"))


def test_one_that_is_to_come_later_does_not_hold_beats_back(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    import workers.tasks

    kept: list[tuple[float, object]] = []
    later = lambda delay, function, arguments: SimpleNamespace(start=lambda: kept.append((delay, function)))  # noqa: E731
    monkeypatch.setattr(workers.tasks, "Timer", later)
    workers.tasks._nudge("m")
    workers.tasks._nudge("m")
    assert [delay for delay, _ in kept] == [0.0, pytest.approx(MOST_SECONDS, abs=0.5)]
    assert post.sent == [] and not _waits(post)
    post.beat()
    assert post.sent == ["beat"]


def test_the_mark_goes_also_where_the_worker_is_about_to_end(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    from workers.stopping import _Process
    from workers.tasks import sample_lag_of

    monkeypatch.setattr(_Process, "stopping", True)
    Waiting(post.store, "m").join("sample_lag")
    sample_lag_of("m")
    assert Waiting(post.store, "m").join("sample_lag")


@pytest.mark.parametrize(
    "found, asks",
    [
        (Outcome(applied=1), True),
        (Outcome(failed=1), True),
        (Outcome(locked_elsewhere=True), False),
        (SessionLimitError("full"), True),
    ],
)
def test_a_keeper_that_finds_its_seat_taken_asks_for_no_tick(
    post: Post, monkeypatch: pytest.MonkeyPatch, found: Outcome | SessionLimitError, asks: bool
) -> None:
    import workers.tasks

    def keep(*_: object) -> Outcome:
        if isinstance(found, SessionLimitError):
            raise found
        return found

    monkeypatch.setattr(workers.tasks, "keep", keep)
    workers.tasks.keep_snapshot("m", "shop", 1, "2")
    assert post.sent == (["reconcile"] if asks else [])
