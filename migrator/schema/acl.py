"""Access privileges as sets: parsed, compared, and turned into GRANT and REVOKE.

A database has thousands of objects and a few distinct ACLs: what is asked of those is remembered.

ACLs are compared as what they allow, never as text: an ACL that is NULL and the built-in default written out are equal,
and so are `owner=arwdDxt/owner` on 15 and `owner=arwdDxtm/owner` on 18.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from migrator.quote import identifier

PUBLIC = ""
"""The grantee of what everybody has; no role can have an empty name."""

_MAINTAIN_SINCE = 170000
_LETTERS = {"C": "CREATE", "T": "TEMPORARY", "c": "CONNECT"}
_REMEMBERED = 4096
_ITEM = re.compile(r'(?P<grantee>"(?:[^"]|"")*"|[^="]*)=(?P<rights>(?:[A-Za-z]\*?)*)/')


@dataclass(frozen=True, order=True)
class Grant:
    """One right of one role (or PUBLIC); `grantable`: WITH GRANT OPTION. The grantor is left out."""

    grantee: str
    privilege: str
    grantable: bool = False


Acl = frozenset[Grant]


def parse_database_acl(items: Iterable[str]) -> Acl:
    """pg_database.datacl's items (`app=CTc/postgres`). Items that cannot be read raise ValueError."""
    return frozenset(grant for item in items for grant in _parse_item(item))


def _parse_item(item: str) -> Iterator[Grant]:
    match = _ITEM.match(item)
    if match is None:
        raise ValueError(f"not an aclitem: {item!r}")
    grantee = match["grantee"]
    if grantee.startswith('"'):
        grantee = grantee[1:-1].replace('""', '"')
    for letter, star in re.findall(r"([A-Za-z])(\*?)", match["rights"]):
        yield Grant(grantee, _LETTERS[letter], star == "*")


def database_default(owner: str) -> Acl:
    """acldefault('d', owner): what a NULL datacl means."""
    public = {Grant(PUBLIC, "CONNECT"), Grant(PUBLIC, "TEMPORARY")}
    return frozenset(public | {Grant(owner, privilege) for privilege in _LETTERS.values()})


@lru_cache(_REMEMBERED)
def owned_by(acl: Acl, owner: str, new_owner: str) -> Acl:
    """`acl` as ALTER ... OWNER TO would leave it. The owner's own grant options are implied, hence dropped."""
    moved = (Grant(new_owner if grant.grantee == owner else grant.grantee, *_rest(grant)) for grant in acl)
    return frozenset(Grant(g.grantee, g.privilege, g.grantable and g.grantee != new_owner) for g in moved)


def _rest(grant: Grant) -> tuple[str, bool]:
    return grant.privilege, grant.grantable


@lru_cache(_REMEMBERED)
def comparable(acl: Acl, source_version: int) -> Acl:
    """`acl` less MAINTAIN where the source is older than that: neither given nor taken, as with pg_dump."""
    if source_version >= _MAINTAIN_SINCE:
        return acl
    return frozenset(grant for grant in acl if grant.privilege != "MAINTAIN")


@lru_cache(_REMEMBERED)
def grantees(acl: Acl) -> frozenset[str]:
    """The roles that `acl` names, PUBLIC left out."""
    return frozenset(grant.grantee for grant in acl) - {PUBLIC}


@lru_cache(_REMEMBERED)
def without(acl: Acl, roles: frozenset[str]) -> Acl:
    """`acl` less every right of `roles`."""
    return frozenset(grant for grant in acl if grant.grantee not in roles)


def _options(acl: Acl) -> Mapping[tuple[str, str], bool]:
    found: dict[tuple[str, str], bool] = {}
    for grant in acl:
        key = (grant.grantee, grant.privilege)
        found[key] = found.get(key, False) or grant.grantable
    return found


def changes(wanted: Acl, present: Acl, target: str, column: str = "") -> list[str]:
    """The REVOKEs, then GRANTs, that turn `present` into `wanted` on `target` (`TABLE public.t`, `SCHEMA s`).

    `column` is a quoted column name where the rights are a column's. Empty where both mean the same.
    """
    change = _change(wanted, present)
    if not any(change):
        return []
    revoked, shrunk, granted, with_option = change
    return [
        *_sentences("REVOKE", f"ON {target} FROM", revoked, column),
        *_sentences("REVOKE GRANT OPTION FOR", f"ON {target} FROM", shrunk, column),
        *_sentences("GRANT", f"ON {target} TO", granted, column),
        *(f"{sentence} WITH GRANT OPTION" for sentence in _sentences("GRANT", f"ON {target} TO", with_option, column)),
    ]


_Rights = frozenset[tuple[str, str]]


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


def _sentences(verb: str, target: str, keys: Iterable[tuple[str, str]], column: str) -> Iterator[str]:
    for grantee, pairs in groupby(sorted(keys), key=lambda key: key[0]):
        names = ", ".join(f"{privilege} ({column})" if column else privilege for _, privilege in pairs)
        yield f"{verb} {names} {target} {'PUBLIC' if grantee == PUBLIC else identifier(grantee)}"
