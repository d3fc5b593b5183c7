"""Answers of a bounded size, sent piece by piece, and counted while nobody has read them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from technic.interfaces.http.problems import Problem, problem_reply

LARGEST = 32 << 20  # bytes of one answer
UNREAD = 32 << 20  # bytes of all answers to one key that are being sent
PIECE = 32 << 10  # bytes sent at once: the next piece waits until this one was taken


class UnreadBytes:
    """Bytes of answers that readers have not taken yet, by the key that asked.

    Parameters
    ----------
    most : of one key
    """

    def __init__(self, most: int = UNREAD) -> None:
        self._most, self._held = most, Counter[int]()

    @contextmanager
    def holding(self, asker: int, size: int) -> Iterator[None]:
        """Count an answer for as long as it is being sent.

        Parameters
        ----------
        asker : number of the key
        size : bytes

        Raises
        ------
        Problem
            429, if the key's other answers should be read first.
        """
        if self._held[asker] and self._held[asker] + size > self._most:
            unread = self._held[asker] >> 20
            raise Problem(
                429, f"{unread} MiB of answers to this key are not read yet", retry_after=5
            )
        self._held[asker] += size
        try:
            yield
        finally:
            self._held[asker] -= size
            if not self._held[asker]:
                del self._held[asker]

    @property
    def total(self) -> int:
        """Bytes of all keys."""
        return self._held.total()


class BoundedAnswer(Response):
    """Bytes that are sent as they are taken; too many are a problem instead."""

    def __init__(
        self,
        content: bytes | str | None,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
    ) -> None:
        super().__init__(content, status, headers, media_type)
        check_size(len(self.body))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, or say why not."""
        unread: UnreadBytes = scope.get("technic.unread") or UnreadBytes()
        key = scope.get("technic.key")
        try:
            with unread.holding(key.id if key is not None else 0, len(self.body)):
                await self._send(send)
        except Problem as problem:
            await problem_reply(problem)(scope, receive, send)

    async def _send(self, send: Send) -> None:
        start = {"type": "http.response.start", "status": self.status_code}
        await send({**start, "headers": self.raw_headers})
        body, size = memoryview(self.body), len(self.body)
        for begin in range(0, size, PIECE) or (0,):
            end = begin + PIECE
            piece = {"type": "http.response.body", "body": bytes(body[begin:end])}
            await send({**piece, "more_body": end < size})


def check_size(size: int) -> None:
    """Refuse an answer that is too large.

    Raises
    ------
    Problem
        413, with what to do about it.
    """
    if size > LARGEST:
        raise Problem(
            413,
            f"the answer has {size / (1 << 20):.0f} MiB, and at most {LARGEST >> 20} are sent: "
            "ask for fewer rows, columns or sessions",
        )
