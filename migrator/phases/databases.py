"""Which databases are missing on the destination?

A database is made under a name of ours and closed to connections; then, in one transaction, it gets its name, owner,
settings and privileges, is opened, and is written into the journal. So it is never seen half made, and a stop in
between shows in pg_database.
"""

import re
from collections.abc import Container, Iterator
from dataclasses import replace

from migrator import names
from migrator.model import Database
from migrator.observation import DatabasePair
from migrator.phases import claims, role_settings, settings, standing
from migrator.phases.role_set import RoleSet
from migrator.phases.view import View
from migrator.quote import identifier, literal
from migrator.schema import acl
from migrator.schema.acl import Acl
from migrator.steps import Action, Finding, Gates, Side, Statement, Step, Wait

NAME = "databases"

_KEYWORDS = re.compile("@|-u-")
_PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin"}
_LOCALE_OPTIONS = {"i": "ICU_LOCALE", "b": "BUILTIN_LOCALE"}
_DEFAULT_TABLESPACE = "pg_default"
_NO_GROUP = 0
"""The group number in the name of a database under construction; groups count from 1."""


def examine(view: View) -> Step:
    """Asked about one database, or about all of the mapping where the view has none."""
    pairs = view.observation.databases if view.pair is None else (view.pair,)
    gates = Gates.MAPPING if view.pair is None else Gates.DATABASE
    claimed = [pair for pair in pairs if claims.is_ours(view, pair)]
    return Step(
        NAME,
        view.pair.name if view.pair else None,
        gates,
        actions=tuple(action for pair in claimed for action in _actions(view, pair)),
        waits=tuple(Wait(f"the name {pair.target} is not claimed yet") for pair in pairs if pair not in claimed),
        findings=tuple(finding for pair in pairs for finding in _findings(view, pair)),
    )


def _actions(view: View, pair: DatabasePair) -> Iterator[Action]:
    source = view.source.database(pair.name)
    if source is not None and view.destination.database(pair.target) is None:
        yield Action(f"create database {identifier(pair.target)}", tuple(_creation(view, pair, source)))


def _creation(view: View, pair: DatabasePair, source: Database) -> Iterator[Statement]:
    draft = draft_name(view, pair)
    if view.destination.database(draft) is None:
        sql = create_closed(draft, source, _tablespace(view, source), view.destination.tablespaces)
        yield Statement(Side.DESTINATION, None, sql, transactional=False)
    for sql in (
        f"ALTER DATABASE {identifier(draft)} RENAME TO {identifier(pair.target)}",
        *_properties(view, pair, _settable(view, source), _fresh(view, source, pair.target)),
        *role_settings.for_database(RoleSet.of(view), pair.name),
        f"ALTER DATABASE {identifier(pair.target)} ALLOW_CONNECTIONS true",
    ):
        yield Statement(Side.DESTINATION, None, sql)
    yield _record(view, pair)


def _settable(view: View, source: Database) -> Database:
    """`source` with the settings that our user may set; the others show as a difference afterwards."""
    may = tuple(text for text in source.settings if settings.may_set(settings.parse(text), view.destination))
    return replace(source, settings=may)


def draft_name(view: View, pair: DatabasePair) -> str:
    """What the database is called until it is complete."""
    return names.group_name(view.spec.name, view.destination.system_identifier, pair.name, _NO_GROUP)


def create_closed(name: str, like: Database, tablespace: str, known: Container[str]) -> str:
    """The statement that makes a database of this name, with encoding and locale of `like`, which nobody may connect to.

    `tablespace`: the destination's name for it, used where it is `known` there.
    """
    options = [f"ENCODING = {literal(like.encoding)}", *_locale(like)]
    if tablespace in known and tablespace != _DEFAULT_TABLESPACE:
        options.append(f"TABLESPACE = {identifier(tablespace)}")
    return f"CREATE DATABASE {identifier(name)} TEMPLATE = template0 {' '.join(options)} ALLOW_CONNECTIONS = false"


