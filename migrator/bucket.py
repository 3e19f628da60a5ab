"""Token buckets that may go into debt: how rates in bytes per second are shared by any number of workers.

Pure. The arithmetic stands here twice: in Python, as what is meant, and as the script by which Redis does it atomically
with its own clock. A test holds the two together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

BURST_SECONDS = 0.25
"""How much unused rate a bucket keeps. With a whole second's worth, ten seconds would bring eleven seconds' bytes."""

STANDSTILL_SECONDS = 5.0
"""The answer while a rate is 0 (no copying): ask again then."""

LEAST_SECONDS = 0.000001
"""The shortest wait: what is refused must not be rounded to 0, which means taken."""

DAY_MILLISECONDS = 86_400_000
"""How long a bucket is kept beyond the end of its debt."""

TAKE = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local cost, seconds, standstill, least, day = unpack(ARGV, 1, 5)
local levels, wait = {}, 0
for i, key in ipairs(KEYS) do
  local rate = tonumber(ARGV[5 + i])
  local held = redis.call('HMGET', key, 'level', 'at')
  local level = tonumber(held[1]) or rate * seconds
  levels[i] = math.min(rate * seconds, level + math.max(0, now - (tonumber(held[2]) or now)) * rate)
  if rate <= 0 then
    wait = math.max(wait, standstill)
  elseif levels[i] < 0 then
    wait = math.max(wait, -levels[i] / rate, least)
  end
end
for i, key in ipairs(KEYS) do
  local rate = tonumber(ARGV[5 + i])
  if wait == 0 then levels[i] = levels[i] - cost end
  local debt = rate > 0 and math.max(0, -levels[i] / rate) or 0
  redis.call('HSET', key, 'level', string.format('%.3f', levels[i]), 'at', string.format('%.6f', now))
  redis.call('PEXPIRE', key, string.format('%.0f', day + math.min(debt, 1e9) * 1000))
end
return string.format('%.6f', wait)
"""
"""KEYS: buckets. ARGV: cost, BURST_SECONDS, STANDSTILL_SECONDS, LEAST_SECONDS, DAY_MILLISECONDS, then a rate per bucket.

Floats travel as text: Redis cuts Lua numbers down.
"""


@dataclass(frozen=True)
class Limit:
    """A bucket by its name, and its rate of the moment in bytes per second; 0: nothing may be taken."""

    bucket: str
    rate: float


@dataclass(frozen=True)
class Bucket:
    """Bytes that may still be taken (negative: debt), as of a moment in seconds."""

    level: float
    at: float


class Throttle(Protocol):
    """Who paces a copy."""

    def take(self, cost_bytes: float) -> float:
        """0.0: taken, the bytes may be moved. Above: nothing was taken; ask again after so many seconds."""
        ...


class Buckets(Protocol):
    """Where buckets are kept: Redis, for all workers."""

    def take(self, limits: Sequence[Limit], cost_bytes: float) -> float:
        """Throttle.take, from all of these at once or from none; 0.0 where there is no limit."""
        ...


def refilled(bucket: Bucket | None, now: float, rate: float) -> Bucket:
    """The bucket at `now`; a bucket never seen is full, a clock that went back adds nothing."""
    full = rate * BURST_SECONDS
    if bucket is None:
        return Bucket(full, now)
    return Bucket(min(full, bucket.level + max(0.0, now - bucket.at) * rate), now)


def taken(
    buckets: Sequence[Bucket | None], rates: Sequence[float], cost: float, now: float
) -> tuple[list[Bucket], float]:
    """The buckets after a request, and the seconds to wait (0: taken from each).

    The wait is tested before the cost is subtracted: a cost above what the bucket can ever hold is taken too, and the
    next one waits for its debt. Refused, nothing is taken, but each is settled: what flowed in until now did so at the
    rate that was in force, whatever the rate will be.
    """
    filled = [refilled(bucket, now, rate) for bucket, rate in zip(buckets, rates, strict=True)]
    wait = max((_wait(bucket, rate) for bucket, rate in zip(filled, rates, strict=True)), default=0.0)
    if wait:
        return filled, wait
    return [Bucket(bucket.level - cost, now) for bucket in filled], 0.0


def _wait(bucket: Bucket, rate: float) -> float:
    if rate <= 0:
        return STANDSTILL_SECONDS
    return max(-bucket.level / rate, LEAST_SECONDS) if bucket.level < 0 else 0.0
