"""One polite HTTP client: a wall-clock deadline, few retries, a shared allowance, no secrets told.

`Http.get` returns a page that is whole, or raises. An empty body, a body that is no JSON,
an envelope that contradicts itself: each is a failed request, tried again, never an answer.

1. `Http.get` tries, and tries again as `Manners` and `Http._retry_after` allow.
2. `Http._attempt` takes a call from the allowance, makes one request and logs it.
3. `Http._answer` reads the answer, unpacked, while one clock runs over all of it.
4. `raise_for_status` and the caller's `check` say whether it is whole.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
import stamina

from technic.data.providers.allowance import Allowance
from technic.data.providers.answers import LARGEST, RawAnswer, raise_for_status, unpacker
from technic.data.providers.source import Log, VendorCall, unheard
from technic.errors import AccessError, PageError, ProviderError, RateError

logging.getLogger("stamina").addHandler(logging.NullHandler())  # retries are in the call ledger
MOST_PAGES = 10_000
SECRETS = {"apikey", "api_key", "token", "key"}


@dataclass(frozen=True, slots=True)
class Manners:
    """How patient a client is, and how often it tries.

    Attributes
    ----------
    deadline : seconds for one request, from first byte sent to last byte read
    attempts : requests for one page, the first included
    total : seconds for one page, waits and retries included
    wait : seconds before the second attempt; doubled before each further one
    wait_most : seconds between two attempts at most, unless the vendor asks for more
    """

    deadline: float = 30.0
    attempts: int = 5
    total: float = 180.0
    wait: float = 0.5
    wait_most: float = 20.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a vendor is asked, and in whose name.

    Attributes
    ----------
    provider : name of the vendor, for errors and the ledger of calls
    url : base address, before the paths
    headers : of every request; they hold the key, and are not shown
    hosts : other hosts of the vendor's, to which a next page may lead
    """

    provider: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    hosts: frozenset[str] = frozenset()


