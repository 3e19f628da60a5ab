"""Cutting: every block stands in exactly one part, and there are no more parts than it is worth."""

from hypothesis import given, settings
from hypothesis import strategies as st

from migrator.parts import MOST_PARTS, Part, cut

MB = 1_048_576
BLOCKS = st.integers(0, 2**32 - 2)


@settings(deadline=None)
@given(blocks=BLOCKS, toast=st.integers(0, 2**45), part_bytes=st.integers(1, 2**40), probe=BLOCKS)
def test_every_block_is_in_exactly_one_part(blocks: int, toast: int, part_bytes: int, probe: int) -> None:
    parts = cut("public.t", blocks * 8192 + toast, blocks, part_bytes)
    assert (
        sum(part.first_block <= probe and (part.last_block is None or probe < part.last_block) for part in parts) == 1
    )
    assert [part.number for part in parts] == list(range(1, len(parts) + 1))
    assert 1 <= len(parts) <= min(MOST_PARTS, max(1, blocks))


def test_parts_are_of_the_size_asked_for() -> None:
    blocks = 1000 * MB // 8192
    assert len(cut("public.t", 1000 * MB, blocks, 256 * MB)) == 4
    assert cut("public.t", 256 * MB, blocks, 256 * MB) == (Part("public.t", 1, 0, None),)
    assert cut("public.t", 0, 0, 256 * MB)[0].whole


def test_toast_counts_but_a_block_is_not_divided() -> None:
    assert len(cut("public.t", 1000 * MB, 3, 10 * MB)) == 3


def test_the_last_part_is_open_ended() -> None:
    *closed, last = cut("public.t", 100 * 8192, 100, 8192 * 10)
    assert last.last_block is None and not last.whole and all(part.last_block is not None for part in closed)
