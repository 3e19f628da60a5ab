"""cutover: the operator's instructions from live state, and the confirmation that nobody writes any more."""

from collections.abc import Iterator, Mapping

import click

from migrator import control
from migrator.cli.commands import Exit
from migrator.cli.options import as_json, configuration, mapping_argument, mapping_of, print_json, store_of, yes
from migrator.cli.report import document, documents
from migrator.config import Config, MappingSpec
from migrator.quote import comment
from migrator.redaction import redact

_SHOWN = ("name", "status", "cutover_ready", "light", "barrier", "completion", "cutover")
"""Of the summary, with --json."""

_HOLDS = {True: "[done]", False: "[not yet]", None: "[yours to judge]"}


@click.command()
@configuration
@mapping_argument
@click.option("--writes-stopped", is_flag=True, help="Confirm that nobody writes to the source: takes the barrier.")
@click.option(
    "--writes-resumed",
    is_flag=True,
    help="The source is to be written again: takes the barrier back, and prints what to undo on the destination before.",
)
@yes
@as_json
def cutover(config: Config, mapping: str, writes_stopped: bool, writes_resumed: bool, yes: bool, as_json: bool) -> None:
    """Print what to do to switch MAPPING over, in order, from live state.

    Exit status: 0 ready (once the barrier is taken: everything has arrived), 1 not yet.
    """
    if writes_stopped and writes_resumed:
        raise click.UsageError("--writes-stopped and --writes-resumed contradict each other.")
    spec = mapping_of(config, mapping)
    if writes_stopped:
        _take_barrier(spec, yes)
    if writes_resumed:
        _lift_barrier(spec)
    summary = control.look_for_arrival(spec, store_of(config)).summary
    if as_json:
        print_json({key: summary[key] for key in _SHOWN})
    else:
        click.echo(redact("\n".join(_lines(summary))))
    raise SystemExit(Exit.CLEAR if _clear(summary) else Exit.NOT_YET)


def _take_barrier(spec: MappingSpec, sure: bool) -> None:
    question = f"Is every application, job and person kept from writing to {spec.source.name}?"
    if not sure:
        click.confirm(question, abort=True, err=True)
    barrier = control.take_barrier(spec)
    click.echo(f"Barrier taken at {barrier.lsn}; sequences are final.", err=True)


def _lift_barrier(spec: MappingSpec) -> None:
    """What it prints is for stderr: stdout may be a document."""
    lifted = control.lift_barrier(spec)
    said = "The barrier is taken back." if lifted.stood else "No barrier stands."
    click.echo(
        f"{said} From here the source's rows count: what applications have written on the destination is not there, "
        f"and pg-migrator carry {spec.name} writes over it.",
        err=True,
    )
    if lifted.to_undo:
        click.echo("Before the writers of the source are let in again, run on the destination:", err=True)
    for database, statements in lifted.to_undo.items():
        click.echo(redact("\n".join((comment(f"database {database}:"), *statements))), err=True)


def _lines(summary: Mapping[str, object]) -> Iterator[str]:
    yield f"Cutover of {summary['name']}: {_verdict(summary)}"
    yield from _unmet(summary)
    for instruction in documents(summary["cutover"]):
        yield ""
        yield from _instruction(instruction)
    if not summary["cutover"]:
        yield "There is nothing to instruct about while the servers cannot be seen or the migration has not begun."


def _unmet(summary: Mapping[str, object]) -> Iterator[str]:
    """Before the barrier what the light waits for, after it what the end does."""
    if summary["barrier"] is not None:
        reasons = document(summary["completion"]).get("reasons")
        yield from (f"  - {reason}" for reason in (reasons if isinstance(reasons, list) else ()))
        return
    for condition in documents(document(summary["light"])["conditions"]):
        if not condition["met"] and condition["detail"]:
            yield f"  not met: {condition['name']} - {condition['detail']}"


def _safe(summary: Mapping[str, object]) -> bool:
    """The barrier is taken, and everything has arrived."""
    return bool(document(summary["completion"]).get("safe"))


def _clear(summary: Mapping[str, object]) -> bool:
    """The light says that the writers may be stopped. Once they are, it says nothing of what has arrived: it allows for some lag."""
    return _safe(summary) if summary["barrier"] is not None else bool(summary["cutover_ready"])


def _verdict(summary: Mapping[str, object]) -> str:
    if summary["barrier"] is not None:
        return "everything has arrived; switch the applications, then complete" if _safe(summary) else "not yet:"
    return "READY" if summary["cutover_ready"] else f"not yet ({summary['status']})"


def _instruction(instruction: Mapping[str, object]) -> Iterator[str]:
    holds = instruction["holds"]
    yield f"{instruction['number']}. {instruction['title']} {_HOLDS[holds if isinstance(holds, bool) else None]}"
    yield f"   {instruction['why']}"
    if instruction["sql"]:
        yield comment(f"on the {instruction['side']}, database {instruction['database'] or '(any)'}:")
        yield str(instruction["sql"])  # as it is: a name may hold a line break, and would be another one indented
    if instruction["command"]:
        yield f"   $ {instruction['command']}"
