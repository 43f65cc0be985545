"""Structured logs to standard error: events, ids and counts, never a patient's words."""

import logging
import os
import sys
import warnings
from typing import Any

import structlog

_QUIET = (
    "rasa",
    "rasa_sdk",
    "matplotlib",
    "apscheduler",
    "tensorflow",
    "absl",
    "alembic",
    "aiosqlite",
    "asyncio",
    "uvicorn.access",
)


def quiet_libraries() -> None:
    """Before Rasa is imported: no telemetry, no chatter and no warnings of libraries, and arithmetic on one thread."""
    os.environ.setdefault("RASA_TELEMETRY_ENABLED", "false")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TQDM_DISABLE", "1")
    os.environ.setdefault("SQLALCHEMY_SILENCE_UBER_WARNING", "1")
    # One message is too little work to share out: the threads of a pool would only wait for each other.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # Rasa puts its own filters in place when it is imported, so a filter of ours would not last.
    warnings.showwarning = lambda *args, **kwargs: None


def configure_logs(*, level: int = logging.INFO, as_json: bool = True) -> None:
    """Send our log to standard error, a JSON object a line. Rasa's debug messages quote patients: they are cut off here."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
