"""Webhooks: a real receiver hears of a real migration, each thing once and in order; and what an address can do wrong."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import fakeredis
import pytest
from click.testing import CliRunner

from migrator import control
from migrator.cli import main
from migrator.config import InstanceSpec, MappingSpec, NotificationKind, NotificationSpec, Secret
from migrator.machines.cluster import Cluster
from migrator.reports.notices import address_key, trial
from migrator.store import Store
from migrator.store.outbox import Outbox
from migrator.webhooks import NotDeliveredError, deliver, send, tell
from tests.authority import Authority
from tests.machine_room import instance, machine_room, write_config
from tests.receiver import Receiver, receiver
from tests.system.scenario import seed
from tests.unit.test_notices import summary

Clusters = Callable[..., Cluster]


def until(done: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_migration_is_told_of_step_by_step(cluster: Clusters, valkey: str, tmp_path: Path) -> None:
    source, destination = cluster(16), cluster(18)
    seed(source)
    with receiver() as listener, receiver() as silent:
        silent.delay = 3_600  # takes everything, answers nothing
        path = write_config(tmp_path, instance(source), instance(destination), {}, valkey)
        addresses = [
            {"url": f"{listener.url}/all"},
            {"url": f"{listener.url}/ends", "events": ["completed", "aborted"]},
            {"url": f"{listener.url}/others", "mappings": ["m"], "events": "mended"},
            {"url": f"{silent.url}/x", "timeout_seconds": 1},
        ]
        path.write_text(json.dumps({**json.loads(path.read_text()), "notifications": addresses}))

        def heard(*events: str) -> None:
            until(lambda: listener.events("/all")[-len(events) :] == list(events))

        with machine_room(path, web=False) as room:
            room.status("cutover_ready")
            heard("ready")
            name = destination.execute("SELECT subname FROM pg_subscription")[0][0]
            destination.execute(f"ALTER SUBSCRIPTION {name} DISABLE", "shop")
            room.status("problematic")
            heard("ready", "not_ready", "problem")
            destination.execute(f"ALTER SUBSCRIPTION {name} ENABLE", "shop")
            room.status("cutover_ready")
            heard("mended", "ready")
            once = ["ready", "not_ready", "problem", "mended", "ready"]
            assert listener.events("/all") == once

            room.flush()
            room.status("cutover_ready")
            heard(*once, "ready")
            room.supervisor.stop()
            room.supervisor.start()
            room.fresh(2)
            lsn = str(control.take_barrier(room.spec).lsn)
            until(lambda: control.assess(room.spec, room.store).summary["completion"]["safe"])  # type: ignore[index]
            room.store.push_request("m", {"kind": "complete", "barrier": lsn})
            room.status("completed")
            heard("completed")
            ended = [*once, "ready", "completed"]
            until(lambda: listener.events("/ends") == ["completed"])
            room.fresh(2)
        assert listener.events("/all") == ended
        assert listener.events("/others") == ["mended"]
        problem = next(body for path, body in listener.received if body["event"] == "problem")
        assert [each["code"] for each in problem["findings"]] == ["subscription_disabled"]  # type: ignore[attr-defined]
        assert len(silent.requests) > 1, "tried again"


@pytest.fixture
def listener() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


def address(url: str, **fields: object) -> NotificationSpec:
    return replace(NotificationSpec(Secret(url), timeout_seconds=5.0), **fields)  # type: ignore[arg-type]


def refusal(spec: NotificationSpec) -> str:
    with pytest.raises(NotDeliveredError) as caught:
        deliver(spec, trial("m"))
    assert "s3cret" not in str(caught.value)
    return str(caught.value)


def test_what_an_address_can_do_wrong(listener: Receiver) -> None:
    here = address(f"{listener.url}/s3cret")
    listener.answers = [404, 500, 302]
    assert "404" in refusal(here)
    assert "500" in refusal(here)
    assert "elsewhere" in refusal(here)
    assert listener.received == []
    listener.delay = 30
    assert "timed out" in refusal(replace(here, timeout_seconds=0.2))
    with receiver() as gone:
        pass
    assert "No answer" in refusal(address(f"{gone.url}/s3cret"))
    listener.delay = 0
    deliver(here, trial("m"))
    assert listener.received[-1] == ("/s3cret", trial("m"))


def test_certificates_are_verified(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    made = authority.certificate("hook")
    with receiver((made.certificate, made.key)) as secure:
        here = address(f"{secure.url}/s3cret")
        assert "not trusted" in refusal(here)
        deliver(replace(here, sslrootcert=str(authority.root)), trial("m"))
        assert len(secure.received) == 1
    other = authority.certificate("other", "DNS:elsewhere.example.com")
    with receiver((other.certificate, other.key)) as elsewhere:
        assert "not trusted" in refusal(address(f"{elsewhere.url}/s3cret", sslrootcert=str(authority.root)))
        assert elsewhere.requests == []


def test_the_environment_s_proxy_is_used(listener: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", listener.url)
    monkeypatch.delenv("no_proxy", raising=False)
    deliver(address("http://hooks.example.com/s3cret"), trial("m"))
    assert listener.requests == ["POST http://hooks.example.com/s3cret HTTP/1.1"]


def test_a_refused_event_is_sent_again_and_later_ones_wait(listener: Receiver) -> None:
    slack = address(f"{listener.url}/slack", kind=NotificationKind.SLACK)
    end = InstanceSpec("old", "old.example.com")
    spec = MappingSpec("m", end, replace(end, name="new"), notifications=(slack,))
    store = Store(fakeredis.FakeRedis(decode_responses=True))
    listener.answers = [503]
    now = datetime.now(UTC)
    ready = summary("cutover_ready")
    assert tell(spec, store, recent(ready, now)) == 1
    assert tell(spec, store, recent(summary("problematic", ("slot", "shop")), now + timedelta(seconds=1))) == 2
    send(spec, store)
    assert (listener.received, len(listener.requests)) == ([], 1)
    outbox = Outbox(store, "m")
    assert [parcel.tries for parcel in outbox.waiting()] == [1, 0, 0]

    def all_sent() -> bool:
        send(spec, store)
        return not outbox.waiting()

    until(all_sent, 10)
    texts = [str(body["text"]) for _, body in listener.received]
    assert ["is ready" in texts[0], "no longer" in texts[1], "slot: It" in texts[2]] == [True] * 3
    assert tell(spec, store, recent(summary("problematic", ("slot", "shop")), now + timedelta(seconds=2))) == 0

    tell(spec, store, recent(ready, now + timedelta(seconds=3)))
    assert {parcel.address for parcel in outbox.waiting()} == {address_key(slack)}
    send(replace(spec, notifications=()), store)
    assert outbox.waiting() == [], "an address taken out of the configuration gets nothing more"

    store.forget("m")
    listener.answers = [503]
    tell(spec, store, recent(ready, now - timedelta(days=1, seconds=1)))
    send(spec, store)
    assert (listener.answers, outbox.waiting()) == ([], []), "what is older than a day is tried once more, and dropped"


def recent(seen: dict[str, object], at: datetime) -> dict[str, object]:
    return {**seen, "observed_at": at.isoformat()}


def test_the_trial_from_the_command_line(listener: Receiver, tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    instances = {"old": {"server": "old"}, "new": {"server": "new"}}
    mapping = {"source_instance": "old", "destination_instance": "new"}
    hooks = [{"url": f"{listener.url}/good-s3cret"}, {"url": f"{listener.url}/bad-s3cret", "kind": "teams"}]
    path.write_text(json.dumps({"instances": instances, "mappings": [mapping], "notifications": hooks}))
    listener.answers = [200, 403]
    result = CliRunner().invoke(main, ["notify", "-c", str(path)])
    assert result.exit_code == 1
    assert "notifications.0, json at 127.0.0.1: arrived" in result.output
    assert "notifications.1, teams at 127.0.0.1: HTTP status 403." in result.output
    assert "s3cret" not in result.output
    assert CliRunner().invoke(main, ["notify", "-c", str(path)]).exit_code == 0
    path.write_text(json.dumps({"instances": instances, "mappings": [mapping]}))
    assert "No address is configured" in CliRunner().invoke(main, ["notify", "-c", str(path)]).output
