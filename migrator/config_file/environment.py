"""The environment over the file: `MIGRATOR__REPLICATION__RATE_LIMIT_MBPS=25`, lists by index, `__` between levels."""

from collections.abc import Collection, Mapping

from migrator.config_file.keys import Tree, normalise
from migrator.errors import Fault

PREFIX = "MIGRATOR__"
SECRETS = ("password", "common_password", "redis_url", "url")
"""Keys that may also be given as `<key>_file`, the path of a file that holds the secret."""


def overlay(tree: Tree, environ: Mapping[str, str], faults: list[Fault]) -> None:
    """Put every `MIGRATOR__...` variable into `tree`. An empty variable counts as not set."""
    spelled: dict[tuple[str, ...], str] = {}
    for variable in sorted(environ, key=_in_order):
        value = environ[variable]
        if not variable.startswith(PREFIX) or not value:
            continue
        twin = spelled.setdefault(_key(variable), variable)
        if twin != variable:
            faults.append(Fault(variable, f"and {twin} name the same key; keep one"))
            continue
        if environ.get(f"{variable}_FILE") and normalise(variable.rpartition("__")[2]) in map(normalise, SECRETS):
            faults.append(Fault(variable, f"and {variable}_FILE are both set; keep one"))
            continue
        complaint = _put(tree, variable.removeprefix(PREFIX).split("__"), value)
        if complaint:
            faults.append(Fault(variable, complaint))


def silenced(own: Collection[str], environ: Mapping[str, str]) -> dict[str, str]:
    """Variables that name a key of `own` in another spelling, or the file of its secret: empty, so that `own` alone counts."""
    keys = {_key(name) for name in own}
    files = {(*key[:-1], key[-1] + "file") for key in keys}
    return {name: "" for name in environ if name.startswith(PREFIX) and name not in own and _key(name) in keys | files}


def _key(variable: str) -> tuple[str, ...]:
    return tuple(map(normalise, variable.split("__")))


def _in_order(variable: str) -> list[tuple[int, str]]:
    """Sorts index 10 behind index 9."""
    return [(int(token), "") if token.isdecimal() else (-1, token) for token in variable.split("__")]


def _put(node: object, tokens: list[str], value: str) -> str | None:
    """Set the leaf that `tokens` lead to, making what is missing on the way. Returns a complaint where that fails."""
    head, rest = tokens[0], tokens[1:]
    if isinstance(node, list):
        return _put_item(node, head, rest, value)
    if not isinstance(node, dict):
        return "leads into a plain value; it has no keys below it"
    if not normalise(head):
        return "has an empty name between two `__`"
    key = _existing(node, head)
    if not rest:
        _displace_secret(node, key)
        node[key] = value
        return None
    if node.get(key) is None:
        node[key] = _container(rest[0], below=key)
    return _put(node[key], rest, value)


def _put_item(items: list[object], index: str, rest: list[str], value: str) -> str | None:
    if not index.isdecimal() or int(index) > len(items):
        return f"names item {index} of a list that has {len(items)}; the next one is {len(items)}"
    if int(index) == len(items):
        items.append(_container(rest[0], below="") if rest else value)
    if rest:
        return _put(items[int(index)], rest, value)
    items[int(index)] = value
    return None


def _existing(node: Tree, token: str) -> str:
    """The file's own spelling of the key, or the token in lower case where the file does not have it."""
    return next((key for key in node if normalise(str(key)) == normalise(token)), token.lower())


def _container(token: str, below: str) -> object:
    """An instance may be called 1, everything else addressed by digits is a list."""
    return [] if token.isdecimal() and normalise(below) != "instances" else {}


def _displace_secret(node: Tree, key: str) -> None:
    """PASSWORD_FILE in the environment replaces `password` in the file, and the other way round."""
    for secret in SECRETS:
        pair = {normalise(secret), normalise(secret + "_file")}
        if normalise(key) in pair:
            for other in [name for name in node if normalise(str(name)) in pair and name != key]:
                del node[other]
