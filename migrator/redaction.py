"""Takes secrets out of text: those we know by value, and whatever looks like one."""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote as url_quote
from urllib.parse import urlsplit

from migrator.config import Config, Secret

MASK = "***"

_TELLING = 8
"""A shorter path of a notification's address is no secret, and would be masked in many a word."""

_QUOTED = r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\""
_PATTERNS = (
    # password=x, "password": "x", PASSWORD 'x', passwd: x; not the hole {password:role}
    (
        re.compile(
            rf"(?i)((?<!\{{)passw(?:or)?d[\w]*[\"']?(?:\s*[=:]\s*|\s+(?=['\"])))(?:{_QUOTED}|[^\s,;&)}}\]'\"]+)"
        ),
        rf"\g<1>{MASK}",
    ),
    # postgresql://user:x@host, redis://:x@host
    (re.compile(r"(?i)(\b[a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s/]*(?=@)"), rf"\g<1>{MASK}"),
    # verifiers, as pg_authid holds them
    (re.compile(r"SCRAM-SHA-256\$\d+:[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+"), MASK),
    (re.compile(r"\bmd5[0-9a-f]{32}\b"), MASK),
)
_SECRET_KEY = re.compile(r"(?i)passw|secret|token|verifier|conninfo|redis_url|broker_url")

_known: dict[str, re.Pattern[str]] = {}
"""Every secret of the configuration, in each spelling a connection string, a URL or a literal gives it."""


def know(config: Config) -> None:
    """From now on `redact` masks every secret of this configuration wherever it stands."""
    for secret in secrets_of(config):
        _remember(secret)


def know_secret(secret: Secret) -> None:
    """The same for one that libpq found, in a passfile or the environment."""
    _remember(secret.reveal())


def _remember(secret: str) -> None:
    for spelling in _spellings(secret) - _known.keys():
        _known[spelling] = re.compile(_bounded(spelling))


def secrets_of(config: Config) -> Iterable[str]:
    """The secret values themselves; of a URL its password."""
    for instance in config.instances.values():
        if instance.password:
            yield instance.password.reveal()
        if "sslpassword" in instance.parameters:
            yield instance.parameters["sslpassword"]
    for mapping in config.mappings:
        if mapping.common_password:
            yield mapping.common_password.reveal()
    for address in config.notifications:
        url = urlsplit(address.url.reveal())
        yield from (address.url.reveal(), *(part for part in (url.path, url.query) if len(part) >= _TELLING))
    password = urlsplit(config.redis_url.reveal()).password if config.redis_url else None
    if password:
        yield password


def redact(text: str) -> str:
    """`text` without secrets."""
    for known in sorted(_known, key=len, reverse=True):
        text = _known[known].sub(MASK, text)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def redact_value(value: object, key: str = "") -> object:
    """A log event's value without secrets, whatever it is made of."""
    if isinstance(value, Secret) or (value and isinstance(value, str) and _SECRET_KEY.search(key)):
        return MASK
    if isinstance(value, str):
        return redact(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(name): redact_value(item, str(name)) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact_value(item, key) for item in value]
    return redact(str(value))


def _spellings(secret: str) -> set[str]:
    escaped = secret.replace("\\", "\\\\").replace("'", "\\'")
    plain = {secret, escaped, url_quote(secret, safe="")}
    return plain | {spelling.replace("'", "''") for spelling in plain} | {escaped.replace("\\", "\\\\")}


def _bounded(spelling: str) -> str:
    """A very short secret is masked only where it stands alone: inside words it would mask everything."""
    found = re.escape(spelling)
    return found if len(spelling) >= 4 else rf"(?<!\w){found}(?!\w)"
