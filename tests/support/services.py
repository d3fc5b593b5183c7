"""Real servers that stand for those a page names: a database, a cache, a bucket, a mailbox."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

from support.servers import free_port, postgres, valkey


@contextmanager
def serving(kind: str, environment: dict[str, str]) -> Iterator[str]:
    """A server of a kind; yields the text that stands for the page's.

    Parameters
    ----------
    environment : what the page's commands need so that they may reach it is put there
    """
    with KINDS[kind](environment) as address:
        yield address


@contextmanager
def _valkey(_environment: dict[str, str]) -> Iterator[str]:
    with valkey() as (_, port):
        yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def _postgres(_environment: dict[str, str]) -> Iterator[str]:
    with postgres() as url:
        yield url


@contextmanager
def _s3(_environment: dict[str, str]) -> Iterator[str]:
    """An S3 server with one bucket, `bucket`."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                urlopen(Request(f"{address}/bucket", method="PUT"), timeout=5).close()
                break
            except (URLError, OSError):
                time.sleep(0.1)
        yield address
    finally:
        running.kill()
        running.wait()


@contextmanager
def _mail(_environment: dict[str, str]) -> Iterator[str]:
    """A mail server that takes everything."""
    from aiosmtpd.controller import Controller

    class Box:
        async def handle_DATA(self, _server, _session, _envelope):  # noqa: N802 -- its name there
            return "250 taken"

    port = free_port()
    controller = Controller(Box(), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield f"smtp://127.0.0.1:{port}"
    finally:
        controller.stop()


@contextmanager
def _webhook(environment: dict[str, str]) -> Iterator[str]:
    """An https server that takes everything, under a certificate that the page's commands know."""
    import ssl
    from http.server import BaseHTTPRequestHandler, HTTPServer

    import trustme

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            pass

    authority = trustme.CA()
    with tempfile.TemporaryDirectory() as folder:
        authority.cert_pem.write_to_path(str(Path(folder) / "ca.pem"))
        server = HTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(context)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        environment["SSL_CERT_FILE"] = str(Path(folder) / "ca.pem")
        environment["TECHNIC_WEBHOOK_HOSTS"] = "localhost"
        try:
            yield f"https://localhost:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()


@contextmanager
def _python(_environment: dict[str, str]) -> Iterator[str]:
    """This very installation, in the place of another."""
    yield sys.executable


KINDS = {
    "valkey": _valkey, "postgres": _postgres, "s3": _s3, "mail": _mail, "webhook": _webhook,
    "python": _python,
}  # fmt: skip
