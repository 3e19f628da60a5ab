"""The one doorway to Redis: what was seen (for the browser), what was asked for, and hints that save work.

Losing any of it, even all of it at once, costs time and never correctness.
"""

import json
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import wraps
from itertools import chain
from typing import Concatenate, ParamSpec, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from migrator import backoff
from migrator import bucket as token_bucket
from migrator.errors import StoreUnavailableError
from migrator.model import Failure
from migrator.store import blobs
from migrator.store.roster import Roster

LOG_LENGTH = 1_000
REQUESTS_LENGTH = 100
STALE_FAILURE = timedelta(hours=1)
"""A failure whose next try is overdue by this is another one's past: somebody else mended it meanwhile."""

Document = blobs.Document

P = ParamSpec("P")
T = TypeVar("T")


def _doorway(method: Callable[Concatenate["Store", P], T]) -> Callable[Concatenate["Store", P], T]:
    """Turns whatever redis-py raises into our own error: nobody else imports redis."""

    @wraps(method)
    def wrapped(self: "Store", /, *args: P.args, **kwargs: P.kwargs) -> T:
        with translated():
            return method(self, *args, **kwargs)

    return wrapped


@contextmanager
def translated() -> Iterator[None]:
    """What redis-py raises within it becomes StoreUnavailableError."""
    try:
        yield
    except RedisError as error:
        raise StoreUnavailableError(
            f"Redis does not answer: {error}.", "Check that it runs and that redis_url is right."
        ) from error


