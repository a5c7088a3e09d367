"""Logs: one JSON object a line on one stream, from structlog and the standard library alike.

Lines of other libraries keep their first line and the type of an error: what follows may repeat
what was being read.
"""

import logging
import sys
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger


def configure_logs(*, level: str, stream: TextIO | None = None) -> None:
    """Write log lines of ``level`` and above to ``stream`` (standard error by default)."""
    stamp: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*stamp, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    target = logging.StreamHandler(stream or sys.stderr)
    target.setFormatter(_formatter(stamp))
    root = logging.getLogger()
    root.handlers[:] = [target]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _formatter(stamp: list[Processor]) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*stamp, _first_line],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )


def _first_line(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    event["event"] = str(event["event"]).partition("\n")[0]
    error = event.pop("exc_info", None)
    if isinstance(error, tuple) and error[0] is not None:
        event["error"] = error[0].__name__
    return event
