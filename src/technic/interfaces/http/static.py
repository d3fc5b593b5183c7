"""The pages: files of ours, read once, served under a digest of all of them, never from elsewhere."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from importlib.resources import files
from importlib.resources.abc import Traversable

from fastapi import FastAPI, Request
from starlette.responses import Response

from technic.interfaces.http.problems import Problem

KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
FOREVER = "public, max-age=31536000, immutable"
WORTH = 1_400  # bytes above which a file is sent compressed


@dataclass(frozen=True, slots=True)
class Page:
    """One file of the pages, ready to be sent.

    Attributes
    ----------
    kind
        Its content type.
    body, zipped
        Its bytes, plain and compressed with gzip.
    """

    kind: str
    body: bytes
    zipped: bytes


def walk(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, Traversable]]:
    """The files of a folder and of all within it, in the order of their names, which are paths."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from walk(entry, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry


@lru_cache(maxsize=1)
def assets() -> tuple[str, dict[str, Page]]:
    """The files by name, and a digest of them all."""
    pages, digest = dict[str, Page](), blake2b(digest_size=6)
    for name, entry in walk(files("technic.interfaces.web")):
        kind = KINDS.get("." + name.rpartition(".")[2])
        if kind is not None:
            body = entry.read_bytes()
            digest.update(name.encode() + body)
            pages[name] = Page(kind, body, gzip.compress(body, 6, mtime=0))
    return digest.hexdigest(), pages


def index() -> bytes:
    """The page itself, its files named by their digest and asked for at once."""
    version, pages = assets()
    modules = "".join(
        f'<link rel="modulepreload" href="/assets/{version}/{name}">\n'
        for name in pages
        if name.endswith(".js")
    )
    text = pages["index.html"].body.decode()
    return text.replace("{modules}", modules).replace("{version}", version).encode()


def add_to(app: FastAPI) -> None:
    """The routes of the pages."""
    version, found = assets()
    page = index()

    @app.get("/", include_in_schema=False)
    async def root() -> Response:
        return Response(page, headers={"Cache-Control": "no-cache"}, media_type=KINDS[".html"])

    @app.get("/assets/{digest}/{name:path}", include_in_schema=False)
    async def asset(digest: str, name: str, request: Request) -> Response:
        file = found.get(name)
        if file is None or digest != version or name == "index.html":
            raise Problem(404, "there is no such file")
        headers = {"Cache-Control": FOREVER, "Vary": "Accept-Encoding"}
        if len(file.body) > WORTH and "gzip" in request.headers.get("accept-encoding", ""):
            return Response(file.zipped, 200, {**headers, "Content-Encoding": "gzip"}, file.kind)
        return Response(file.body, 200, headers, file.kind)