class Store:
    """Redis, as this project uses it. Every method raises StoreUnavailableError when Redis does not answer."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self.client = client
        """For the rooms beside this one, under `translated`."""
        self._take = client.register_script(token_bucket.TAKE)

    @classmethod
    def connect(cls, url: str) -> "Store":
        """A store on that Redis; nothing is sent yet. One quick retry: a restart leaves connections half-open."""
        retry = Retry(NoBackoff(), 1)
        return cls(redis.Redis.from_url(url, decode_responses=True, retry=retry, health_check_interval=25))

    @_doorway
    def ping(self) -> bool:
        """True; raises when Redis is away."""
        return bool(self._redis.ping())

    @_doorway
    def publish_public(self, document: Mapping[str, object]) -> None:
        """The configuration without secrets."""
        self._redis.set(blobs.key("public"), blobs.stamped(document))

    @_doorway
    def public(self) -> Document | None:
        """What publish_public wrote last, None where nothing was."""
        return blobs.document(self._redis.get(blobs.key("public")))

    @_doorway
    def mapping_names(self) -> list[str]:
        """The mappings that were ever published and not forgotten, sorted."""
        return sorted(blobs.text(name) for name in self._redis.smembers(blobs.key("mappings")))

    @_doorway
    def publish_summary(
        self, name: str, document: Mapping[str, object], whole: Mapping[str, object] | None = None
    ) -> None:
        """A mapping's summary, and the whole of it where it is only a part; the mapping becomes known by it."""
        pipeline = self._redis.pipeline()
        pipeline.delete(blobs.key(name, "whole"))
        for part, found in (("summary", document), *((("whole", whole),) if whole else ())):
            pipeline.set(blobs.key(name, part), blobs.stamped(found))
        pipeline.sadd(blobs.key("mappings"), name)
        pipeline.execute()

    @_doorway
    def summary(self, name: str) -> Document | None:
        """The mapping's last summary, None where nothing was observed yet."""
        return blobs.document(self._redis.get(blobs.key(name, "summary")))

    @_doorway
    def whole_summary(self, name: str) -> Document | None:
        """The mapping's last summary with nothing left out."""
        whole = blobs.document(self._redis.get(blobs.key(name, "whole")))
        return whole if whole is not None else self.summary(name)

    @_doorway
    def publish_relations(self, name: str, database: str, relations: Mapping[str, Mapping[str, object]]) -> None:
        """Make a database's relations these: what has changed is written, what is gone removed, the rest left alone."""
        key = blobs.key(name, "db", database, "relations")
        rows = {relation: blobs.dump(document) for relation, document in relations.items()}
        held = {blobs.text(relation): blobs.text(row) for relation, row in self._redis.hgetall(key).items()}
        changed = {relation: row for relation, row in rows.items() if held.get(relation) != row}
        if changed:
            self._redis.hset(key, items=[*chain(*changed.items())])
        if gone := held.keys() - rows.keys():
            self._redis.hdel(key, *gone)

    @_doorway
    def relations(self, name: str, database: str) -> dict[str, Document]:
        """A database's relations by qualified name."""
        rows = self._redis.hgetall(blobs.key(name, "db", database, "relations"))
        return {blobs.text(relation): dict(json.loads(document)) for relation, document in rows.items()}

    @_doorway
    def append_log(self, name: str, entry: Mapping[str, object]) -> None:
        """One line of the mapping's log; the oldest give way."""
        self._append(blobs.key(name, "log"), entry, LOG_LENGTH)

    @_doorway
    def log(self, name: str, limit: int = 200) -> list[Document]:
        """The newest `limit` lines, oldest first."""
        return blobs.documents(self._redis.lrange(blobs.key(name, "log"), -limit, -1))

    @_doorway
    def push_request(self, name: str, request: Mapping[str, object]) -> None:
        """Ask the mapping's next reconcile for something; it judges by itself whether to do it."""
        self._append(blobs.key(name, "requests"), request, REQUESTS_LENGTH)

    @_doorway
    def take_requests(self, name: str) -> list[Document]:
        """All requests, oldest first; each is handed out once."""
        key = blobs.key(name, "requests")
        pipeline = self._redis.pipeline()
        pipeline.lrange(key, 0, -1)
        pipeline.delete(key)
        values: Sequence[str] = pipeline.execute()[0]
        return blobs.documents(values)

    @_doorway
    def failures(self, name: str) -> dict[str, Failure]:
        """What failed at its last try, by key."""
        rows = self._redis.hgetall(blobs.key(name, "failures"))
        return {blobs.text(key): _failure(blobs.text(key), json.loads(value)) for key, value in rows.items()}

    @_doorway
    def record_failure(self, name: str, key: str, message: str, now: datetime) -> Failure:
        """Count a failed try and say when the next one may be. Two at once may count as one: that costs a try."""
        held = blobs.document(self._redis.hget(blobs.key(name, "failures"), key))
        before = _failure(key, held) if held else None
        count = 1 + (before.count if before and now - before.next_try_at < STALE_FAILURE else 0)
        seconds = backoff.seconds(count, random.random())  # noqa: S311 - jitter, not a secret
        failure = Failure(key, message, count, now + timedelta(seconds=seconds))
        document = {"message": message, "count": count, "next_try_at": failure.next_try_at.isoformat()}
        self._redis.hset(blobs.key(name, "failures"), key, blobs.dump(document))
        return failure

    @_doorway
    def clear_failure(self, name: str, key: str) -> None:
        """It worked."""
        self._redis.hdel(blobs.key(name, "failures"), key)

    @_doorway
    def clear_failures(self, name: str) -> None:
        """Try everything again at once."""
        self._redis.delete(blobs.key(name, "failures"))

    @_doorway
    def in_flight(self, name: str, queue: str) -> dict[str, str]:
        """Work on its way: by its key the message it travels in."""
        now, found = self._now(), {}
        for key, value in self._redis.hgetall(blobs.key(name, "inflight", queue)).items():
            until, message = json.loads(value)
            if until > now:
                found[blobs.text(key)] = str(message)
        return found

    @_doorway
    def mark_all_in_flight(self, name: str, queue: str, messages: Mapping[str, Iterable[str]], seconds: float) -> None:
        """These messages, each with its keys, are on their way: for so many seconds at most."""
        until = self._now() + seconds
        marks = {key: json.dumps([until, message]) for message, keys in messages.items() for key in keys}
        if marks:
            pipeline = self._redis.pipeline()
            pipeline.hset(blobs.key(name, "inflight", queue), items=[*chain(*marks.items())])
            pipeline.pexpire(blobs.key(name, "inflight", queue), max(1, int(seconds * 1000)))
            pipeline.execute()

    @_doorway
    def clear_in_flight(self, name: str, queue: str, keys: Iterable[str]) -> None:
        """The work has ended, one way or the other."""
        self._redis.hdel(blobs.key(name, "inflight", queue), *keys)

    @_doorway
    def register_worker(self, hostname: str, queues: Sequence[str], concurrency: int) -> None:
        """A worker says that it lives, several times a minute. The clock is Redis's, so that all agree."""
        roster = self._roster()
        pipeline = self._redis.pipeline()
        if gone := roster.long_gone():
            pipeline.hdel(blobs.key("workers"), *gone)
        pipeline.hset(blobs.key("workers"), hostname, roster.entry(hostname, queues, concurrency))
        pipeline.execute()

    @_doorway
    def slots(self, queue: str) -> int:
        """How many tasks of that queue the living workers can run at once."""
        return self._roster().slots(queue)

    @_doorway
    def known_slots(self, queue: str) -> int | None:
        """As `slots`; None while workers may live that have not yet said so, as after Redis was emptied."""
        roster = self._roster()
        return roster.slots(queue) if roster.is_complete() else None

    @_doorway
    def worker_lives(self, host: str) -> bool:
        """Whether a worker of that machine (its name ends in @host) has said within WORKER_SECONDS that it lives."""
        return self._roster().serves(host)

    @_doorway
    def beat_age(self, host: str) -> float | None:
        """Seconds since beat of that machine, which registers as beat@host without a queue, had something due."""
        roster = self._roster()
        found = roster.workers.get(f"beat@{host}")
        return roster.now - found.at if found else None

    @_doorway
    def queued(self, queue: str) -> int:
        """Messages waiting: Celery's queue is a plain list of that name in the same Redis database."""
        return int(self._redis.llen(queue))

    @_doorway
    def take(self, limits: Sequence[token_bucket.Limit], cost_bytes: float) -> float:
        """0.0: taken from every bucket. Above: from none; ask again after so many seconds. One atomic call.

        The buckets keep Redis's time, and share a hash tag: they stand on one node wherever Redis is a cluster.
        """
        if not limits:
            return 0.0
        constants = (token_bucket.BURST_SECONDS, token_bucket.STANDSTILL_SECONDS, token_bucket.LEAST_SECONDS)
        arguments = [float(cost_bytes), *constants, token_bucket.DAY_MILLISECONDS, *(limit.rate for limit in limits)]
        return float(self._take(keys=[blobs.bucket_key(limit.bucket) for limit in limits], args=arguments))

    @_doorway
    def forget(self, name: str) -> None:
        """Remove everything of a mapping."""
        keys = list(self._redis.scan_iter(match=blobs.key(name) + ":*", count=1000))
        pipeline = self._redis.pipeline()
        pipeline.srem(blobs.key("mappings"), name)
        pipeline.delete(blobs.bucket_key(f"mapping:{name}"), *keys)
        pipeline.execute()

    def _append(self, key: str, document: Mapping[str, object], length: int) -> None:
        pipeline = self._redis.pipeline()
        pipeline.rpush(key, blobs.dump(document))
        pipeline.ltrim(key, -length, -1)
        pipeline.execute()

    def _now(self) -> float:
        seconds, microseconds = self._redis.time()
        return float(seconds) + float(microseconds) / 1_000_000

    def _roster(self) -> Roster:
        return Roster.of(self._redis.hgetall(blobs.key("workers")), self._now())


def _failure(key: str, document: Mapping[str, object]) -> Failure:
    at = datetime.fromisoformat(str(document["next_try_at"]))
    return Failure(key, str(document["message"]), int(str(document["count"])), at)
