"""Which relations share a group: foreign keys hold together, what is very large stands apart, streams are even."""

from hypothesis import given
from hypothesis import strategies as st

from migrator.phases.grouping import MOST_GROUPS, connected, plan

NAMES = [f"public.t{number}" for number in range(12)]
SIZES = st.dictionaries(st.sampled_from(NAMES), st.integers(0, 1000), max_size=12)
PAIRS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=12)


@given(SIZES, PAIRS, st.integers(1, 8), st.integers(1, 1000), st.integers(1, MOST_GROUPS))
def test_every_relation_is_in_one_group_and_none_is_torn_from_its_relatives(
    sizes: dict[str, int], pairs: list[tuple[str, str]], streams: int, own: int, room: int
) -> None:
    groups = plan(sizes, pairs, streams, own, room)
    assert len(groups) <= room
    assert sorted(name for group in groups for name in group) == sorted(sizes)
    place = {name: number for number, group in enumerate(groups) for name in group}
    assert all(place[one] == place[other] for one, other in pairs if one in place and other in place)


def test_a_very_large_relation_stands_apart_with_those_it_is_connected_to() -> None:
    sizes = {"a": 900, "child": 1, "b": 10, "c": 20}
    assert plan(sizes, [("child", "a")], 1, 500) == (frozenset({"a", "child"}), frozenset({"b", "c"}))


def test_streams_are_even() -> None:
    groups = plan(dict.fromkeys(NAMES, 10), [], 3, 500)
    assert sorted(map(len, groups)) == [4, 4, 4]


def test_a_chain_of_foreign_keys_is_one_set() -> None:
    assert connected(["a", "b", "c", "d"], [("a", "b"), ("b", "c"), ("x", "a")]) == (
        frozenset({"a", "b", "c"}),
        frozenset({"d"}),
    )


def test_no_relation_no_group() -> None:
    assert plan({}, [], 4, 500) == ()
