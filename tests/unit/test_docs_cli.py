"""docs/user-guide.md names every command and every option."""

import re
from pathlib import Path

import click

from migrator.cli import main
from migrator.steps import Status

GUIDE = (Path(__file__).parents[2] / "docs/user-guide.md").read_text(encoding="utf-8")
EVERYWHERE = {"--config", "--json", "--help"}


def rows() -> str:
    return "\n".join(re.findall(r"^\| `.*$", GUIDE, re.MULTILINE))


def test_every_command_and_no_other() -> None:
    table = GUIDE.split("| command | does | exit status |", 1)[1].split("\n\n", 1)[0]
    cells = re.findall(r"^\| (`.*?) \| ", table, re.MULTILINE)
    documented = {name for cell in cells for name in re.findall(r"`([a-z]+)\b[^`]*`", cell)}
    assert documented == set(main.commands)


def test_every_option() -> None:
    for name, command in main.commands.items():
        text = "\n".join(line for line in rows().splitlines() if f"`{name}" in line)
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not EVERYWHERE & set(parameter.opts):
                assert parameter.opts[0] in text, f"{name} {parameter.opts[0]}"


def test_every_status() -> None:
    assert all(f"`{status.value}`" in GUIDE for status in Status)
