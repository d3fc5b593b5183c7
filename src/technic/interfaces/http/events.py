"""What happens, pushed to whoever listens, as server-sent events."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from technic.interfaces.http.problems import Problem

MOST_LISTENERS = 64
MOST_OF_ONE = 16  # of one key
MOST_HELD = 100  # events a slow listener may be behind
BEAT = 15.0  # seconds between signs of life


class Seat:
    """A place among the listeners, taken before the answer begins and given back once.

    Parameters
    ----------
    bus : whose place it is
    owner : number of the key that listens
    """

    def __init__(self, bus: Bus, owner: int) -> None:
        self.bus, self.owner, self._taken = bus, owner, True

    def give_back(self) -> None:
        """Leave, however often it is said."""
        if self._taken:
            self._taken = False
            self.bus.left(self.owner)


class EventStream(StreamingResponse):
    """Server-sent events, for somebody who has a seat.

    Parameters
    ----------
    frames : what is sent
    seat : given back when the stream ends, however it ends
    """

    media_type = "text/event-stream"

    def __init__(self, frames: AsyncIterator[bytes], seat: Seat, status_code: int = 200) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(frames, status_code, headers)
        self._seat = seat

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until there is nothing more, or nobody listens any more."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._seat.give_back()


class Bus:
    """Hands events to listeners; one that is too slow loses the oldest."""

    def __init__(self) -> None:
        self._listeners: dict[asyncio.Queue[bytes | None], int] = {}  # whose each is
        self._seats: Counter[int] = Counter()
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Belong to the running loop."""
        self._loop = asyncio.get_running_loop()

    @property
    def listeners(self) -> int:
        """How many listen."""
        return self._seats.total()

    @property
    def owners(self) -> set[int]:
        """Numbers of the keys that listen."""
        return set(self._seats)

    def publish(self, kind: str, content: Any, owner: int | None = None) -> None:
        """Tell everybody, or the pages of one key alone; from any thread."""
        if self._loop is None or self._loop.is_closed() or not self._listeners:
            return
        self._loop.call_soon_threadsafe(self._hand_out, framed(kind, content), owner)

    def admit(self, owner: int) -> Seat:
        """Take a seat for a listener, who counts from now on.

        Parameters
        ----------
        owner : number of the key; that of this machine may have them all

        Raises
        ------
        Problem
            503 for one listener too many, 429 for one too many of the same key.
        """
        if self.listeners >= MOST_LISTENERS:
            raise Problem(503, f"{MOST_LISTENERS} pages are listening already", retry_after=10)
        if owner and self._seats[owner] >= MOST_OF_ONE:
            raise Problem(429, f"{MOST_OF_ONE} pages of this key are listening", retry_after=10)
        self._seats[owner] += 1
        return Seat(self, owner)

    def left(self, owner: int) -> None:
        """A seat of a key is free again."""
        self._seats[owner] -= 1
        if not self._seats[owner]:
            del self._seats[owner]

    async def listen(self, owner: int, *first: bytes) -> AsyncIterator[bytes]:
        """Frames for one listener, until it goes away or its key opens nothing any more."""
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(MOST_HELD)
        self._listeners[queue] = owner
        try:
            for frame in first:
                yield frame
            while True:
                try:
                    frame_or_end = await asyncio.wait_for(queue.get(), BEAT)
                except TimeoutError:
                    frame_or_end = b": still here\n\n"
                if frame_or_end is None:
                    return
                yield frame_or_end
        finally:
            self._listeners.pop(queue, None)

    def dismiss(self, is_good: Callable[[int], bool]) -> None:
        """End the streams of keys that open nothing any more."""
        for queue, owner in list(self._listeners.items()):
            if not is_good(owner):
                self._put(queue, None)

    def _hand_out(self, frame: bytes, owner: int | None) -> None:
        for queue, whose in self._listeners.items():
            if owner in {None, whose}:
                self._put(queue, frame)

    def _put(self, queue: asyncio.Queue[bytes | None], frame: bytes | None) -> None:
        if queue.full():
            queue.get_nowait()
        queue.put_nowait(frame)


def framed(kind: str, content: Any) -> bytes:
    """One event as the wire has it."""
    text = orjson.dumps(content, default=str, option=orjson.OPT_SERIALIZE_NUMPY)
    return b"event: " + kind.encode() + b"\ndata: " + text + b"\n\n"
