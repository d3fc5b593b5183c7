"""Asking the server that runs on the same store, before a command does the work itself.

1. `ask` finds the server's socket, and makes sure whose it is.
2. It sends the question as it was typed, with what the terminal is like (`request_of`).
3. It waits a second for a sign, and a few for the answer, which is either whole or none.

No server, a slow one, one of other code or settings, and an answer that is none all mean the same:
the command does the work itself. Nothing is printed before an answer is whole.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from technic.errors import QuestionError, TechnicError
from technic.interfaces import beside
from technic.interfaces.cli import desk as desks
from technic.interfaces.cli.shown import Shown
from technic.runtime.toml_file import toml_text

if TYPE_CHECKING:
    from technic.interfaces.cli.known import Words
    from technic.interfaces.render.terminal import Sheet

SIGN_WITHIN = 1.0  # seconds in which a server that is there says so
ANSWER_WITHIN = 10.0  # seconds after which this process would sooner do it itself
PIECE = 1 << 20  # bytes
UNASKED = {"parquet"}  # no text
NO_ANSWER = (OSError, ValueError, TypeError, KeyError, RecursionError)
# Variables by which what shows a table knows of notebooks and of older terminals.
STRANGE = ("JUPYTER_COLUMNS", "JUPYTER_LINES", "UNICODE_VERSION")


def ask(words: Sequence[str], read: Words, desk: desks.Desk, sheet: Sheet) -> Shown | None:
    """Have a question answered by the server that runs on the store; None if none does.

    Parameters
    ----------
    words, read : the question, as it was typed and as it was read
    desk : the store, and the settings of this process
    sheet : what the answer will be written on

    Raises
    ------
    QuestionError
        If the server could not understand it.
    """
    if read.shape.form in UNASKED or "://" in desk.place or not beside.is_possible():
        return None
    try:
        folder, name = beside.folder_of(desk.settings), beside.name_of(desk.place)
        path = f"{folder}/{name}"
        if not (beside.is_ours_alone(folder) and beside.is_ours_alone(path, socket=True)):
            return None
        if any(variable in os.environ for variable in STRANGE):
            return None
        asked = json.dumps(request_of(words, read, desk, sheet)).encode() + b"\n"
        with beside.address_of(folder, name) as address:
            answer = _exchange(address, asked)
        return _understood(answer)
    except QuestionError:
        raise
    except (*NO_ANSWER, TechnicError):
        return None


def request_of(words: Sequence[str], read: Words, desk: desks.Desk, sheet: Sheet) -> dict[str, Any]:
    """A question as it is sent: what was typed, and what only this process can read.

    Raises
    ------
    TechnicError
        If a list of symbols, or a scan file, cannot be read.
    OSError
        If the store or a file cannot be looked at.
    """
    typed = read.typed
    return {
        **beside.ourselves(desk.place, desk.settings, beside.code_here()),
        "words": list(words),
        "symbols": typed["symbols"],
        "text": toml_text(Path(typed["file"])) if "file" in typed else None,
        "folder": str(desk.folder),
        "origin": desk.origin,
        "columns": sheet.columns,
        "variables": dict(sheet.variables),
    }


def _exchange(address: str, asked: bytes) -> Any:
    """Send a line, and return what the one that answers it says.

    Raises
    ------
    OSError
        If nobody is there, or nobody answers in time.
    ValueError
        If the answer is none.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(SIGN_WITHIN)
        line.connect(address)
        if not beside.is_our_user(line):
            message = "somebody else's"
            raise ValueError(message)
        line.sendall(asked)
        sign, rest = _line(line, b"", SIGN_WITHIN, PIECE)
        if json.loads(sign) != {"taken": True}:
            message = "it is not for us"
            raise ValueError(message)
        answer, rest = _line(line, rest, ANSWER_WITHIN, beside.MOST_ANSWERED)
        if rest:
            message = "more than an answer"
            raise ValueError(message)
        return json.loads(answer)


def _line(line: socket.socket, begun: bytes, within: float, most: int) -> tuple[bytes, bytes]:
    """Read a line; it, and what was read behind it."""
    parts, size, until = [begun], len(begun), monotonic() + within
    while b"\n" not in parts[-1]:
        line.settimeout(max(until - monotonic(), 0.001))
        parts.append(line.recv(PIECE))
        size += len(parts[-1])
        if not parts[-1] or size > most or monotonic() > until:
            message = "cut short, too long or too late"
            raise ValueError(message)
    content, _, rest = b"".join(parts).partition(b"\n")
    return content, rest


def _understood(answer: Any) -> Shown:
    """An answer that is one.

    Raises
    ------
    QuestionError
        If it says that the question cannot be understood.
    ValueError, TypeError, KeyError
        If it is none.
    """
    problem = answer.get("problem") if isinstance(answer, dict) else None
    if isinstance(problem, dict):
        why, text, start, hint = (problem[name] for name in ("why", "text", "start", "hint"))
        if all(isinstance(part, str) for part in (why, text, hint)) and isinstance(start, int):
            raise QuestionError(why, text=text, start=start, hint=hint)
    if not isinstance(answer, dict) or set(answer) != {"content", "what"}:
        message = "no answer"
        raise ValueError(message)
    if not isinstance(answer["content"], str) or not isinstance(answer["what"], str):
        message = "no text"
        raise TypeError(message)
    return Shown(answer["content"].encode(), answer["what"])
