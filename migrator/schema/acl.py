"""Access privileges as sets: parsed, compared, and turned into GRANT and REVOKE.

A database has thousands of objects and a few distinct ACLs: what is asked of those is remembered.

ACLs are compared as what they allow, never as text: an ACL that is NULL and the built-in default written out are equal,
and so are `owner=arwdDxt/owner` on 15 and `owner=arwdDxtm/owner` on 18.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby

from migrator.quote import identifier

PUBLIC = ""
"""The grantee of what everybody has; no role can have an empty name."""

OWNER = ""
"""The grantor of what the object's owner has given, or somebody in the owner's name."""

_MAINTAIN_SINCE = 170000
_LETTERS = {"C": "CREATE", "T": "TEMPORARY", "c": "CONNECT"}
_REMEMBERED = 4096
_NAME = r'"(?:[^"]|"")*"'
_ITEM = re.compile(rf'(?P<grantee>{_NAME}|[^="]*)=(?P<rights>(?:[A-Za-z]\*?)*)/(?P<grantor>.*)\Z', re.DOTALL)


@dataclass(frozen=True, order=True)
class Grant:
    """One right of one role (or PUBLIC), given by `grantor`; `grantable`: WITH GRANT OPTION."""

    grantee: str
    privilege: str
    grantable: bool = False
    grantor: str = OWNER


Acl = frozenset[Grant]


@dataclass(frozen=True)
class Sentence:
    """One GRANT or REVOKE. What another than the owner has given, is given and taken as that role."""

    sql: str
    grantor: str = OWNER


def as_grantor(sentences: Iterable[Sentence]) -> list[str]:
    """The statements, with SET ROLE around those of other grantors than the owner."""
    statements: list[str] = []
    for grantor, group in groupby(sentences, key=lambda sentence: sentence.grantor):
        own = [sentence.sql for sentence in group]
        statements += own if grantor == OWNER else [f"SET ROLE {identifier(grantor)}", *own, "RESET ROLE"]
    return statements


def parse_database_acl(items: Iterable[str], owner: str) -> Acl:
    """pg_database.datacl's items (`app=CTc/postgres`). Items that cannot be read raise ValueError."""
    return frozenset(grant for item in items for grant in _parse_item(item, owner))


def _parse_item(item: str, owner: str) -> Iterator[Grant]:
    match = _ITEM.match(item)
    if match is None:
        raise ValueError(f"not an aclitem: {item!r}")
    grantee, grantor = _unquoted(match["grantee"]), _unquoted(match["grantor"])
    for letter, star in re.findall(r"([A-Za-z])(\*?)", match["rights"]):
        yield Grant(grantee, _LETTERS[letter], star == "*", OWNER if grantor == owner else grantor)


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def database_default(owner: str) -> Acl:
    """acldefault('d', owner): what a NULL datacl means."""
    public = {Grant(PUBLIC, "CONNECT"), Grant(PUBLIC, "TEMPORARY")}
    return frozenset(public | {Grant(owner, privilege) for privilege in _LETTERS.values()})


@lru_cache(_REMEMBERED)
def owned_by(acl: Acl, owner: str, new_owner: str) -> Acl:
    """`acl` as ALTER ... OWNER TO would leave it. The owner's own grant options are implied, hence dropped."""
    names = {owner: new_owner}
    moved = (replace(grant, grantee=names.get(grant.grantee, grant.grantee)) for grant in acl)
    return given_by(frozenset(moved), frozenset({owner, new_owner}), new_owner)


@lru_cache(_REMEMBERED)
def given_by(acl: Acl, acting: frozenset[str], owner: str | None = None) -> Acl:
    """`acl` with what the `acting` have granted as the owner's grants: whoever has the owner's rights grants in its name."""
    held = (replace(grant, grantor=OWNER if grant.grantor in acting else grant.grantor) for grant in acl)
    options: dict[Grant, bool] = {}
    for grant in (replace(grant, grantable=grant.grantable and grant.grantee != owner) for grant in held):
        key = replace(grant, grantable=False)
        options[key] = options.get(key, False) or grant.grantable
    return frozenset(replace(key, grantable=grantable) for key, grantable in options.items())


@lru_cache(_REMEMBERED)
def comparable(acl: Acl, source_version: int) -> Acl:
    """`acl` less MAINTAIN where the source is older than that: neither given nor taken, as with pg_dump."""
    if source_version >= _MAINTAIN_SINCE:
        return acl
    return frozenset(grant for grant in acl if grant.privilege != "MAINTAIN")


