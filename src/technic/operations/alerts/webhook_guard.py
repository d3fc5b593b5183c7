"""Addresses that alerts may be sent to: encrypted, public, and still the same when connected to.

A name is resolved once, every address it has is judged, and the connection goes to the address
that was judged: a name that answers differently a moment later changes nothing. Redirects are
not followed.
"""

from __future__ import annotations

import socket
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

from technic.errors import ConfigError, RefusedError


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect, and as whom to greet.

    Attributes
    ----------
    host, port : as the webhook's address names them
    address : the IP address that was judged, and that is connected to
    """

    host: str
    port: int
    address: str

    @property
    def authority(self) -> str:
        """The address as a URL holds it."""
        shown = f"[{self.address}]" if ":" in self.address else self.address
        return f"{shown}:{self.port}"


def checked_url(url: str) -> str:
    """A webhook's address, if it can be one.

    Raises
    ------
    ConfigError
        If it is not https, or carries a user's name.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigError(f"that is no address: {error}") from error
    if parts.scheme != "https" or not parts.hostname:
        raise ConfigError("a webhook's address begins with https://")
    if parts.username or parts.password:
        raise ConfigError("a webhook's address holds no user name: use the path the service gives")
    if port == 0:
        raise ConfigError("a webhook's port is not 0")
    return url


def target_of(url: str, own_hosts: Collection[str] = ()) -> Target:
    """Where a webhook's address leads, resolved once and judged.

    Parameters
    ----------
    own_hosts : hosts of the user's own network, which may be private

    Raises
    ------
    RefusedError
        If any of its addresses is not a public one.
    OSError
        If the name cannot be resolved.
    """
    parts = urlsplit(checked_url(url))
    host, port = str(parts.hostname), parts.port or 443
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    # All of them must be public, not only the one that is taken: which comes first is not ours to say.
    addresses = list(dict.fromkeys(str(answer[4][0]) for answer in answers))
    if host not in own_hosts:
        for address in addresses:
            if not is_public(address):
                raise RefusedError(
                    f"{host} is an address of a private network ({address}); name the host in "
                    "TECHNIC_WEBHOOK_HOSTS if that is meant"
                )
    return Target(host, port, addresses[0])


def is_public(text: str) -> bool:
    """Whether an address is one of the open internet.

    Examples
    --------
    >>> [is_public(a) for a in ("8.8.8.8", "127.0.0.1", "::ffff:10.0.0.1", "169.254.169.254")]
    [True, False, False, False]
    """
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address.teredo is not None:
            inner = address.teredo[1]
        if inner is not None:
            return is_public(str(inner))
        if text.lower().startswith("64:ff9b:"):  # a translated address leads anywhere
            return False
    return address.is_global and not address.is_multicast
