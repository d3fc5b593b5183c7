"""Object storage such as S3, through obstore: names and bytes, nothing else.

Address and credentials are those of the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
AWS_REGION, AWS_ENDPOINT, or what the machine has been given.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

import obstore
from obstore.exceptions import BaseError
from obstore.store import from_url

from technic.errors import StoreError, first_line


class ObstoreBucket:
    """Everything below one address: a `remote.Bucket`.

    Parameters
    ----------
    url : such as s3://bucket/market

    Raises
    ------
    StoreError
        If the address is none of object storage.
    """

    def __init__(self, url: str) -> None:
        endpoint = os.environ.get("AWS_ENDPOINT") or os.environ.get("AWS_ENDPOINT_URL")
        here = bool(endpoint) and str(endpoint).startswith("http://127.0.0.1")
        options: dict[str, Any] = {"allow_http": here, "timeout": "300s"}
        config: dict[str, Any] = {"endpoint": endpoint} if endpoint else {}
        self.url = url.rstrip("/")
        try:
            self._store: Any = from_url(
                self.url, config=config, client_options=options, retry_config={"max_retries": 4}
            )
        except (BaseError, ValueError) as error:
            reason = first_line(error)[:200]
            raise StoreError(f"{self.url}: is no address of object storage: {reason}") from error

    def sizes(self, prefix: str = "") -> dict[str, int]:
        """Size in bytes of every object, by its name below the address.

        Parameters
        ----------
        prefix : only names that begin with it; a whole part of a path
        """
        with _our_errors(self.url):
            pages = obstore.list(self._store, prefix or None)
            return {entry["path"]: int(entry["size"]) for page in pages for entry in page}

    def tags(self, prefix: str = "") -> dict[str, str]:
        """What the storage says of each object's content: of most its MD5, in hex."""
        with _our_errors(self.url):
            pages = obstore.list(self._store, prefix or None)
            return {entry["path"]: _plain(entry["e_tag"]) for page in pages for entry in page}

    def written(self, prefix: str = "") -> dict[str, datetime]:
        """When each object was put there, by the storage's clock."""
        with _our_errors(self.url):
            pages = obstore.list(self._store, prefix or None)
            return {entry["path"]: entry["last_modified"] for page in pages for entry in page}

    def read(self, name: str) -> bytes:
        """The content of an object.

        Raises
        ------
        StoreError
            If it is not there, or the storage cannot be reached.
        """
        with _our_errors(f"{self.url}/{name}"):
            return bytes(obstore.get(self._store, name).bytes())

    def write(self, name: str, content: bytes) -> str:
        """Put an object in its place, whole, over one that is there; returns its tag.

        Raises
        ------
        StoreError
            If the storage cannot be reached.
        """
        with _our_errors(f"{self.url}/{name}"):
            # In one part, so that the tag is the digest of the content.
            return _plain(obstore.put(self._store, name, content, use_multipart=False)["e_tag"])

    def remove(self, names: Iterable[str]) -> None:
        """Take objects away; those that are not there are none the worse."""
        with _our_errors(self.url):
            for name in names:
                with suppress(FileNotFoundError):
                    obstore.delete(self._store, name)


def _plain(tag: str | None) -> str:
    return (tag or "").strip('"')


@contextmanager
def _our_errors(what: str) -> Iterator[None]:
    """Turn errors of the storage into ours, which say what was asked for and what to look at."""
    try:
        yield
    except (BaseError, OSError) as error:
        reason = first_line(error)[:200]
        raise StoreError(
            f"{what}: cannot be reached ({reason}); look at AWS_ENDPOINT, AWS_REGION and "
            "the credentials. Nothing was changed"
        ) from error
