"""A token bucket that may go into debt: how a rate in bytes per second is shared by any number of workers.

Pure. The arithmetic stands here twice: in Python, as what is meant, and as the script by which Redis does it atomically
with its own clock. A test holds the two together.
"""

from dataclasses import dataclass

BURST_SECONDS = 1.0
"""How much unused rate a bucket keeps: the bytes of one second."""

STANDSTILL_SECONDS = 5.0
"""The answer while the rate is 0 (no copying): ask again then."""

EXPIRY_MILLISECONDS = 86_400_000

ADMIT = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local cost, rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local held = redis.call('HMGET', KEYS[1], 'level', 'at')
local level = tonumber(held[1]) or burst
level = math.min(burst, level + math.max(0, now - (tonumber(held[2]) or now)) * rate)
if level < 0 then return string.format('%.6f', -level / rate) end
redis.call('HSET', KEYS[1], 'level', string.format('%.3f', level - cost), 'at', string.format('%.6f', now))
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return '0'
"""
"""KEYS: the bucket. ARGV: cost, rate, burst, expiry in ms. Floats travel as text: Redis cuts Lua numbers down."""


@dataclass(frozen=True)
class Bucket:
    """Bytes that may still be taken (negative: debt), as of a moment in seconds."""

    level: float
    at: float


def burst(rate: float) -> float:
    """The most a bucket of that rate holds."""
    return rate * BURST_SECONDS


def refilled(bucket: Bucket | None, now: float, rate: float) -> Bucket:
    """The bucket at `now`; a bucket never seen is full, a clock that went back adds nothing."""
    if bucket is None:
        return Bucket(burst(rate), now)
    return Bucket(min(burst(rate), bucket.level + max(0.0, now - bucket.at) * rate), now)


def admitted(bucket: Bucket | None, cost: float, now: float, rate: float) -> tuple[Bucket | None, float]:
    """The bucket after a request, and the seconds to wait (0: taken).

    The wait is tested before the cost is subtracted: a cost above what the bucket can ever hold is admitted too, and
    the next one waits for its debt. Refused, nothing is taken.
    """
    filled = refilled(bucket, now, rate)
    if filled.level < 0:
        return bucket, -filled.level / rate
    return Bucket(filled.level - cost, now), 0.0
