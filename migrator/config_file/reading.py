"""A configuration file as a plain tree: YAML, JSON or TOML by its suffix, with the line where it cannot be read."""

import json
import re
import tomllib
from pathlib import Path

import yaml

from migrator.config_file.keys import Tree
from migrator.errors import ConfigError, Fault
from migrator.redaction import MASK

_QUOTED = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\"""")
_SIGN = re.compile(r"""['"](?:\\x..|\\.|.|<[a-z ]+>)['"]""")
"""What may be said of what a parser quotes: a single sign, or its own words, as '<stream end>'. All else may be a password."""


class _DoubledKeyError(ValueError):
    """A key that stands twice in one group: the parsers would silently keep the last."""


class _UniqueKeyLoader(yaml.SafeLoader):
    """SafeLoader that refuses a key given twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        seen = set()
        for key_node, _ in node.value:
            if key_node.value in seen and not key_node.tag.endswith(":merge"):
                raise _DoubledKeyError(
                    f"{key_node.value} is given twice (again in line {key_node.start_mark.line + 1})"
                )
            seen.add(key_node.value if isinstance(key_node, yaml.ScalarNode) else id(key_node))
        return super().construct_mapping(node, deep)


def read(path: Path) -> Tree:
    """The file's tree. Raises ConfigError for a missing, unreadable or malformed file."""
    try:
        tree = _parse(path.suffix.lower(), path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError([Fault(str(path), "no such file")]) from None
    except OSError as error:
        raise ConfigError([Fault(str(path), f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError:
        raise ConfigError([Fault(str(path), "is not UTF-8 text")]) from None
    except yaml.YAMLError as error:
        raise ConfigError([Fault(str(path), _yaml_fault(error))]) from None
    except json.JSONDecodeError as error:
        raise ConfigError([Fault(str(path), f"not JSON: line {error.lineno}: {error.msg}")]) from None
    except ValueError as error:
        raise ConfigError([Fault(str(path), str(error))]) from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ConfigError([Fault(str(path), "must hold keys and values: instances, mappings, replication, ...")])
    return tree


def _parse(suffix: str, text: str) -> object:
    if suffix in (".yaml", ".yml"):
        return yaml.load(text, Loader=_UniqueKeyLoader)  # noqa: S506 - a SafeLoader
    if suffix == ".json":
        return json.loads(text, object_pairs_hook=_unique)
    if suffix == ".toml":
        return tomllib.loads(text)
    raise ValueError("the file's name must end in .yaml, .yml, .json or .toml")


def _unique(pairs: list[tuple[str, object]]) -> Tree:
    tree: Tree = {}
    for key, value in pairs:
        if key in tree:
            raise _DoubledKeyError(f"{key} is given twice")
        tree[key] = value
    return tree


def _yaml_fault(error: yaml.YAMLError) -> str:
    """Where and what, without the excerpt: a line of the file may hold a password."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark, problem = error.problem_mark, error.problem or ""
        said = _QUOTED.sub(lambda found: found[0] if _SIGN.fullmatch(found[0]) else MASK, problem)
        hint = "; is a value without its quotes?" if said != problem or "cannot start any token" in said else ""
        return f"not YAML: line {mark.line + 1}, column {mark.column + 1}: {said}{hint}"
    return "not YAML"