@lru_cache(_REMEMBERED)
def grantees(acl: Acl) -> frozenset[str]:
    """The roles that `acl` names, on either end of a grant; PUBLIC and the owner as grantor left out."""
    return frozenset(name for grant in acl for name in (grant.grantee, grant.grantor)) - {PUBLIC, OWNER}


@lru_cache(_REMEMBERED)
def without(acl: Acl, roles: frozenset[str]) -> Acl:
    """`acl` less every right of `roles`; what these had given to others, those have of the owner."""
    kept = frozenset(grant for grant in acl if grant.grantee not in roles)
    return given_by(kept, roles)


def applied(change_from: Acl, change_to: Acl, acl: Acl) -> Acl:
    """`acl` with the change that was made elsewhere: what was taken is taken, what was given is given."""
    return (acl - (change_from - change_to)) | (change_to - change_from)


_Key = tuple[str, str, str]
"""Grantor, grantee, privilege."""


def _options(acl: Acl) -> Mapping[_Key, bool]:
    return {(grant.grantor, grant.grantee, grant.privilege): grant.grantable for grant in acl}


def changes(wanted: Acl, present: Acl, target: str, column: str = "") -> list[Sentence]:
    """The REVOKEs, then GRANTs, that turn `present` into `wanted` on `target` (`TABLE public.t`, `SCHEMA s`).

    `column` is a quoted column name where the rights are a column's. Empty where both mean the same. Who has an option
    of another gets it before giving it on, and loses it after having taken back.
    """
    change = _change(wanted, present)
    if not any(change):
        return []
    revoked, shrunk, granted, with_option = change
    before, after = _ranks(present), _ranks(wanted)
    return [
        *_sentences("REVOKE {} {} FROM {}", target, column, reversed(_by_rank(revoked, before))),
        *_sentences("REVOKE GRANT OPTION FOR {} {} FROM {}", target, column, reversed(_by_rank(shrunk, before))),
        *_grants(target, column, granted, with_option, after),
    ]


def _grants(
    target: str, column: str, granted: "_Rights", with_option: "_Rights", ranks: Mapping[_Key, int]
) -> Iterator[Sentence]:
    for rank in sorted({ranks[key] for key in granted | with_option}):
        plain, options = (
            _by_rank({key for key in keys if ranks[key] == rank}, ranks) for keys in (granted, with_option)
        )
        yield from _sentences("GRANT {} {} TO {}", target, column, plain)
        yield from _sentences("GRANT {} {} TO {} WITH GRANT OPTION", target, column, options)


def _ranks(acl: Acl) -> dict[_Key, int]:
    """How many hands each right has gone through: 0 from the owner. What nobody could have given comes last."""
    options = _options(acl)
    ranks = {key: 0 for key in options if key[0] == OWNER}
    rank, found = 0, set(ranks)
    while found:
        givers = {key[1:] for key in found if options[key]}
        rank += 1
        found = {key for key in options.keys() - ranks.keys() if (key[0], key[2]) in givers}
        ranks.update(dict.fromkeys(found, rank))
    return {**dict.fromkeys(options, rank), **ranks}


def _by_rank(keys: Iterable[_Key], ranks: Mapping[_Key, int]) -> list[_Key]:
    return sorted(keys, key=lambda key: (ranks[key], key))


_Rights = frozenset[_Key] | set[_Key]


@lru_cache(_REMEMBERED)
def _change(wanted: Acl, present: Acl) -> tuple[_Rights, _Rights, _Rights, _Rights]:
    """What is to be revoked, to lose its grant option, to be granted, to be granted with it."""
    want, have = _options(wanted), _options(present)
    return (
        frozenset(have.keys() - want.keys()),
        frozenset(key for key in have.keys() & want.keys() if have[key] and not want[key]),
        frozenset(key for key in want if not want[key] and key not in have),
        frozenset(key for key in want if want[key] and not have.get(key, False)),
    )


def _sentences(pattern: str, target: str, column: str, keys: Iterable[_Key]) -> Iterator[Sentence]:
    """`keys` in the order of the statements; what one gives to another at once is one statement."""
    for (grantor, grantee), rights in groupby(keys, key=lambda key: key[:2]):
        names = ", ".join(sorted(f"{key[2]} ({column})" if column else key[2] for key in rights))
        role = "PUBLIC" if grantee == PUBLIC else identifier(grantee)
        yield Sentence(pattern.format(names, f"ON {target}", role), grantor)
