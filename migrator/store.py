"""The one doorway to Redis: what was seen (for the browser), what was asked for, and hints that save work.

Losing any of it, even all of it at once, costs time and never correctness.
"""

import json
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from migrator import bucket as token_bucket
from migrator.errors import StoreUnavailableError
from migrator.model import Failure

SCHEMA_VERSION = 1
HISTORY_LENGTH = 17_280
"""A day of samples, one every five seconds."""
LOG_LENGTH = 1_000
REQUESTS_LENGTH = 100
WORKER_SECONDS = 60
"""A worker that has not registered for this long is taken for gone."""
BACKOFF_CEILING_SECONDS = 300.0

P = ParamSpec("P")
T = TypeVar("T")
Document = dict[str, object]
"""What a JSON blob decodes to. Its shape is written down in migrator.snapshot."""


def backoff_seconds(count: int) -> float:
    """How long to leave work alone that has failed `count` times running: 2, 4, 8 ... seconds, at most five minutes."""
    return min(BACKOFF_CEILING_SECONDS, 2.0 * 2.0 ** min(count - 1, 16))


def _doorway(method: Callable[Concatenate["Store", P], T]) -> Callable[Concatenate["Store", P], T]:
    """Turns whatever redis-py raises into our own error: nobody else imports redis."""

    @wraps(method)
    def wrapped(self: "Store", /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(self, *args, **kwargs)
        except RedisError as error:
            raise StoreUnavailableError(
                f"Redis does not answer: {error}.", "Check that it runs and that redis_url is right."
            ) from error

    return wrapped


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _document(value: bytes | str | None) -> Document | None:
    return None if value is None else dict(json.loads(value))


def _documents(values: Iterable[bytes | str]) -> list[Document]:
    return [dict(json.loads(value)) for value in values]


def _dump(document: Mapping[str, object]) -> str:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def _stamped(document: Mapping[str, object]) -> str:
    return _dump({"schema_version": SCHEMA_VERSION, **document})


def _key(*parts: str) -> str:
    """Names are percent-encoded, so that no name can reach into another one's keys or be a glob."""
    return ":".join(("migrator", *(quote(part, safe="") for part in parts)))


def _bucket_key(bucket: str) -> str:
    return f"migrator:{{rate}}:{quote(bucket, safe=':')}"


class Store:
    """Redis, as this project uses it. Every method raises StoreUnavailableError when Redis does not answer."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
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

    # What the browser sees

    @_doorway
    def publish_public(self, document: Mapping[str, object]) -> None:
        """The configuration without secrets."""
        self._redis.set(_key("public"), _stamped(document))

    @_doorway
    def public(self) -> Document | None:
        """What publish_public wrote last, None where nothing was."""
        return _document(self._redis.get(_key("public")))

    @_doorway
    def mapping_names(self) -> list[str]:
        """The mappings that were ever published and not forgotten, sorted."""
        return sorted(_text(name) for name in self._redis.smembers(_key("mappings")))

    @_doorway
    def publish_summary(self, name: str, document: Mapping[str, object]) -> None:
        """A mapping's summary; the mapping becomes known by it."""
        pipeline = self._redis.pipeline()
        pipeline.set(_key(name, "summary"), _stamped(document))
        pipeline.sadd(_key("mappings"), name)
        pipeline.execute()

    @_doorway
    def summary(self, name: str) -> Document | None:
        """The mapping's last summary, None where nothing was observed yet."""
        return _document(self._redis.get(_key(name, "summary")))

    @_doorway
    def publish_relations(self, name: str, database: str, relations: Mapping[str, Mapping[str, object]]) -> None:
        """Replace a database's relations, all at once."""
        key = _key(name, "db", database, "relations")
        pipeline = self._redis.pipeline()
        pipeline.delete(key)
        if relations:
            pipeline.hset(key, mapping={relation: _dump(document) for relation, document in relations.items()})
        pipeline.execute()

    @_doorway
    def relations(self, name: str, database: str) -> dict[str, Document]:
        """A database's relations by qualified name."""
        rows = self._redis.hgetall(_key(name, "db", database, "relations"))
        return {_text(relation): dict(json.loads(document)) for relation, document in rows.items()}

    @_doorway
    def append_history(self, name: str, sample: Mapping[str, object]) -> None:
        """One sample of the mapping's metrics; the oldest give way."""
        self._append(_key(name, "history"), sample, HISTORY_LENGTH)

    @_doorway
    def history(self, name: str, points: int | None = None, last: int | None = None) -> list[Document]:
        """Samples, oldest first: all, only the `last` ones, or about `points` spread evenly (with the newest)."""
        values = self._redis.lrange(_key(name, "history"), 0 if last is None else -last, -1)
        step = 1 if points is None else max(1, -(-len(values) // points))
        return _documents(reversed(values[::-1][::step]))

    @_doorway
    def append_log(self, name: str, entry: Mapping[str, object]) -> None:
        """One line of the mapping's log; the oldest give way."""
        self._append(_key(name, "log"), entry, LOG_LENGTH)

    @_doorway
    def log(self, name: str, limit: int = 200) -> list[Document]:
        """The newest `limit` lines, oldest first."""
        return _documents(self._redis.lrange(_key(name, "log"), -limit, -1))

    # What was asked for

    @_doorway
    def push_request(self, name: str, request: Mapping[str, object]) -> None:
        """Ask the mapping's next reconcile for something; it judges by itself whether to do it."""
        self._append(_key(name, "requests"), request, REQUESTS_LENGTH)

    @_doorway
    def take_requests(self, name: str) -> list[Document]:
        """All requests, oldest first; each is handed out once."""
        key = _key(name, "requests")
        pipeline = self._redis.pipeline()
        pipeline.lrange(key, 0, -1)
        pipeline.delete(key)
        values: Sequence[str] = pipeline.execute()[0]
        return _documents(values)

    # Hints: work that failed, work on its way

    @_doorway
    def failures(self, name: str) -> dict[str, Failure]:
        """What failed at its last try, by key."""
        rows = self._redis.hgetall(_key(name, "failures"))
        return {_text(key): _failure(_text(key), json.loads(value)) for key, value in rows.items()}

    @_doorway
    def record_failure(self, name: str, key: str, message: str, now: datetime) -> Failure:
        """Count a failed try and say when the next one may be. Two at once may count as one: that costs a try."""
        held = _document(self._redis.hget(_key(name, "failures"), key))
        count = 1 + (_failure(key, held).count if held else 0)
        seconds = backoff_seconds(count) * random.uniform(0.8, 1.0)  # noqa: S311 - jitter, not a secret
        failure = Failure(key, message, count, now + timedelta(seconds=seconds))
        document = {"message": message, "count": count, "next_try_at": failure.next_try_at.isoformat()}
        self._redis.hset(_key(name, "failures"), key, _dump(document))
        return failure

    @_doorway
    def clear_failure(self, name: str, key: str) -> None:
        """It worked."""
        self._redis.hdel(_key(name, "failures"), key)

    @_doorway
    def clear_failures(self, name: str) -> None:
        """Try everything again at once."""
        self._redis.delete(_key(name, "failures"))

    @_doorway
    def mark_in_flight(self, name: str, key: str, seconds: float) -> bool:
        """True: the work is not on its way and is now marked as such, for so many seconds at most."""
        return bool(self._redis.set(_key(name, "inflight", key), "1", nx=True, px=max(1, int(seconds * 1000))))

    @_doorway
    def clear_in_flight(self, name: str, key: str) -> None:
        """The work has ended, one way or the other."""
        self._redis.delete(_key(name, "inflight", key))

    # Workers and rate

    @_doorway
    def register_worker(self, hostname: str, queues: Sequence[str], concurrency: int) -> None:
        """A worker says that it lives, several times a minute. The clock is Redis's, so that all agree."""
        now = self._now()
        gone = [name for name, (_, _, at) in self._workers().items() if at < now - 60 * WORKER_SECONDS]
        pipeline = self._redis.pipeline()
        if gone:
            pipeline.hdel(_key("workers"), *gone)
        pipeline.hset(_key("workers"), hostname, _dump({"queues": list(queues), "concurrency": concurrency, "at": now}))
        pipeline.execute()

    @_doorway
    def slots(self, queue: str) -> int:
        """How many tasks of that queue the living workers can run at once."""
        oldest = self._now() - WORKER_SECONDS
        workers = self._workers().values()
        return sum(concurrency for queues, concurrency, at in workers if queue in queues and at >= oldest)

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
        return float(self._take(keys=[_bucket_key(limit.bucket) for limit in limits], args=arguments))

    @_doorway
    def forget(self, name: str) -> None:
        """Remove everything of a mapping."""
        keys = list(self._redis.scan_iter(match=_key(name) + ":*", count=1000))
        pipeline = self._redis.pipeline()
        pipeline.srem(_key("mappings"), name)
        pipeline.delete(_bucket_key(f"mapping:{name}"), *keys)
        pipeline.execute()

    def _append(self, key: str, document: Mapping[str, object], length: int) -> None:
        pipeline = self._redis.pipeline()
        pipeline.rpush(key, _dump(document))
        pipeline.ltrim(key, -length, -1)
        pipeline.execute()

    def _now(self) -> float:
        seconds, microseconds = self._redis.time()
        return float(seconds) + float(microseconds) / 1_000_000

    def _workers(self) -> dict[str, tuple[list[str], int, float]]:
        rows = {_text(name): json.loads(value) for name, value in self._redis.hgetall(_key("workers")).items()}
        return {name: (row["queues"], row["concurrency"], row["at"]) for name, row in rows.items()}


def _failure(key: str, document: Mapping[str, object]) -> Failure:
    at = datetime.fromisoformat(str(document["next_try_at"]))
    return Failure(key, str(document["message"]), int(str(document["count"])), at)
