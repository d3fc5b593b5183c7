"""Answering command lines: the server's end of the socket that `socket_client` asks.

1. `SocketDoor.open` puts a socket for the store into the state folder, where no other server has.
2. A question is read within seconds and bytes, and held against what this process is.
3. `answer_to` makes the answer in a thread of the gate, as `technic scan` makes it; whoever hangs
   up ends it.

Whatever is wrong with a question, but for its text, is not told here: the command does the work
itself, and says it in its own words.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from contextlib import suppress
from logging import getLogger
from pathlib import Path
from typing import IO, Any

from technic.errors import QuestionError, TechnicError
from technic.interfaces import beside
from technic.interfaces.cli import desk as desks
from technic.interfaces.cli import options
from technic.interfaces.cli.known import same_question
from technic.interfaces.cli.sent_question import SentQuestion
from technic.interfaces.cli.shown import Around, shown_report
from technic.interfaces.http.problems import Problem
from technic.interfaces.http.state import ServerState
from technic.runtime.files import FILE_MODE, make_folder, open_private, try_lock

LOG = getLogger("technic.beside")
AT_ONCE = 16  # lines that are answered; more are hung up
READ_WITHIN, WRITE_WITHIN = 2.0, 10.0  # seconds


class SocketDoor:
    """A socket of the state folder, where command lines of this user ask about one store.

    Parameters
    ----------
    state : of the server
    place : the folder of the store
    code : by `beside.code_here`, as it was before this process imported it
    """

    def __init__(self, state: ServerState, place: str, code: str) -> None:
        self._state, self._place, self._code = state, place, code
        self._folder, self._name = "", ""
        self._lock: IO[bytes] | None = None
        self._server: asyncio.Server | None = None
        self._lines: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Let questions in; where that cannot be, the log says why, and nobody asks."""
        if not beside.is_possible() or "://" in self._place:
            return
        try:
            if beside.code_here() != self._code:
                LOG.warning("the code was changed while it began: no command line is answered")
                return
            self._folder = beside.folder_of(self._state.settings)
            self._name = beside.name_of(self._place)
            make_folder(Path(self._folder))
            if not beside.is_ours_alone(self._folder):
                LOG.warning("%s: others may enter: nobody is answered there", self._folder)
                return
            if self._take():
                self._server = await asyncio.start_unix_server(
                    self._enter, sock=self._listening(), limit=beside.MOST_ASKED
                )
        except OSError as error:
            LOG.warning("%s: no socket can be put there: %s", self._folder, error)

    def _take(self) -> bool:
        """Whether the place is free; the system frees it when a process ends, however it does."""
        path = f"{self._folder}/{self._name}.lock"
        self._lock = open(path, "wb", opener=open_private)  # noqa: SIM115
        if try_lock(self._lock.fileno()):
            return True
        LOG.info("%s: another server answers there", path)
        self._lock.close()
        self._lock = None
        return False

    def _listening(self) -> socket.socket:
        """A socket that listens; it takes the place of one that a killed server left."""
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        scratch = Path(self._folder) / f".{os.getpid()}"
        scratch.unlink(missing_ok=True)
        try:
            with beside.address_of(self._folder, scratch.name) as address:
                line.bind(address)
            scratch.chmod(FILE_MODE)
            line.listen(AT_ONCE)
            scratch.replace(Path(self._folder) / self._name)
        except OSError:
            line.close()
            raise
        return line

    def hide(self) -> None:
        """Take the socket away, so that nobody asks any more."""
        if self._lock is not None:
            with suppress(OSError):
                (Path(self._folder) / self._name).unlink()

    async def close(self) -> None:
        """Hang up, stop what works for it, and free the place."""
        self.hide()
        if self._server is not None:
            self._server.close()
        for task in list(self._lines):
            task.cancel()
        await asyncio.gather(*self._lines, return_exceptions=True)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    async def _enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one line, unless too many are being answered or it is somebody else's."""
        task = asyncio.current_task()
        assert task is not None
        self._lines.add(task)
        try:
            ours = beside.is_our_user(writer.get_extra_info("socket"))
            if ours and len(self._lines) <= AT_ONCE:
                await self._answer(reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # whoever asked has gone, or asks too slowly or too much
        except Exception:
            LOG.exception("a question of a command line")
        finally:
            self._lines.discard(task)
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(READ_WITHIN):
            line = await reader.readuntil(b"\n")
        if (asked := self._understood(line)) is None:
            writer.write(b'{"taken": false}\n')
        else:
            writer.write(b'{"taken": true}\n')
            answer = await self._made(asked, reader)
            if len(answer) <= beside.MOST_ANSWERED:
                writer.write(answer)
        writer.transport.set_write_buffer_limits(0)
        async with asyncio.timeout(WRITE_WITHIN):
            await writer.drain()
            writer.write_eof()
            await reader.read()  # until the other end has read it, and hangs up

    def _understood(self, line: bytes) -> SentQuestion | None:
        """A question that is for this process; None for any other."""
        try:
            request = json.loads(line)
            same = beside.ourselves(self._place, self._state.settings, self._code)
            if any(request[name] != same[name] for name in same):
                return None
            return SentQuestion(request)
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None

    async def _made(self, asked: SentQuestion, reader: asyncio.StreamReader) -> bytes:
        """The answer, made off the event loop; nothing for whoever hangs up before it is there."""
        work = asyncio.ensure_future(self._state.gate.run(lambda: answer_to(asked, self._state)))
        gone = asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                return b""
            return work.result()
        except (TechnicError, Problem) as error:  # told by the command itself, in its own words
            LOG.info("not answered: %s", error)
            return b""
        finally:
            gone.cancel()
            work.cancel()
            await asyncio.wait({gone, work})


def answer_to(asked: SentQuestion, state: ServerState) -> bytes:
    """The answer to a question, as a line of JSON.

    Raises
    ------
    TechnicError
        If there is none, for any reason but the question's text.
    """
    desk = desks.Desk(
        asked.folder, state.settings, asked.origin, desks.hint_of(asked.read.values.get("store"))
    )
    try:
        report = asked.report(state)
    except QuestionError as error:
        names = ("why", "text", "start", "hint")
        return _line({"problem": {name: getattr(error, name) for name in names}})
    around = Around(options.age_line(state.store.version()), same_question(asked.read.said))
    shown = shown_report(report, desk, asked.read.shape, around, asked.sheet)
    return _line({"content": shown.content.decode(), "what": shown.what})


def _line(answer: dict[str, Any]) -> bytes:
    return json.dumps(answer).encode() + b"\n"