class Http:
    """A client for one vendor: one base address, one key in a header.

    Parameters
    ----------
    allowance : of calls, shared with other processes; without one there is no limit
    manners : how patient it is, and how often it tries
    log : is told of every request

    Attributes
    ----------
    simulated : whether an answer said that it came from a simulated vendor
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        allowance: Allowance | None = None,
        manners: Manners | None = None,
        log: Log = unheard,
    ) -> None:
        self.provider = endpoint.provider
        self._endpoint = endpoint
        self._base = endpoint.url.rstrip("/")
        self._hosts = endpoint.hosts | {urlsplit(endpoint.url).netloc}
        self._headers = dict(endpoint.headers)
        self._allowance = allowance or Allowance()
        self._manners = manners or Manners()
        self._log = log
        self.simulated = False
        self._runner: asyncio.Runner | None = None
        self._client: httpx2.AsyncClient | None = None
        self._guard = threading.Lock()  # a stream and who looks at it ask from two threads

    def close(self) -> None:
        """End the connections."""
        with self._guard:
            if self._runner is not None and self._client is not None:
                self._runner.run(self._client.aclose())
                self._runner.close()
            self._runner = self._client = None

    def get(
        self,
        path: str,
        params: Mapping[str, str],
        check: Callable[[bytes], Any],
        *,
        absent_is_empty: bytes | None = None,
    ) -> bytes:
        """The body of one page that passes a check.

        Parameters
        ----------
        path, params : of the request, below the base address
        check : raises `PageError` if a body is not whole
        absent_is_empty : what a 404 counts as; None if it is an error

        Raises
        ------
        AccessError
            At once, on 401 and 403.
        ProviderError
            If no whole page came within the attempts and the time.
        """
        manners = self._manners
        attempts = stamina.retry_context(
            on=self._retry_after,
            attempts=manners.attempts,
            timeout=manners.total,
            wait_initial=manners.wait,
            wait_max=manners.wait_most,
            wait_jitter=manners.wait,
        )
        for attempt in attempts:
            with attempt:
                return self._attempt(path, params, check, attempt.num, absent_is_empty)
        raise AssertionError

    def look(self, path: str, params: Mapping[str, str]) -> RawAnswer:
        """One answer as it comes, whatever it says: no check, and no second attempt.

        Parameters
        ----------
        path, params : of the request, below the base address

        Raises
        ------
        ProviderError
            If no answer came within the deadline.
        """
        left = self._allowance.take(self._manners.total)
        since = time.perf_counter()
        status, size, outcome = 0, 0, "ok"
        try:
            status, headers, body = self._exchange(path, params)
            size = len(body)
            self.simulated = self.simulated or headers.get("x-technic-sim") == "1"
            return RawAnswer(status, {k.lower(): v for k, v in headers.items()}, body)
        except (httpx2.HTTPError, OSError, TimeoutError) as error:
            outcome = type(error).__name__
            raise ProviderError(
                f"{self.provider}: {path}: no answer within {self._manners.deadline:g} s ({outcome})"
            ) from error
        finally:
            took = 1e3 * (time.perf_counter() - since)
            self._log(VendorCall(self.provider, path, status, size, took, 1, outcome, left))

    def keyless(self) -> Http:
        """A client for the same vendor that says nothing of who asks; to be closed as well."""
        return Http(
            replace(self._endpoint, headers={}),
            allowance=self._allowance,
            manners=self._manners,
            log=self._log,
        )

    def next_page(self, url: Any) -> tuple[str, dict[str, str]]:
        """Path and query of a `next_url`; its host is never asked.

        Raises
        ------
        PageError
            If it leads to another host, or is no address.
        """
        if not isinstance(url, str):
            raise PageError(f"{self.provider}: next_url is no text")
        parts = urlsplit(url)
        home = urlsplit(self._base)
        if parts.netloc not in self._hosts or parts.scheme not in {"https", home.scheme}:
            raise PageError(
                f"{self.provider}: next_url leads to {parts.scheme}://{parts.netloc}, which is "
                "another place; it was not followed"
            )
        if parts.scheme != "https" and parts.netloc != home.netloc:
            raise PageError(f"{self.provider}: next_url drops the encryption; not followed")
        query = {k: v for k, v in parse_qsl(parts[3]) if k.lower() not in SECRETS}
        return parts.path, query

    def _retry_after(self, error: Exception) -> bool | float:
        """Whether to try once more; after how many seconds, if the vendor or the allowance says."""
        if isinstance(error, AccessError) or not isinstance(error, ProviderError):
            return False
        if isinstance(error, RateError):
            wait = error.wait if error.wait is not None else self._allowance.window
            return min(wait, self._manners.total)
        return True

    def _attempt(
        self,
        path: str,
        params: Mapping[str, str],
        check: Callable[[bytes], Any],
        attempt: int,
        absent: bytes | None,
    ) -> bytes:
        """One request, written into the ledger of calls however it ends."""
        left = self._allowance.take(self._manners.total)
        since = time.perf_counter()
        status, size, outcome = 0, 0, "ok"
        try:
            status, headers, body = self._exchange(path, params)
            size = len(body)
            if status == 404 and absent is not None:
                return absent
            raise_for_status(f"{self.provider}: {path}", status, headers, body)
            check(body)
            self.simulated = self.simulated or headers.get("x-technic-sim") == "1"
        except ProviderError as error:
            outcome = type(error).__name__
            raise
        except (httpx2.HTTPError, OSError, TimeoutError) as error:
            outcome = type(error).__name__
            raise ProviderError(
                f"{self.provider}: {path}: no whole answer within {self._manners.deadline:g} s "
                f"({outcome}); what was stored before is kept. Run the same command again"
            ) from error
        else:
            return body
        finally:
            took = 1e3 * (time.perf_counter() - since)
            self._log(VendorCall(self.provider, path, status, size, took, attempt, outcome, left))

    def _exchange(
        self, path: str, params: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str], bytes]:
        with self._guard:
            if self._runner is None:
                self._runner = asyncio.Runner()
                limit = httpx2.Timeout(self._manners.deadline)
                self._client = httpx2.AsyncClient(timeout=limit, headers=self._headers)
            return self._runner.run(self._answer(path, params))

    async def _answer(
        self, path: str, params: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and unpacked body; the clock runs over all of it."""
        assert self._client is not None
        url = self._base + path + ("?" + urlencode(params) if params else "")
        async with asyncio.timeout(self._manners.deadline):
            headers = {"Accept-Encoding": "gzip"}
            async with self._client.stream("GET", url, headers=headers) as response:
                packed = response.headers.get("content-encoding", "identity")
                unpack = unpacker(packed, self.provider)
                body = bytearray()
                async for chunk in response.aiter_raw():
                    body += unpack(chunk)
                    if len(body) > LARGEST:
                        raise PageError(f"{self.provider}: {path}: an answer of over 64 MiB")
                body += unpack(b"")
                return response.status_code, response.headers, bytes(body)


class Client:
    """What clients of vendors over HTTP share: they own an `Http`."""

    def __init__(self, http: Http) -> None:
        self._http = http

    @property
    def http(self) -> Http:
        """The client, to look at answers as they come."""
        return self._http

    def close(self) -> None:
        """End the connections."""
        self._http.close()

    @property
    def simulated(self) -> bool:
        """Whether an answer came from a simulated vendor."""
        return self._http.simulated
