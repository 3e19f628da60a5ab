"""run: a whole migration on this machine, until it is interrupted or what was waited for has come."""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from migrator.cli.commands import Exit
from migrator.cli.machinery import Machinery, arrange, file_of
from migrator.cli.options import configuration
from migrator.cli.progress import Progress, Summary
from migrator.cli.report import console, documents, print_findings
from migrator.cli.verdict import OVER, Outlook, Verdict
from migrator.config import Config
from migrator.config_file import VARIABLE
from migrator.errors import MigratorError, StoreUnavailableError
from migrator.machines import scratch
from migrator.machines.processes import Supervisor
from migrator.store import Store

TIMEOUT = 3
"""The exit status when the time was up."""
_TICK_SECONDS = 0.5
REDIS_PATIENCE_SECONDS = 5.0
"""How long Redis may be away before that is said: it may be starting."""
_EXITS: dict[Verdict, int] = {
    Verdict.READY: Exit.CLEAR,
    Verdict.PERSON: Exit.NOT_YET,
    Verdict.TIMEOUT: TIMEOUT,
    Verdict.INTERRUPTED: Exit.INTERRUPTED,
}
until = click.option("--until", type=click.Choice(["ready"]), help="End as soon as every mapping is ready for cutover.")
timeout = click.option("--timeout", type=click.FloatRange(0), metavar="S", help="Give up after S seconds (status 3).")
port = click.option("--port", type=click.IntRange(1, 65535), help="Of the dashboard. Default: web.port.")
workers = click.option(
    "--workers", type=click.IntRange(1), help="Processes for long work. Default: workers.concurrency."
)
no_web = click.option("--no-web", is_flag=True, help="Without dashboard and Flower.")


@click.command()
@configuration
@until
@timeout
@port
@workers
@no_web
@click.pass_context
def run(
    ctx: click.Context, config: Config, until: str | None, timeout: float | None, port: int | None, workers: int | None,
    no_web: bool,
) -> None:  # fmt: skip
    """Run everything on this machine: Valkey (unless redis_url is set), beat, workers, dashboard, Flower.

    Exit status: 0 every mapping ready (--until ready) or completed, 1 only a person can go on, 3 timeout, 130
    interrupted.
    """
    file = file_of(ctx.meta.get(VARIABLE))
    with _alone(file):
        machinery = arrange(config, file, port=port, workers=workers, web=not no_web)
        outlook = Outlook([mapping.name for mapping in config.mappings], bool(until), timeout)
        raise SystemExit(conduct(machinery, outlook))


@contextmanager
def _alone(file: str | None) -> Iterator[None]:
    """Two with one configuration would do no harm, but double everything: the second says so and ends."""
    if file is None:
        yield
        return
    with Path(file).open() as held:
        if not scratch.lock(held.fileno()):
            raise MigratorError(
                f"pg-migrator run is at work on this machine already with {file}.",
                f"Look at it with: pg-migrator status --watch -c {file}",
            )
        yield


@dataclass(frozen=True)
class Moments:
    """What else is to happen, for `demo`: while everything runs, and at the first green light of all mappings."""

    each_tick: Callable[[Progress], None] = lambda progress: None
    at_the_light: Callable[[Progress, Supervisor], None] = lambda progress, supervisor: None
    slots_outlive_us: bool = True


def conduct(machinery: Machinery, outlook: Outlook, moments: Moments | None = None) -> int:
    """Start everything, show progress, stop everything. The exit status."""
    moments = moments or Moments()
    supervisor = Supervisor(machinery.programs, machinery.logs)
    with _interruption() as interrupted, Progress() as progress:
        _introduce(machinery, progress)
        published = Published(Store.connect(machinery.redis_url.reveal()), outlook.names, progress.say)
        try:
            supervisor.start()
            verdict = _watch(supervisor, published, outlook, progress, interrupted, moments)
            summaries = published.read() or outlook.last_seen
        finally:
            progress.say("Stopping ...")
            supervisor.stop()
    _conclude(verdict, summaries)
    _tidy(machinery, verdict)
    if moments.slots_outlive_us:
        _warn_of_slots(summaries)
    return _EXITS[verdict]


def _watch(
    supervisor: Supervisor, published: "Published", outlook: Outlook, progress: Progress, interrupted: threading.Event,
    moments: Moments,
) -> Verdict:  # fmt: skip
    lit = False
    while not interrupted.wait(_TICK_SECONDS):
        for sentence in supervisor.tick():
            progress.say(sentence)
        summaries = published.read()
        progress.show(summaries)
        moments.each_tick(progress)
        verdict = outlook.judge(summaries, time.monotonic())
        if outlook.all_ready and not lit:
            lit = True
            progress.say("Every mapping is ready for cutover.")
            moments.at_the_light(progress, supervisor)
        if verdict is not None:
            return verdict
    return Verdict.READY if outlook.all_over else Verdict.INTERRUPTED


class Published:
    """What was published last; nothing while Redis is away, which is said when it lasts."""

    def __init__(self, store: Store, names: Sequence[str], say: Callable[[str], None]) -> None:
        self._store, self._names, self._say = store, names, say
        self._answered = time.monotonic()
        self._away = False

    def read(self) -> list[Summary]:
        try:
            found: list[Summary] = [summary for name in self._names if (summary := self._store.summary(name))]
        except StoreUnavailableError as error:
            if not self._away and time.monotonic() - self._answered > REDIS_PATIENCE_SECONDS:
                self._away = True
                self._say(f"{error.message} {error.remedy} Everything waits until it does.")
            return []
        if self._away:
            self._say("Redis answers again.")
        self._answered, self._away = time.monotonic(), False
        return found


def _introduce(machinery: Machinery, progress: Progress) -> None:
    for note in machinery.notes:
        progress.say(note)
    if machinery.dashboard:
        progress.say(f"Dashboard: {machinery.dashboard}   Flower: {machinery.flower}")
    progress.say(f"Logs: {machinery.logs}/")


def _conclude(verdict: Verdict, summaries: Sequence[Summary]) -> None:
    screen = console()
    if verdict is Verdict.TIMEOUT:
        screen.print("[bold red]The time is up[/]; not every mapping is ready.")
    if verdict is Verdict.PERSON:
        screen.print("[bold red]Only a person can go on[/]:")
    if verdict in (Verdict.PERSON, Verdict.TIMEOUT):
        for summary in summaries:
            print_findings(screen, documents(summary["findings"]))


def _tidy(machinery: Machinery, verdict: Verdict) -> None:
    """Logs are kept for whom they may help."""
    if verdict in (Verdict.PERSON, Verdict.TIMEOUT):
        scratch.keep(machinery.logs)
        click.echo(f"The logs are kept: {machinery.logs}/")
    else:
        scratch.remove(machinery.logs)


def _warn_of_slots(summaries: Sequence[Summary]) -> None:
    screen = console()
    for summary in summaries:
        if summary["groups"] and summary["status"] not in OVER:
            screen.print(
                f"[bold yellow]ATTENTION[/] {summary['name']} is not completed: its replication slots remain on "
                f"{summary['source']} and keep WAL there until the disk is full.\n"
                f"  Go on:  pg-migrator run        Give up and remove them:  pg-migrator abort {summary['name']}",
                soft_wrap=True,
            )


@contextmanager
def _interruption() -> Iterator[threading.Event]:
    """Set by SIGINT and SIGTERM, as long as the block lasts."""
    interrupted = threading.Event()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda *_: interrupted.set()) for number in numbers}
    try:
        yield interrupted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
