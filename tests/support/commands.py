"""Run a command line in this process, as a person would in a process of its own.

A process takes a second to import what is here already, and nobody measures what it reaches. What
only a process shows (signals, pipes, start-up, servers) is tested in one.
"""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from technic.interfaces.cli import main


@dataclass(frozen=True)
class Finished:
    """How a command ended, and what it said."""

    returncode: int
    stdout: str
    stderr: str


def run_command(
    arguments: Sequence[object], env: Mapping[str, str], cwd: Path | str, said: str = ""
) -> Finished:
    """`technic ARGUMENTS…` with exactly this environment, in this folder, given `said` as input."""
    out, err = _stream(), _stream()
    argv = ["technic", *map(str, arguments)]
    code = 0
    with (
        mock.patch.dict(os.environ, env, clear=True),
        mock.patch.object(sys, "argv", argv),
        mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(said.encode()))),
        chdir(cwd),
        redirect_stdout(out),
        redirect_stderr(err),
        _fresh_logger(),
    ):
        try:
            main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return Finished(code, _text(out), _text(err))


def _stream() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()


@contextmanager
def _fresh_logger() -> Iterator[None]:
    """The log of a command is set up once per process: forget it when the command ends."""
    logger = logging.getLogger("technic")
    level, propagate, handlers = logger.level, logger.propagate, list(logger.handlers)
    logger.handlers.clear()
    try:
        yield
    finally:
        for handler in logger.handlers:
            handler.close()
        logger.handlers[:] = handlers
        logger.setLevel(level)
        logger.propagate = propagate
