"""Large objects of both sides side by side, as a merge of two ordered streams."""

import pytest

from migrator.comparison.large_objects import SHOWN, LargeObject, read, unlike


def one(oid: int, owner: str = "a", comment: str | None = None) -> LargeObject:
    return LargeObject(oid, owner, frozenset(), comment)


@pytest.mark.parametrize(
    ("here", "there", "found"),
    [
        ([], [], []),
        ([1, 2, 3], [1, 2, 3], []),
        ([1, 3], [2], [(1, None), (None, 2), (3, None)]),
        ([], [5, 6], [(None, 5), (None, 6)]),
        ([5, 9], [1, 5], [(None, 1), (9, None)]),
    ],
)
def test_each_is_paired_with_its_own_oid(
    here: list[int], there: list[int], found: list[tuple[int | None, int | None]]
) -> None:
    told = unlike(map(one, here), map(one, there))
    assert [(ours and ours.oid, theirs and theirs.oid) for ours, theirs in told.first] == found
    assert told.more == 0


def test_what_is_more_than_can_be_shown_is_counted() -> None:
    told = unlike(map(one, range(SHOWN + 7)), (one(oid, "b") for oid in range(SHOWN + 7)))
    assert (len(told.first), told.more) == (SHOWN, 7)


def test_an_owners_grant_option_is_implied() -> None:
    assert read(1, "a", None, '[["a", "SELECT", true]]') == read(1, "a", None, '[["a", "SELECT", false]]')
    assert read(1, "a", None, '[["b", "SELECT", true]]') != read(1, "a", None, '[["b", "SELECT", false]]')
