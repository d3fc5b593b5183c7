"""Logs that rotate in the state folder; secrets are taken out before anything is written."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import orjson

from technic.errors import printable
from technic.runtime.files import make_folder, open_private

SIZE, BACKUPS = 1 << 20, 5  # bytes of a log; how many older ones stay


class Redacting(logging.Filter):
    """Takes secrets out of every message, and writes out control characters: a line is one event."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__()
        self._secrets = [secret for secret in secrets if len(secret) > 3]

    def filter(self, record: logging.LogRecord) -> bool:
        """Always lets the record through, cleaned."""
        text = record.getMessage()
        for secret in self._secrets:
            text = text.replace(secret, "•••")
        record.msg = printable(text)
        record.args = ()
        return True


def log_mended(logger: logging.Logger, text: str) -> None:
    """Log that something was damaged and has been made anew; one line on standard error too.

    Parameters
    ----------
    logger : of the module that has mended it
    text : what it was, and what was done
    """
    logger.warning("%s", text, extra={"mended": True})


class PrivateFile(RotatingFileHandler):
    """A log that only its owner may read."""

    def _open(self) -> Any:
        return open(self.baseFilename, self.mode, encoding=self.encoding, opener=open_private)


class AsLine(logging.Formatter):
    """One line per event, what a traceback says included."""

    def format(self, record: logging.LogRecord) -> str:
        """The record."""
        return printable(super().format(record))


class AsJson(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record."""
        about = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "from": record.name,
            "text": record.getMessage(),
        }
        return printable(orjson.dumps(about).decode())


def set_up(
    folder: Path, secrets: Iterable[str], *, verbose: bool = False, as_json: bool = False
) -> None:
    """Set up logging for this process; at most once.

    Parameters
    ----------
    folder : of the logs; one that cannot be written is done without
    secrets : texts that are taken out of every message
    verbose : whether everything is logged, and shown on standard error too
    as_json : whether a line is a JSON object
    """
    logger = logging.getLogger("technic")
    if logger.handlers:
        return
    plain = AsLine("%(asctime)s %(levelname)s %(name)s: %(message)s")
    formatter = AsJson() if as_json else plain
    handlers: list[logging.Handler] = []
    try:
        make_folder(folder)
        path = folder / "technic.log"
        handlers.append(PrivateFile(path, maxBytes=SIZE, backupCount=BACKUPS, delay=True))
    except OSError:
        pass  # a folder that cannot be written must not stop a scan
    shown = logging.StreamHandler(sys.stderr)
    if not verbose:
        shown.addFilter(lambda record: getattr(record, "mended", False))
    handlers.append(shown)
    redacting = Redacting(secrets)
    for handler in handlers:
        handler.setFormatter(formatter)
        handler.addFilter(redacting)
        logger.addHandler(handler)
    if not (verbose or as_json):
        shown.setFormatter(logging.Formatter("technic: %(message)s"))
    logger.setLevel(logging.DEBUG if verbose else logging.INFO)
    logger.propagate = False
