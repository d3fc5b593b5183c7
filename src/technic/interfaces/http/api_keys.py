"""Keys of the HTTP API: made, shown once, kept and looked up as digests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any

from sqlalchemy import insert, select, update

from technic.data.store.catalog import Catalog
from technic.data.store.catalog.tables import API_KEYS, naive
from technic.errors import ConfigError
from technic.runtime.settings import NAME

SCOPES = ("read", "scan", "admin")  # each may do what those before it may
BYTES = 32
PREFIX = "tk_"


@dataclass(frozen=True, slots=True)
class Key:
    """A key of the HTTP API, without its secret: who holds it and what it may do.

    Attributes
    ----------
    id : number in the catalog
    scope : read, scan or admin; each may do what those before it may
    created, expires, revoked : instants, UTC; None for never
    """

    id: int
    name: str
    scope: str
    created: datetime
    expires: datetime | None
    revoked: datetime | None

    def may(self, scope: str) -> bool:
        """Whether it may do what a scope names."""
        return SCOPES.index(self.scope) >= SCOPES.index(scope)

    def is_good(self, now: datetime) -> bool:
        """Whether it opens anything at an instant."""
        return self.revoked is None and (self.expires is None or now < self.expires)


LOCAL = Key(0, "local", "admin", datetime(1970, 1, 1, tzinfo=UTC), None, None)  # of this machine


def create_key(catalog: Catalog, name: str, scope: str, days: int | None, now: datetime) -> str:
    """Make a key; returned once, and kept by nobody.

    Raises
    ------
    ConfigError
        If the name is taken or none, or there is no such scope.
    """
    if not NAME.fullmatch(name):
        raise ConfigError(f"{name!r}: a name is made of small letters, digits, - and _")
    if scope not in SCOPES:
        raise ConfigError(f"{scope}: there are {', '.join(SCOPES)}")
    if any(key.name == name for key in keys_of(catalog)):
        raise ConfigError(f"{name}: there is a key of that name, perhaps a revoked one")
    secret = PREFIX + token_urlsafe(BYTES)
    expires = None if days is None else naive(now + timedelta(days=days))
    values: dict[str, Any] = {
        "name": name,
        "digest": digest_of(secret),
        "scopes": scope,
        "created": naive(now),
        "expires": expires,
    }
    catalog.write(lambda connection: connection.execute(insert(API_KEYS).values(**values)))
    return secret


def keys_of(catalog: Catalog) -> list[Key]:
    """Every key that was ever made, oldest first."""
    return [_key(row) for row in catalog.rows(select(API_KEYS).order_by(API_KEYS.c.id))]


def revoke_key(catalog: Catalog, name: str, now: datetime) -> bool:
    """Make a key open nothing any more; whether there was one that did."""
    statement = (
        update(API_KEYS)
        .where(API_KEYS.c.name == name, API_KEYS.c.revoked.is_(None))
        .values(revoked=naive(now))
    )
    return bool(catalog.write(lambda connection: connection.execute(statement)).rowcount)


def digests_of(catalog: Catalog) -> dict[str, Key]:
    """Every key that was ever made, by the digest of its secret."""
    return {str(row["digest"]): _key(row) for row in catalog.rows(select(API_KEYS))}


def digest_of(text: str) -> str:
    """What is kept of a key."""
    return sha256(text.encode()).hexdigest()


def _key(row: dict[str, Any]) -> Key:
    created, expires, revoked = (
        None if row[name] is None else row[name].replace(tzinfo=UTC)
        for name in ("created", "expires", "revoked")
    )
    return Key(int(row["id"]), row["name"], row["scopes"], created, expires, revoked)  # type: ignore[arg-type]
