"""status: where every mapping stands, seen on the servers just now. Needs no Redis."""

import sys
import time
from collections.abc import Callable, Sequence

import click
from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table

from migrator import control
from migrator.cli.options import as_json, chosen, configuration, mapping_arguments, print_json, store_of
from migrator.cli.report import console, document, documents, duration, plain, size, styled
from migrator.config import Config

Summary = dict[str, object]


@click.command()
@configuration
@mapping_arguments
@as_json
@click.option("--watch", is_flag=True, help="Look again at every refresh interval, until Ctrl-C.")
def status(config: Config, mappings: tuple[str, ...], as_json: bool, watch: bool) -> None:
    """Show where every mapping stands.

    With --json and --watch: one document per line. Exit status: 0.
    """
    specs, store = chosen(config, mappings), store_of(config)

    def look() -> list[Summary]:
        return [control.assess(spec, store).summary for spec in specs]

    if watch:
        _watch(look, config.replication.ui_refresh_interval_seconds, as_json)
    else:
        _print(look(), as_json)


def _print(summaries: list[Summary], as_json: bool) -> None:
    if as_json:
        print_json({"mappings": summaries})
    else:
        console().print(_screen(summaries))


def _watch(look: Callable[[], list[Summary]], seconds: float, as_json: bool) -> None:
    try:
        if as_json or not sys.stdout.isatty():
            while True:
                _print(look(), as_json)
                time.sleep(seconds)
        with Live(_screen(look()), console=console(), auto_refresh=False) as live:
            while True:
                time.sleep(seconds)
                live.update(_screen(look()), refresh=True)
    except KeyboardInterrupt:
        return


def _screen(summaries: list[Summary]) -> RenderableType:
    return Group(*(part for summary in summaries for part in _mapping(summary)))


def _mapping(summary: Summary) -> list[RenderableType]:
    where = f"{plain(summary['source'])} -> {plain(summary['destination'])}"
    lag = f"lag {size(summary['lag_bytes'])}, {duration(summary['lag_seconds'])}"
    title = f"[bold]{plain(summary['name'])}[/] ({where}): {styled(summary['status'])}"
    parts: list[RenderableType] = [f"{title}, phase {summary['phase'] or '-'}, {lag}"]
    if summary["stalled_since"]:
        parts.append(
            f"  [yellow]stands still[/] since {plain(summary['stalled_since'])}: nothing is copied or confirmed"
        )
    if databases := documents(summary["databases"]):
        parts.append(_databases(databases))
    for finding in documents(summary["findings"]):
        mark = "[bold red]blocks[/]" if finding["blocking"] else "[yellow]note[/]"
        text = " -> ".join(plain(finding[key]) for key in ("message", "remedy") if finding[key])
        parts.append(f"  {mark} {plain(finding['code'])}: {text}")
    parts.extend(f"  [dim]{plain(wait['message'])}[/]" for wait in documents(summary["waits"]))
    return parts


def _databases(databases: Sequence[object]) -> Table:
    table = Table(header_style="bold", box=SIMPLE_HEAD)
    for heading in ("database", "status", "phase", "ready", "copied", "lag"):
        table.add_column(heading, no_wrap=heading != "database")
    for database in documents(databases):
        relations = document(database["relations"])
        table.add_row(
            plain(database["name"]),
            styled(database["status"]),
            str(database["phase"] or "-"),
            f"{relations.get('ready', 0)} of {relations.get('total', 0)}",
            f"{size(database.get('bytes_copied'))} of {size(database.get('bytes_total'))}",
            f"{size(database['lag_bytes'])}, {duration(database['lag_seconds'])}",
        )
    return table
