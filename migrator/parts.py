"""Parts: the block ranges that a relation is cut into, each copied in one transaction. Pure."""

from dataclasses import dataclass

MOST_PARTS = 4096
"""Of one relation: at 256 MB each, a terabyte. Larger relations get larger parts, not ever more rows in the ledger."""


@dataclass(frozen=True)
class Part:
    """One range of a relation's blocks; `relation` as quote.qualified spells it.

    From `first_block` on, below `last_block`; None: to the relation's end, wherever that is by then.
    """

    relation: str
    number: int
    first_block: int
    last_block: int | None

    @property
    def whole(self) -> bool:
        """The relation's only part."""
        return self.first_block == 0 and self.last_block is None


def cut(relation: str, size_bytes: int, blocks: int, part_bytes: int) -> tuple[Part, ...]:
    """Parts of about `part_bytes` each, at least one; the last is open-ended.

    `size_bytes` with TOAST (pg_table_size), `blocks` those of the relation itself, both read *after* the snapshot was taken: what
    has been added since lies behind the last bound, or in free space before it, and is in no part's sight.
    """
    count = min(max(1, -(-size_bytes // part_bytes)), max(1, blocks), MOST_PARTS)
    bounds = [blocks * number // count for number in range(count)]
    return tuple(
        Part(relation, number + 1, first, last)
        for number, (first, last) in enumerate(zip(bounds, [*bounds[1:], None], strict=True))
    )
