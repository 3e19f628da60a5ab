"""How long what failed is left alone: doubling, up to a ceiling, with a share of chance. Pure."""

FIRST_SECONDS = 2.0
CEILING_SECONDS = 300.0
JITTER = 0.2
"""The share of a waiting time that chance may take away: what failed together is not tried again together."""


def seconds(count: int, chance: float = 0.0) -> float:
    """After `count` failures running: 2, 4, 8 ... seconds, at most five minutes; less up to a fifth of it for `chance` in [0, 1)."""
    whole: float = min(CEILING_SECONDS, FIRST_SECONDS * 2.0 ** min(count - 1, 16))
    return whole * (1.0 - JITTER * chance)
