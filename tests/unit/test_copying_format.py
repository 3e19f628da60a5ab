"""How rows travel: in binary only where that means the same on both servers, and by name."""

import pytest

from migrator.copying.errors import UnlikeError
from migrator.copying.format import Column, agree, wire_encoding

INT = Column("a", generated=False, signature="type pg_catalog int4 b", safe=True)
TEXT = Column("b c", generated=False, signature="type pg_catalog text b", safe=True)
CLASS = Column("r", generated=False, signature="type pg_catalog regclass b", safe=False)
SUM = Column("g", generated=True, signature="type pg_catalog regclass b", safe=False)


def test_binary_where_both_sides_are_alike() -> None:
    form = agree("public.t", [INT, TEXT], [TEXT, INT], "UTF8", "UTF8")
    assert form.binary and form.columns == ("a", "b c")
    assert (form.list(), form.options("FREEZE")) == (' (a, "b c")', "(FORMAT binary, FREEZE)")


@pytest.mark.parametrize(
    ("source", "destination"),
    [
        ([INT, CLASS], [INT, CLASS]),
        ([INT], [Column("a", generated=False, signature="type pg_catalog int8 b", safe=True)]),
        ([INT], [Column("a", generated=False, signature=INT.signature, safe=False)]),
    ],
)
def test_one_column_sends_all_as_text(source: list[Column], destination: list[Column]) -> None:
    form = agree("public.t", source, destination, "UTF8", "UTF8")
    assert not form.binary and form.options() == "(FORMAT text, ENCODING 'UTF8')"


def test_a_generated_column_does_not_count() -> None:
    form = agree("public.t", [INT, SUM], [SUM, INT], "UTF8", "UTF8")
    assert form.binary and form.columns == ("a",)
    assert agree("public.t", [SUM], [SUM], "UTF8", "UTF8").list() == ""


def test_every_column_that_does_not_fit_is_named() -> None:
    with pytest.raises(UnlikeError, match='columns a, "b c": not on the destination'):
        agree("public.t", [INT, TEXT], [], "UTF8", "UTF8")


@pytest.mark.parametrize(
    ("source", "destination", "wire"),
    [
        ("UTF8", "UTF8", "UTF8"),
        ("LATIN1", "LATIN1", "LATIN1"),
        ("LATIN1", "WIN1251", "UTF8"),
        ("EUC_JP", "UTF8", "UTF8"),
        ("SQL_ASCII", "SQL_ASCII", "SQL_ASCII"),
        ("SQL_ASCII", "LATIN1", "LATIN1"),
        ("LATIN1", "SQL_ASCII", "LATIN1"),
    ],
)
def test_text_is_converted_as_little_as_can_be(source: str, destination: str, wire: str) -> None:
    form = agree("public.t", [INT], [INT], source, destination)
    assert form.encoding == wire == wire_encoding(source, destination)
    assert form.binary == (source == destination == "UTF8")
