"""A small TCP proxy that does to a connection what networks do."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from technic.data.simulated.faults import FAULT_HEADER, TRANSPORT, Fault, FaultPlan

HANG = 3.0  # seconds a connection is held without a word, if the client does not leave before
DROP_BYTES_A_SECOND = 400


@contextmanager
def proxying(plan: FaultPlan, upstream: int, port: int | None) -> Iterator[int | None]:
    """Listen in front of a loopback port, and do to connections what the plan says.

    Parameters
    ----------
    plan : draws a fault for every request
    upstream : port of the vendor behind
    port : to listen on, 0 for a free one; None for no proxy: yields None
    """
    if port is None:
        yield None
        return
    loop = asyncio.new_event_loop()
    ready: list[asyncio.Server] = []
    started = threading.Event()

    async def serve() -> None:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await _exchange(plan, upstream, reader, writer)
            with suppress(ConnectionError, RuntimeError):
                writer.close()

        server = await asyncio.start_server(handle, "127.0.0.1", port)
        ready.append(server)
        started.set()

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(serve())
        loop.run_forever()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    started.wait(10)
    try:
        yield int(ready[0].sockets[0].getsockname()[1])
    finally:
        asyncio.run_coroutine_threadsafe(_finish(ready[0]), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


async def _finish(server: asyncio.Server) -> None:
    """Listen no more, and end what is still hanging."""
    server.close()
    this_task = asyncio.current_task()
    tasks = [task for task in asyncio.all_tasks() if task is not this_task]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _exchange(
    plan: FaultPlan, upstream: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """One request on one connection."""
    head = await reader.readuntil(b"\r\n\r\n")
    target = head.split(b" ", 2)[1].decode("latin-1")
    fault = plan.draw(target)
    if fault is not None and fault.name in TRANSPORT:
        await _strike(fault, head, upstream, writer)
        return
    fault_header = f"{fault.name}:{fault.seed}" if fault else ""
    writer.write(await _ask(upstream, head, fault_header))
    await writer.drain()


async def _ask(upstream: int, head: bytes, fault: str) -> bytes:
    """The whole answer of the vendor behind, whose connection then ends."""
    lines = [x for x in head.split(b"\r\n") if not x.lower().startswith(b"connection:")]
    lines = [line for line in lines if line]
    lines += [b"Connection: close", f"{FAULT_HEADER}: {fault}".encode()]
    reader, writer = await asyncio.open_connection("127.0.0.1", upstream)
    writer.write(b"\r\n".join(lines) + b"\r\n\r\n")
    await writer.drain()
    answer = await reader.read(-1)
    writer.close()
    return answer


async def _strike(fault: Fault, head: bytes, upstream: int, writer: asyncio.StreamWriter) -> None:
    """Do a fault of `TRANSPORT` to a connection."""
    rng = fault.rng
    if fault.name == "refuse":
        _abort(writer)
        return
    if fault.name == "hang_before":
        await asyncio.sleep(HANG)
        _abort(writer)
        return
    if fault.name == "slow_accept":
        await asyncio.sleep(float(rng.uniform(0.05, 0.4)))
    answer = await _ask(upstream, head, "")
    body = answer.index(b"\r\n\r\n") + 4
    at = body + int(rng.integers(0, max(len(answer) - body, 1)))
    if fault.name == "slow_accept":
        writer.write(answer)
    elif fault.name == "hang_after":
        writer.write(answer[:at])
        await writer.drain()
        await asyncio.sleep(HANG)
    elif fault.name == "trickle":
        for k in range(body, min(len(answer), body + int(HANG * DROP_BYTES_A_SECOND)), 20):
            writer.write(answer[:body] if k == body else b"")
            writer.write(answer[k : k + 20])
            await writer.drain()
            await asyncio.sleep(20 / DROP_BYTES_A_SECOND)
    elif fault.name in {"reset", "short_body"}:
        writer.write(answer[:at])
        await writer.drain()
        if fault.name == "reset":
            _abort(writer)
            return
    await writer.drain()


def _abort(writer: asyncio.StreamWriter) -> None:
    """Close with a reset rather than politely."""
    sock = writer.get_extra_info("socket")
    if sock is not None:
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
