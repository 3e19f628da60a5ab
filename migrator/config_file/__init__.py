"""Loads the configuration: a file, the environment over it, secrets from their files; every fault in one report."""

import os
from collections.abc import Mapping
from pathlib import Path

from migrator.config import Config
from migrator.config_file.building import build
from migrator.config_file.environment import PREFIX, overlay
from migrator.config_file.reading import read
from migrator.errors import ConfigError, Fault

VARIABLE = "MIGRATOR_CONFIG"
"""Where child processes find the file."""


def load(path: str | Path | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """The configuration from `path`, else from the file that MIGRATOR_CONFIG names, else from MIGRATOR__* alone.

    Raises ConfigError with every fault.
    """
    environ = os.environ if environ is None else environ
    chosen = path or environ.get(VARIABLE)
    if not chosen and not any(variable.startswith(PREFIX) for variable in environ):
        remedy = f"name a file with -c FILE or {VARIABLE}; `pg-migrator init` writes one"
        raise ConfigError([Fault("configuration", remedy)])
    tree = read(Path(chosen)) if chosen else {}
    faults: list[Fault] = []
    overlay(tree, environ, faults)
    config = build(tree, environ, faults)
    if faults:
        raise ConfigError(faults)
    return config
