"""The process that serves: patient with nobody, and gone two seconds after it is told to go."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any, ClassVar

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from technic.interfaces.http.addresses import Networks, address_of

READ_WITHIN = 20.0  # seconds in which the head of a request arrives
WRITE_WITHIN = 20.0  # seconds in which a reader takes a buffer's worth
BUFFER = 32 << 10  # bytes that wait in this process for a reader
OF_ONE_ADDRESS = 128  # connections
SWITCH = 0.001  # seconds after which a thread that computes lets the event loop have its turn
ENDS_WITHIN = 0.6  # seconds in which what runs may end by itself
GONE_WITHIN = 1.2  # seconds after which the process is ended, whatever runs


class BoundedConnection(H11Protocol):
    """HTTP/1.1 for readers and writers that may do nothing at all: such are dropped.

    Attributes
    ----------
    proxies : addresses that may hold any number of connections
    """

    proxies: Networks = ()
    _of_address: ClassVar[Counter[str]] = Counter()
    _address = ""
    _head: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the head of a request."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(BUFFER)
        self._address = address_of({"client": self.client, "headers": []}, ())
        self._of_address[self._address] += 1
        if self._of_address[self._address] > OF_ONE_ADDRESS and not self._from_proxy():
            transport.abort()
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        super().connection_lost(exc)
        self._stop(self._head, self._unread)
        self._of_address[self._address] -= 1
        if not self._of_address[self._address]:
            del self._of_address[self._address]

    def data_received(self, data: bytes) -> None:
        """Take it; a head that has begun has to end in time."""
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:
            if self._head is None:
                self._wait_for_head()
        else:
            self._stop(self._head)
            self._head = None

    def pause_writing(self) -> None:
        """The reader is behind: it has some seconds to catch up."""
        super().pause_writing()
        self._wait_for_reader()

    def resume_writing(self) -> None:
        """It has caught up."""
        super().resume_writing()
        self._stop(self._unread)
        self._unread = None

    def on_response_complete(self) -> None:
        """The last bytes are the reader's too."""
        super().on_response_complete()
        if self.transport.get_write_buffer_size():
            self._wait_for_reader()

    def _wait_for_head(self) -> None:
        """Drop who does not send one in time."""
        self._head = self.loop.call_later(READ_WITHIN, self.transport.abort)

    def _wait_for_reader(self) -> None:
        """Drop who does not take what waits in time."""
        self._stop(self._unread)
        self._unread = self.loop.call_later(WRITE_WITHIN, self._drop_if_unread)

    def _drop_if_unread(self) -> None:
        """Drop who has still not taken all of it."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()

    def _from_proxy(self) -> bool:
        """Whether the settings name who connects: it speaks for many."""
        scope = {"client": self.client, "headers": [(b"x-forwarded-for", b"192.0.2.0")]}
        return address_of(scope, self.proxies) == "192.0.2.0"

    @staticmethod
    def _stop(*timers: asyncio.TimerHandle | None) -> None:
        """Let timers go that were begun."""
        for timer in timers:
            if timer is not None:
                timer.cancel()


class BoundedServer(uvicorn.Server):
    """Uvicorn, bounded in connections, sizes and patience; Ctrl-C ends it in two seconds.

    Parameters
    ----------
    app : the ASGI application
    give_up : stops what works at its next look at its deadline
    proxies : of the settings
    options : further ones of uvicorn
    """

    def __init__(
        self, app: Any, give_up: Callable[[], None], proxies: Networks = (), **options: Any
    ) -> None:
        self._give_up = give_up
        protocol = type(
            "Protocol", (BoundedConnection,), {"proxies": proxies, "_of_address": Counter()}
        )
        bounds: dict[str, Any] = {
            "http": protocol,
            "ws": "none",  # there is nothing to ask over a socket
            "log_level": "warning",
            "access_log": False,
            "server_header": False,
            "date_header": False,
            "timeout_keep_alive": 20,
            "limit_concurrency": 512,
            "h11_max_incomplete_event_size": 16_384,
            "proxy_headers": False,
            "timeout_graceful_shutdown": ENDS_WITHIN,
        }
        super().__init__(uvicorn.Config(app, **{**bounds, **options}))

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop what runs; what cannot be stopped, such as a call that hangs, ends with the process.

        Nothing is torn by that: whatever is written is written whole, or not at all.
        """
        if not self.should_exit:
            logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # that all ends is meant
            self._give_up()
            last = threading.Timer(GONE_WITHIN, _end, (sig,))
            last.daemon = True
            last.start()
        super().handle_exit(sig, frame)

    def run(self, sockets: Any = None) -> None:
        """Serve until a signal ends it; threads that still work are left behind."""
        sys.setswitchinterval(SWITCH)
        try:
            super().run(sockets)
        except KeyboardInterrupt:
            _end(signal.SIGINT)
        if not self.started:
            sys.exit(1)


def _end(sig: int) -> None:
    """End the process now: the interpreter would wait for every thread that works."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(0 if sig == signal.SIGINT else 128 + sig)