def create_trial(view: View, name: str) -> str:
    """The same for the trial of the view's database: like the destination's where that is there, else as that will be made."""
    there, source = view.destination.database(view.database.target), view.source.database(view.database.name)
    like = there or source
    assert like is not None
    tablespace = there.tablespace if there is not None else _tablespace(view, like)
    return create_closed(name, like, tablespace, view.destination.tablespaces)


def _locale(source: Database) -> Iterator[str]:
    yield f"LOCALE_PROVIDER = {_PROVIDERS[source.provider]}"
    if source.locale is not None and source.provider in _LOCALE_OPTIONS:
        yield f"{_LOCALE_OPTIONS[source.provider]} = {literal(source.locale)}"
    if source.icu_rules is not None:
        yield f"ICU_RULES = {literal(source.icu_rules)}"
    yield f"LC_COLLATE = {literal(source.collate)}"
    yield f"LC_CTYPE = {literal(source.ctype)}"


def _tablespace(view: View, source: Database) -> str:
    """What the database's tablespace is called on the destination, whether it has it or not."""
    return view.spec.tablespaces.get(source.tablespace, source.tablespace)


def _fresh(view: View, source: Database, target: str) -> Database:
    """What CREATE DATABASE has left, to be compared with what is wanted."""
    return Database(
        name=target,
        oid=0,
        owner=view.destination.user.name,
        encoding=source.encoding,
        provider=source.provider,
        collate=source.collate,
        ctype=source.ctype,
        locale=source.locale,
        icu_rules=source.icu_rules,
        collation_version=None,
        is_template=False,
        allows_connections=False,
        connection_limit=-1,
        tablespace=source.tablespace,
        acl=None,
        settings=(),
        comment=None,
        may_connect=False,
        may_create=False,
    )


def _properties(view: View, pair: DatabasePair, source: Database, target: Database) -> list[str]:
    """The statements that give `target` what `source` has. The destination's own settings that the source lacks stay."""
    name = identifier(pair.target)
    owner = _owner(view, source, target)
    wanted, _ = settings.sort_known(source.settings, view.destination)
    present = {setting.name.lower(): setting.value for setting in map(settings.parse, target.settings)}
    sentences = [f"ALTER DATABASE {name} OWNER TO {identifier(owner)}"] if owner != target.owner else []
    if source.connection_limit != target.connection_limit:
        sentences.append(f"ALTER DATABASE {name} CONNECTION LIMIT {source.connection_limit}")
    if source.is_template != target.is_template:
        sentences.append(f"ALTER DATABASE {name} IS_TEMPLATE {'true' if source.is_template else 'false'}")
    sentences += [f"ALTER DATABASE {name} {s.clause}" for s in wanted if present.get(s.name.lower()) != s.value]
    if source.comment != target.comment and source.comment is not None:
        sentences.append(f"COMMENT ON DATABASE {name} IS {literal(source.comment)}")
    return sentences + acl.as_grantor(
        acl.changes(_acl(view, source, owner), _acl(view, target, owner), f"DATABASE {name}")
    )


def _owner(view: View, source: Database, target: Database) -> str:
    """The source's owner, where the destination has the role and we may give the database away to it."""
    user = view.destination.user
    exists = source.owner in {role.name for role in view.destination.roles}
    may = user.superuser or source.owner == user.name or source.owner in user.member_of
    return source.owner if exists and may else target.owner


def _acl(view: View, database: Database, owner: str) -> Acl:
    """What is allowed on `database`, once it belongs to `owner`, to roles that the destination has."""
    if database.acl is None:
        return acl.database_default(owner)
    grants = acl.owned_by(acl.parse_database_acl(database.acl, database.owner), database.owner, owner)
    known = acl.without(grants, acl.grantees(grants) - {role.name for role in view.destination.roles})
    return acl.given_by(known, standing.acting(view.destination, owner))


def _record(view: View, pair: DatabasePair) -> Statement:
    """Fails where the claim is gone: then the name is somebody else's."""
    sql = (
        f"UPDATE migrator.databases SET created = true WHERE mapping = {literal(view.spec.name)}"
        f" AND database = {literal(pair.name)} AND target = {literal(pair.target)} RETURNING target"
    )
    return Statement(Side.DESTINATION, None, sql, keeps=("target",))


