"""Starts child processes by command line and keeps them running: whichever dies, by whatever signal, is started again.

Each child leads a process group of its own, so a Ctrl-C in the terminal reaches only us, and what a killed child leaves
behind can be cleared away. Children end when we end, however we end: the kernel (on Linux) sends them SIGTERM, and a
guardian kills what does not heed it. Secrets go to them in the environment.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from migrator.machines.orphans import die_with_parent
from migrator.redaction import redact

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_LONGEST_WORDS = 300
_HEALTHY_SECONDS = 30.0
"""A child that lived this long has earned a quick restart again."""


@dataclass(frozen=True)
class Program:
    """What to run. `environment` is added to ours; `stage`: higher stages start later and stop earlier."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    stage: int = 1
    grace_seconds: float = 10.0


class Guardian:
    """A process that outlives us for some seconds, to kill what we can no longer (see migrator.machines.guardian)."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "migrator.machines.guardian"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)

    def tell(self, line: str) -> None:
        """Add (`+N`) or remove (`-N`) a process group."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError, ValueError):
            self._process.stdin.write(f"{line}\n".encode())
            self._process.stdin.flush()

    def dismiss(self) -> None:
        """There is nothing left to guard."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()


class Child:
    """A program, its process of the moment, and how often it had to be started."""

    def __init__(self, program: Program, log: Path, guardian: Guardian) -> None:
        self.program = program
        self.log = log
        self.starts = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._next_start = 0.0
        self._pause = _FIRST_PAUSE
        self._guardian = guardian

    @property
    def pid(self) -> int | None:
        """The process's id; it is its process group's too. None while it is not running."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> None:
        """Start it now. Its output is appended to its log."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.program.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={**os.environ, **self.program.environment}, preexec_fn=die_with_parent(),
            )  # fmt: skip
        self._guardian.tell(f"+{self._process.pid}")
        self.starts += 1
        self._started = time.monotonic()

    def revive(self) -> str | None:
        """Start it again if it has ended and its pause is over. A sentence when it was just found to have ended."""
        now = time.monotonic()
        if self.pid is not None:
            return None
        if self._process is not None:
            sentence = self._bury(now)
            self._process = None
            return sentence
        if now >= self._next_start:
            self.start()
        return None

    def _bury(self, now: float) -> str:
        assert self._process is not None
        self._signal(signal.SIGKILL)  # what is left of its group
        self._pause = _FIRST_PAUSE if now - self._started > _HEALTHY_SECONDS else min(_LONGEST_PAUSE, self._pause * 2)
        self._next_start = now + self._pause
        status = self._process.returncode
        cause = signal.Signals(-status).name if status < 0 else f"exit status {status}"
        words = f" Its last words: {self._last_words()}" if status > 0 else ""
        return f"{self.program.name} ended ({cause}); started again in {self._pause:g} s. Its log: {self.log}{words}"

    def _last_words(self) -> str:
        """The last line of its log."""
        lines = self.log.read_text(errors="replace").split("\n") if self.log.exists() else []
        return next((redact(line.strip())[:_LONGEST_WORDS] for line in reversed(lines) if line.strip()), "none")

    def terminate(self) -> None:
        """Ask it to end."""
        if self.pid is not None:
            assert self._process is not None
            self._process.terminate()

    def finish(self, deadline: float) -> None:
        """Wait until it has ended; after the deadline it is killed."""
        if self._process is None:
            return
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, deadline - time.monotonic()))
        self._signal(signal.SIGKILL)
        self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        """To its whole group, as far as it still exists."""
        assert self._process is not None
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)
        if number is signal.SIGKILL:
            self._guardian.tell(f"-{self._process.pid}")


class Supervisor:
    """Runs programs until stopped. Call `tick` every second or so, always from the thread that called `start`."""

    def __init__(self, programs: Sequence[Program], logs: Path) -> None:
        self._guardian = Guardian()
        self.children = [Child(program, logs / f"{program.name}.log", self._guardian) for program in programs]

    def start(self) -> None:
        """Start all, lower stages first."""
        for child in sorted(self.children, key=lambda child: child.program.stage):
            child.start()

    def tick(self) -> list[str]:
        """Start again what has ended; what happened, one sentence each."""
        return [sentence for child in self.children if (sentence := child.revive())]

    def stop(self) -> None:
        """SIGTERM to all, higher stages first; SIGKILL to whatever outlives its grace period."""
        for stage in sorted({child.program.stage for child in self.children}, reverse=True):
            ending = [child for child in self.children if child.program.stage == stage]
            for child in ending:
                child.terminate()
            begun = time.monotonic()
            for child in ending:
                child.finish(begun + child.program.grace_seconds)
        self._guardian.dismiss()

    def pid(self, name: str) -> int | None:
        """The process id of a program of that name."""
        return next((child.pid for child in self.children if child.program.name == name), None)
