"""libpq's connection service file: what a service says of an instance, for the keys that the configuration leaves out.

Read here rather than by libpq: the destination, which cannot see our file, is to dial the source with the same values,
and the password in it must be known to be kept out of what is shown.
"""

import configparser
from collections.abc import Iterator, Mapping
from pathlib import Path

from migrator.config_file.keys import Tree, join, normalise
from migrator.errors import Fault

_OURS = {
    "host": "server",
    "port": "port",
    "user": "username",
    "password": "password",
    "dbname": "maintenance_database",
    "sslmode": "sslmode",
    "sslrootcert": "sslrootcert",
    "sslcert": "sslcert",
    "sslkey": "sslkey",
    "passfile": "passfile",
    "connect_timeout": "connect_timeout_seconds",
}
"""libpq's keyword -> our key."""

_FURTHER = frozenset(
    """channel_binding gssdelegation gssencmode gsslib hostaddr krbsrvname require_auth requirepeer
    ssl_max_protocol_version ssl_min_protocol_version sslcertmode sslcompression sslcrl sslcrldir sslnegotiation
    sslpassword sslsni target_session_attrs""".split()
)
"""Handed on to libpq as they are."""

_SESSION = frozenset(
    """application_name client_encoding fallback_application_name keepalives keepalives_count keepalives_idle
    keepalives_interval options replication tcp_user_timeout""".split()
)
"""What our sessions set for themselves: a service's word on it does not count."""

DEFAULT_FILE = "~/.pg_service.conf"


def with_service(raw: Tree, path: str, environ: Mapping[str, str], faults: list[Fault]) -> tuple[Tree, dict[str, str]]:
    """The instance's keys with those its `service` adds, and libpq's further parameters. Given keys are kept."""
    given = {normalise(str(key)): value for key, value in raw.items()}
    name, file = given.get("service"), given.get("servicefile")
    if not isinstance(name, str) or not name:
        if file is not None:
            faults.append(Fault(join(path, "servicefile"), "needs service too"))
        return raw, {}
    entries = _entries(name, str(file) if file else None, environ, join(path, "service"), faults)
    added: Tree = {}
    for keyword, value in entries.items():
        key = _OURS.get(keyword)
        # `password_file` is the password's other spelling
        if key is not None and not given.keys() & {normalise(key), normalise(f"{key}_file")}:
            added[key] = value
    return {**raw, **added}, {keyword: value for keyword, value in entries.items() if keyword in _FURTHER}


def _entries(
    name: str, file: str | None, environ: Mapping[str, str], path: str, faults: list[Fault]
) -> Mapping[str, str]:
    """The service's keywords and values. A service that cannot be had is a fault."""
    files = [Path(chosen).expanduser() for chosen in _files(file, environ)]
    for candidate in files:
        try:
            parser = _parse(candidate)
        except (OSError, ValueError, configparser.Error) as error:
            if not isinstance(error, FileNotFoundError) or file:
                faults.append(Fault(path, f"{candidate} {_why(error)}"))
                return {}
            continue
        if parser.has_section(name):
            entries = {key: value or "" for key, value in parser.items(name)}
            faults.extend(_complaints(entries, name, candidate, path))
            return entries
    faults.append(Fault(path, f"no service is called {name} in {' or '.join(map(str, files))}"))
    return {}


def _files(file: str | None, environ: Mapping[str, str]) -> Iterator[str]:
    """Where libpq would look: the user's own file, then the system's."""
    if file:
        yield file
        return
    yield environ.get("PGSERVICEFILE") or DEFAULT_FILE
    if environ.get("PGSYSCONFDIR"):
        yield f"{environ['PGSYSCONFDIR']}/pg_service.conf"


def _parse(file: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(
        delimiters=("=",), comment_prefixes=("#",), interpolation=None, default_section="", allow_no_value=True
    )
    parser.read_string(file.read_text(encoding="utf-8"))
    return parser


def _why(error: Exception) -> str:
    """Never the line itself: it may hold a password."""
    if isinstance(error, OSError):
        return f"cannot be read: {error.strerror}"
    line = getattr(error, "lineno", None) or next((number for number, _ in getattr(error, "errors", ())), None)
    return f"is not a service file{f': see line {line}' if line else ''}"


def _complaints(entries: Mapping[str, str], name: str, file: Path, path: str) -> Iterator[Fault]:
    for keyword in entries:
        if keyword not in _OURS and keyword not in _FURTHER and keyword not in _SESSION:
            yield Fault(join(path, keyword), f"service {name} in {file} has a keyword that is not known here")
    if "," in entries.get("host", ""):
        yield Fault(join(path, "host"), f"service {name} in {file} names several hosts; one server is one instance")
