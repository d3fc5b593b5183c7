"""Where a request comes from, for whoever counts: a proxy is believed only if the settings name it."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.types import Scope

from technic.errors import ConfigError

Networks = tuple[IPv4Network | IPv6Network, ...]
HOUSE = 64  # bits of an IPv6 address that one customer is given


def proxies_of(text: str) -> Networks:
    """The proxies that a setting names.

    Parameters
    ----------
    text : addresses or networks with commas between; none and nothing name nobody

    Raises
    ------
    ConfigError
        If a part is neither.

    Examples
    --------
    >>> proxies_of("10.0.0.1, 192.168.0.0/16")
    (IPv4Network('10.0.0.1/32'), IPv4Network('192.168.0.0/16'))
    """
    parts = [part.strip() for part in text.split(",")]
    try:
        return tuple(ip_network(part) for part in parts if part not in {"", "none"})
    except ValueError as error:
        raise ConfigError(f"proxies: {error}; write addresses or networks, as 10.0.0.1") from error


def address_of(scope: Scope, proxies: Networks) -> str:
    """The address that a request is counted under; empty where there is none.

    `X-Forwarded-For` is read from its end, for as long as who speaks is a proxy of ours: what stands
    before was written by anybody. Of IPv6 the part counts that one customer is given.

    Parameters
    ----------
    scope : of the request
    proxies : whose word counts
    """
    client = scope.get("client")
    current = client[0] if client else ""
    for hop in reversed(_forwarded(scope)):
        if not _is_in(current, proxies):
            break
        try:
            ip_address(hop)
        except ValueError:
            break
        current = hop
    return _house(current)


def _forwarded(scope: Scope) -> list[str]:
    lines = [
        value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"
    ]
    return [hop.strip() for line in lines for hop in line.split(",")]


def _is_in(address: str, networks: Networks) -> bool:
    try:
        known = ip_address(address)
    except ValueError:
        return False
    if isinstance(known, IPv6Address) and known.ipv4_mapped is not None:
        known = known.ipv4_mapped
    return any(known in network for network in networks)


def _house(address: str) -> str:
    try:
        known = ip_address(address)
    except ValueError:
        return address[:64]
    if not isinstance(known, IPv6Address):
        return str(known)
    if known.ipv4_mapped is not None:
        return str(known.ipv4_mapped)
    return str(ip_network((int(known), HOUSE), strict=False))
