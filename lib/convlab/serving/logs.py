"""Logs as one JSON object a line, without passwords, tokens, names or addresses."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

LOGGER = logging.getLogger("convlab.serving")


class JsonLines(logging.Formatter):
    """Writes an event and its fields; of an error its type and place, as its text may hold a secret."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        row = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage() if record.name == LOGGER.name else record.msg,
        }
        row |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[0]:
            row["error"] = record.exc_info[0].__name__
            row["where"] = _places(record.exc_info[2])
        return json.dumps(row, ensure_ascii=False, default=str)


def _places(traceback) -> list[str]:
    """Return module:line of the last calls of a traceback."""
    places = []
    while traceback is not None:
        code = traceback.tb_frame
        places.append(f"{code.f_globals.get('__name__')}:{traceback.tb_lineno}")
        traceback = traceback.tb_next
    return places[-5:]


def begin(stream: TextIO | None = None) -> None:
    """Let this process write JSON lines. uvicorn logs no requests: its lines show addresses."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(logging.WARNING)
    LOGGER.setLevel(logging.INFO)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers[:] = []
        logger.propagate = name != "uvicorn.access"


def event(name: str, **fields: object) -> None:
    """Write one event."""
    LOGGER.info(name, extra={"fields": fields})
