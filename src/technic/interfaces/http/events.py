"""What happens, pushed to whoever listens, as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson

from technic.interfaces.http.problems import Problem

MOST_LISTENERS = 64
MOST_HELD = 100  # events a slow listener may be behind
BEAT = 15.0  # seconds between signs of life


class Bus:
    """Hands events to listeners; one that is too slow loses the oldest."""

    def __init__(self) -> None:
        self._listeners: dict[asyncio.Queue[bytes], int] = {}  # whose each is
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Belong to the running loop."""
        self._loop = asyncio.get_running_loop()

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    def publish(self, kind: str, content: Any, owner: int | None = None) -> None:
        """Tell everybody, or the pages of one key alone; from any thread."""
        if self._loop is None or self._loop.is_closed() or not self._listeners:
            return
        self._loop.call_soon_threadsafe(self._hand_out, framed(kind, content), owner)

    def _hand_out(self, frame: bytes, owner: int | None) -> None:
        for queue, whose in self._listeners.items():
            if owner not in {None, whose}:
                continue
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(frame)

    async def listen(self, owner: int, *first: bytes) -> AsyncIterator[bytes]:
        """Frames for one listener, until it goes away."""
        queue: asyncio.Queue[bytes] = asyncio.Queue(MOST_HELD)
        self._listeners[queue] = owner
        try:
            for frame in first:
                yield frame
            while True:
                try:
                    yield await asyncio.wait_for(queue.get(), BEAT)
                except TimeoutError:
                    yield b": still here\n\n"
        finally:
            self._listeners.pop(queue, None)

    def admit(self) -> None:
        """Refuse one listener too many."""
        if len(self._listeners) >= MOST_LISTENERS:
            raise Problem(503, f"{MOST_LISTENERS} pages are listening already", retry_after=10)


def framed(kind: str, content: Any) -> bytes:
    """One event as the wire has it."""
    text = orjson.dumps(content, default=str, option=orjson.OPT_SERIALIZE_NUMPY)
    return b"event: " + kind.encode() + b"\ndata: " + text + b"\n\n"
