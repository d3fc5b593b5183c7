"""Lines of JSON between whoever asks and whoever answers: none of them ends the loop.

What a line brings about is an answer, `{"id": …, "error": {"type": …, "text": …}}`, whatever it is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import IO, Any

import orjson

from technic.errors import ConfigError, TechnicError, printable

LOG = logging.getLogger("technic.operations.rollout")
LONGEST_ID = 200  # characters
UNDERSTOOD = 'an engine understands {"id": …, "scan": {…}}'
Answer = Callable[[dict[str, Any]], dict[str, Any]]


def read_message(line: bytes) -> dict[str, Any]:
    """The message of a line.

    Parameters
    ----------
    line : JSON

    Raises
    ------
    ConfigError
        If it is no object of JSON.
    """
    try:
        message = orjson.loads(line)
    except orjson.JSONDecodeError:
        message = None
    if not isinstance(message, dict):
        raise ConfigError(UNDERSTOOD)
    return message


def id_of(message: dict[str, Any]) -> str | float | None:
    """What a message says it is called by.

    Parameters
    ----------
    message : whose `id` is a text, a number or null

    Raises
    ------
    ConfigError
        If it is anything else.
    """
    number = message.get("id")
    if type(number) not in {str, int, float, type(None)} or (
        isinstance(number, str) and len(number) > LONGEST_ID
    ):
        raise ConfigError(f"id is a number, null or a text of at most {LONGEST_ID} characters")
    return number


def answer_line(line: bytes, respond: Answer) -> bytes:
    """The line that answers a line; an error is an answer too.

    Parameters
    ----------
    line : JSON
    respond : what answers a message
    """
    number = None
    try:
        message = read_message(line)
        number = id_of(message)
        _require_writable(message)
        return _line(respond(message))
    except Exception as error:  # a line that ends the loop ends it for everybody
        if not isinstance(error, TechnicError):
            LOG.warning("a line could not be answered", exc_info=error)
        return _line(failure(number, error))


def _require_writable(message: dict[str, Any]) -> None:
    """Refuse what could be read and not be passed on: JSON is read deeper than it is written."""
    try:
        orjson.dumps(message)
    except TypeError as error:
        raise ConfigError(f"{UNDERSTOOD}; this line is nested too deeply") from error


def failure(number: str | float | None, error: Exception) -> dict[str, Any]:
    """The answer that an error is.

    Parameters
    ----------
    number : what the message is called by
    error : what it brought about
    """
    text = printable(str(error), keep="\n")
    return {"id": number, "error": {"type": type(error).__name__, "text": text}}


def answer_lines(source: Iterable[bytes], out: IO[bytes], respond: Answer) -> None:
    """Answer lines until there are no more.

    Parameters
    ----------
    source, out : where lines are read and written
    respond : what answers a message
    """
    for line in source:
        out.write(answer_line(line, respond))
        out.flush()


def _line(message: dict[str, Any]) -> bytes:
    return orjson.dumps(message, option=orjson.OPT_SERIALIZE_NUMPY, default=str) + b"\n"
