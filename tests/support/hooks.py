"""A receiver of webhooks: a real https server on loopback."""

from __future__ import annotations

import json
import ssl
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import trustme


@contextmanager
def hook(statuses=()):
    """An https server on loopback that keeps what it is sent; answers `statuses`, then 200."""
    got, left = [], list(statuses)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.headers["Idempotency-Key"], json.loads(body)))
            self.send_response(left.pop(0) if left else 200)
            self.send_header("Location", "https://localhost:1/elsewhere")
            self.end_headers()

        def log_message(self, *_args):
            pass

    authority = trustme.CA()
    server = HTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"https://localhost:{server.server_port}/hook", authority, got
    finally:
        server.shutdown()
        server.server_close()