def _findings(view: View, pair: DatabasePair) -> Iterator[Finding]:
    source = view.source.database(pair.name)
    if source is None:
        return
    yield from _left_out(view, pair, source)
    target = view.destination.database(pair.target)
    if target is not None:
        yield from _differences(view, pair, source, target)


def _left_out(view: View, pair: DatabasePair, source: Database) -> Iterator[Finding]:
    for setting in settings.sort_known(source.settings, view.destination)[1]:
        yield _note(
            pair,
            "setting_unknown",
            f"The destination has no setting {setting.name}; it is left out for database {pair.name}.",
            f"On the source, where it is no longer needed: ALTER DATABASE {identifier(pair.name)} RESET {setting.name};",
        )
    tablespace = _tablespace(view, source)
    if tablespace not in view.destination.tablespaces:
        yield _note(
            pair,
            "tablespace_missing",
            f"Database {pair.name} is in tablespace {source.tablespace}; the destination has no tablespace {tablespace}: it goes "
            "to the default one.",
            f"Where it is wanted there, before the database is made: CREATE TABLESPACE {identifier(tablespace)} LOCATION '...'; "
            f"or name another under mapping {view.spec.name}: tablespaces: {{{claims.yaml(source.tablespace)}: ...}}",
        )
    missing = _named_roles(source) - {role.name for role in view.destination.roles}
    if missing:
        yield _note(
            pair,
            "grantee_missing",
            f"The destination has no role {', '.join(sorted(missing))}: its ownership of or rights on database {pair.name} are "
            "left out.",
            "Create the role on the destination and grant by hand, if it is wanted there.",
        )


def _named_roles(source: Database) -> frozenset[str]:
    return acl.grantees(acl.parse_database_acl(source.acl or (), source.owner)) | {source.owner}


def _differences(view: View, pair: DatabasePair, source: Database, target: Database) -> Iterator[Finding]:
    changes = _properties(view, pair, source, target)
    if changes:
        yield _note(
            pair,
            "database_differs",
            f"Database {pair.target} is not the same on both sides; the destination's owner, settings and privileges are kept.",
            "To make it so on the destination: " + " ".join(f"{change};" for change in changes),
        )
    with_keywords = "@" not in (source.locale or "")
    if _locale_of(source, with_keywords=with_keywords) != _locale_of(target, with_keywords=with_keywords):
        yield _note(
            pair,
            "database_locale_differs",
            f"Database {pair.target} has encoding and locale {', '.join(_locale_of(target))} on the destination, and "
            f"{', '.join(_locale_of(source))} on the source.",
            "If that is not meant: drop the destination's while it is empty, and it is created as on the source.",
        )
    yield from _collation(pair, source, target)


def _collation(pair: DatabasePair, source: Database, target: Database) -> Iterator[Finding]:
    versions = source.collation_version, target.collation_version
    if source.provider == target.provider and None not in versions and versions[0] != versions[1]:
        yield _note(
            pair,
            "collation_version_differs",
            f"Database {pair.target} sorts by collation version {versions[1]} on the destination, {versions[0]} on the source: "
            "the order of text may differ.",
            "Indexes are built on the destination, by its own order, and are right. Look at what relies on the order: range "
            "partitions and CHECK constraints on text, and applications that merge sorted lists.",
        )


def _locale_of(database: Database, *, with_keywords: bool = True) -> tuple[str, ...]:
    """In a spelling that does not tell en_US.utf8 from en_US.UTF-8, nor de_AT from de-AT: newer versions write language tags.

    Not `with_keywords`: of de@collation=phonebook, which they write de-u-co-phonebk, the language alone; only ICU knows the rest.
    """
    locale = (database.locale or "").replace("_", "-").lower()
    collate, ctype = (name.lower().replace("utf-8", "utf8") for name in (database.collate, database.ctype))
    return (
        database.encoding,
        _PROVIDERS[database.provider],
        collate,
        ctype,
        locale if with_keywords else _KEYWORDS.split(locale)[0] or "und",
        database.icu_rules or "",
    )


def _note(pair: DatabasePair, code: str, message: str, remedy: str) -> Finding:
    return Finding(code, message, remedy, blocking=False, database=pair.name)
