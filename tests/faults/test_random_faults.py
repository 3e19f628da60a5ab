"""Faults at random moments of a migration, one kind or all kinds of them: the light comes, all is equal, nothing is left.

MIGRATOR_FAULT_SEED=N repeats a run, as far as two runs can be alike.
"""

import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import redis

from migrator import control
from migrator.machines.cluster import Cluster
from migrator.machines.samples.load import Load
from tests.faults.fault_proxy import Mode
from tests.faults.lines import Line, Lines, lines
from tests.faults.migration import FREELY, SLOWLY, Clusters, end_well, stage

SEED = int(os.environ.get("MIGRATOR_FAULT_SEED", random.SystemRandom().randrange(10**6)))
FAULTS = 12
"""How many befall one migration."""
LONGEST_PAUSE_SECONDS, LONGEST_FAULT_SECONDS = 8.0, 12.0

Fault = Callable[[random.Random], str]
"""Does it, ends it, and says what it was."""


def troubles(made: Lines, line: Line) -> list[Fault]:
    """What can befall a line."""
    proxy = made.proxies[line]

    def cut(dice: random.Random) -> str:
        proxy.cut()
        return f"{line}: cut"

    def broken(dice: random.Random) -> str:
        mode, seconds = dice.choice((Mode.REFUSE, Mode.BLACK_HOLE)), dice.uniform(0.3, LONGEST_FAULT_SECONDS)
        proxy.set(mode)
        time.sleep(seconds)
        proxy.heal()
        return f"{line}: {mode.value} for {seconds:.1f} s"

    def slow(dice: random.Random) -> str:
        seconds = dice.uniform(1, LONGEST_FAULT_SECONDS)
        proxy.latency, proxy.bandwidth = dice.choice(((0.1, 0.0), (0.02, 100_000.0)))
        time.sleep(seconds)
        proxy.heal()
        return f"{line}: slow for {seconds:.1f} s"

    return [cut, broken, slow]


def restarts(server: Cluster, name: str) -> list[Fault]:
    """What can befall a server."""

    def restart(dice: random.Random) -> str:
        mode = dice.choice(("fast", "immediate", "kill -9"))
        if mode == "kill -9":
            server.kill()
        else:
            server.stop(mode)  # type: ignore[arg-type]
        time.sleep(dice.uniform(0, 4))
        server.start()
        return f"{name}: {mode}, and started"

    return [restart]


def valkeys(made: Lines) -> list[Fault]:
    """What can befall Redis: it comes back with what it had at some moment, or with nothing."""

    def restart(dice: random.Random) -> str:
        with redis.Redis.from_url(made.valkey.url) as client:
            client.flushall() if (empty := dice.random() < 0.5) else None
            client.save()
        time.sleep(dice.uniform(0, 2))  # from here on it forgets
        made.valkey.kill()
        time.sleep(dice.uniform(0, 4))
        made.valkey.start()
        return f"Valkey: killed, and started {'empty' if empty else 'with older data'}"

    return [restart]


def processes(made: Lines) -> list[Fault]:
    """What can befall whatever runs of ours: a program with all its children, one child, or every keeper. It is started again."""
    room = made.room

    def program(dice: random.Random) -> str:
        name = dice.choice([program.name for program in room.machinery.programs])
        room.kill_all_of(name)
        return f"{name} and its children: kill -9"

    def child(dice: random.Random) -> str:
        found = [(each.name, pid) for each in room.machinery.programs for pid in room.children_of(each.name)]
        if not found:  # whoever has children has just been killed
            return program(dice)
        name, pid = dice.choice(found)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        return f"one child of {name}: kill -9"

    def keepers(dice: random.Random) -> str:
        room.kill_all_of(*[each.name for each in room.machinery.programs if "keepers" in each.name])
        return "every keeper: kill -9"

    return [program, program, child, child, keepers]


def faults(kind: str, made: Lines, source: Cluster, destination: Cluster) -> list[Fault]:
    """All of a kind."""
    kinds = {line.name: troubles(made, line) for line in Line}
    kinds["SERVERS"] = [*restarts(source, "source"), *restarts(destination, "destination")]
    kinds["VALKEY"] = valkeys(made)
    kinds["PROCESSES"] = processes(made)
    return kinds[kind] if kind in kinds else [fault for group in kinds.values() for fault in group]


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("version", [15, 18])
@pytest.mark.parametrize("kind", [*(line.name for line in Line), "SERVERS", "VALKEY", "PROCESSES", "ALL"])
def test_faults_at_random_moments(kind: str, version: int, cluster: Clusters, tmp_path: Path) -> None:
    print(f"MIGRATOR_FAULT_SEED={SEED}")
    dice = random.Random(f"{SEED} {kind} {version}")
    source, destination = stage(cluster, version, events=2000, wal_receiver_timeout="10s")
    with (
        Load(source.spec("source"), "app-secret", 10) as load,
        lines(tmp_path, source, destination, SLOWLY) as made,
    ):
        known = faults(kind, made, source, destination)
        for number in range(FAULTS):
            time.sleep(dice.uniform(0, LONGEST_PAUSE_SECONDS))
            made.room.supervisor.tick()
            print(time.strftime("%H:%M:%S"), dice.choice(known)(dice), flush=True)
            if number == FAULTS // 2:
                made.room.fresh()
                control.set_rate_limit(made.room.spec, FREELY)
        made.room.status("cutover_ready", 400)
        made.room.fresh(2)
        made.room.status("cutover_ready")
        # Celery tells of a lost broker with a traceback; a task of ours never ends in one.
        assert not [line for line in made.room.logs().splitlines() if "raised unexpected" in line]
        end_well(made.room, load, source, destination)
