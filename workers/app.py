"""The Celery application: broker, queues and settings, each with its reason. Tasks are in workers.tasks."""

import gc
import logging

from celery import Celery
from celery.signals import (
    setup_logging,
    worker_process_init,
    worker_process_shutdown,
    worker_ready,
)
from kombu import Queue

import beat_schedule
from migrator import config_file, logs
from migrator.config import Config
from migrator.looks.remembered import GARBAGE_THRESHOLDS, SchemaCache
from migrator.store import Store
from migrator.work import QUEUES
from workers import broker

CONFIG: Config = config_file.load()


def _redis_url(config: Config) -> str:
    return config.redis_url.reveal() if config.redis_url else "redis://127.0.0.1:6379/0"


REDIS_URL = _redis_url(CONFIG)

app = Celery("pg-migrator", broker=broker.url_of(REDIS_URL), include=["workers.tasks"])

app.conf.update(
    # Early acknowledgement and no retries: the next tick dispatches again, and nothing is redelivered behind our back.
    task_acks_late=False,
    task_ignore_result=True,
    result_backend=None,
    # With prefetch, a short task waited 24 s behind a long one beside an idle worker.
    worker_disable_prefetch=True,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    broker_use_ssl=broker.tls_of(REDIS_URL),
    broker_transport_options={
        "visibility_timeout": 300,
        "health_check_interval": 25,
        "socket_keepalive": True,
        "socket_timeout": 10,
    },
    task_default_queue="reconcile",
    task_queues=[Queue(name, routing_key=name) for name in QUEUES],
    # What Flower shows.
    worker_send_task_events=True,
    task_send_sent_event=True,
    task_track_started=True,
    # What a process gathers (schemas of ten thousand relations, fragments of freed memory) is given back now and then. It is
    # replaced between two tasks, when it holds no session; its successor reads the schemas anew.
    worker_max_tasks_per_child=5_000,
    worker_max_memory_per_child=1_000_000,  # kB
    # A worker cut off from Redis finishes what it has in hand; PostgreSQL's locks, not the broker, keep work single.
    worker_cancel_long_running_tasks_on_connection_loss=False,
    worker_hijack_root_logger=False,
    timezone="UTC",
    beat_scheduler="workers.beat:Scheduler",
    beat_schedule=beat_schedule.build(CONFIG),
)


@setup_logging.connect
def _set_up_logging(**_: object) -> None:
    logs.configure(CONFIG)
    logging.getLogger("celery").setLevel(logging.WARNING)


def store() -> Store:
    """This process's doorway to Redis, opened at first use (never before the fork)."""
    global _store
    if _store is None:
        _store = Store.connect(REDIS_URL)
    return _store


_store: Store | None = None

SCHEMAS = SchemaCache(CONFIG.replication.full_look_interval_seconds)
"""What this process remembers between looks, and its sessions. Empty at the fork: each child fills its own."""


@worker_process_shutdown.connect
def _close_sessions(**_: object) -> None:
    SCHEMAS.sessions.close()


@worker_process_init.connect
def _collect_rarely(**_: object) -> None:
    gc.set_threshold(*GARBAGE_THRESHOLDS)


@worker_ready.connect
def _publish_config(**_: object) -> None:
    from migrator.reports import config_public

    store().publish_public(config_public.public(CONFIG))
