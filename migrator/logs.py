"""Structured logs: one JSON line per event on stdout, UTC, without secrets; for people where stdout is a terminal."""

import logging
import os
import sys
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from migrator.config import Config
from migrator.redaction import know, redact, redact_value

__all__ = ["LEVEL_VARIABLE", "configure", "redact"]

LEVEL_VARIABLE = "MIGRATOR_LOG_LEVEL"
"""debug, info, warning or error; the default is info."""

_CHATTY = ("kombu", "amqp", "asyncio", "engineio", "socketio", "tornado.access", "urllib3")
"""Libraries whose information nobody asked for."""


def configure(config: Config | None, stream: TextIO | None = None, level: str | None = None) -> None:
    """Send every log record of this process, ours and the libraries', to `stream` (stdout). May be called again."""
    if config is not None:
        know(config)
    stream = stream or sys.stdout
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter(stream.isatty()))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel((level or os.environ.get(LEVEL_VARIABLE) or "info").upper())
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)


def formatter(for_people: bool) -> logging.Formatter:
    """What turns a record, ours or a library's, into a line."""
    renderer: Processor = structlog.processors.JSONRenderer(default=str)
    if for_people:
        renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_shared(),
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, without_secrets, renderer],
    )


def without_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The last processor before the line is written: nothing added earlier can slip past it."""
    return {key: redact_value(value, key) for key, value in event.items()}


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
