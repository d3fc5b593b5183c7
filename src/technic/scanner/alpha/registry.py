"""The models of a store: files beside it, a registry in its catalog, one that forecasts.

A model is used only if its digest stands in the registry, in a trial, and in its card, its file has
that digest, and the card is the very one that the store's record of seals names. Which one
forecasts stands there too. Nothing is loaded by a native library: `alpha` reads the files itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from technic.data.store import Store
from technic.data.store.catalog.seals import add_seal, is_sealed
from technic.data.store.catalog.tables import MODELS, TRIALS, naive
from technic.errors import ModelError
from technic.runtime.files import make_folder, write_atomically
from technic.scanner.alpha.card import Card
from technic.scanner.alpha.model import Model, model_of

CHOICE = "model in use"  # the name of the choice in the record of seals
SUFFIX = {"ridge": "json", "xgboost": "ubj"}


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A model and its card."""

    card: Card
    model: Model


def keep_model(store: Store, card: Card, content: bytes, at: datetime) -> None:
    """Write a model and its card beside the store, and let it forecast.

    Its trial must have been recorded before.
    """
    card.check_file(content)
    folder = models_folder(store)
    make_folder(folder)
    store.catalog.seal(f"card/{card.sha256}", card.content())
    write_atomically(folder / f"{card.sha256}.{SUFFIX[card.kind]}", content)
    write_atomically(folder / f"{card.sha256}.card.json", card.content())
    now = naive(at)

    def work(connection: Connection) -> None:
        there = select(MODELS.c.sha256).where(MODELS.c.sha256 == card.sha256)
        if connection.execute(there).first() is None:
            connection.execute(insert(MODELS).values(sha256=card.sha256, at=now, used_at=now))
        _use(connection, card.sha256, now)

    store.catalog.write(work)


def models_folder(store: Store) -> Path:
    """Where the models of a store lie."""
    return store.folder / "models"


def registered(store: Store) -> list[dict[str, Any]]:
    """List all registered models, the one that forecasts first."""
    return store.catalog.rows(select(MODELS).order_by(MODELS.c.used_at.desc(), MODELS.c.at.desc()))


def active_model(store: Store) -> str | None:
    """Return the digest of the model that forecasts; None if there is none.

    Raises
    ------
    ModelError
        If the choice is not the one that was written down last.
    """
    columns = select(MODELS.c.sha256, MODELS.c.used_at)
    query = columns.order_by(MODELS.c.used_at.desc(), MODELS.c.at.desc()).limit(1)

    def work(connection: Connection) -> str | None:
        row = connection.execute(query).first()
        if row is None:
            return None
        if not is_sealed(connection, CHOICE, _choice(row.sha256, row.used_at), newest=True):
            raise ModelError(
                f"model {row.sha256[:12]}: which model forecasts was changed in the catalog, not by "
                f"technic; choose one: technic model {row.sha256[:12]} --use"
            )
        return str(row.sha256)

    return store.catalog.read(work)


def find_model(store: Store, start: str) -> str:
    """Find the digest of a registered model by its first characters.

    Raises
    ------
    ModelError
        If there is none, or more than one.
    """
    digests = [row["sha256"] for row in registered(store) if row["sha256"].startswith(start)]
    if len(digests) != 1 or not start:
        raise ModelError(
            f"model {start}: {'no such model' if not digests else 'more than one begins so'}; "
            "technic models lists them"
        )
    return str(digests[0])


def use_model(store: Store, digest: str, at: datetime) -> None:
    """Let a registered model forecast from now on.

    Parameters
    ----------
    store : with the registry
    digest : of the model
    at : now, with its zone

    Raises
    ------
    ModelError
        If it is not registered, or anything about it is missing.
    """
    load_model(store, digest)
    store.catalog.write(lambda connection: _use(connection, digest, naive(at)))


def _use(connection: Connection, digest: str, now: datetime) -> None:
    """Let a model forecast, after all others: a clock that was once ahead hides no choice."""
    others = select(func.max(MODELS.c.used_at)).where(MODELS.c.sha256 != digest)
    newest: datetime | None = connection.execute(others).scalar()
    at = now if newest is None else max(now, newest + timedelta(microseconds=1))
    connection.execute(update(MODELS).where(MODELS.c.sha256 == digest).values(used_at=at))
    add_seal(connection, CHOICE, _choice(digest, at))


def _choice(digest: str, at: datetime) -> bytes:
    return f"{digest} {at.isoformat()}".encode()


def card_of(store: Store, digest: str) -> Card:
    """Read the card of a registered model.

    Raises
    ------
    ModelError
        If it is not registered, has no card, or the card was changed since it was written.
    """
    path = models_folder(store) / f"{digest}.card.json"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"model {digest[:12]}: there is no card, and without one no model is used"
        ) from error
    if not store.catalog.is_sealed(f"card/{digest}", content):
        raise ModelError(
            f"model {digest[:12]}: {path}: is not the card that training wrote, and nothing it says "
            "is believed; train again, or restore it from a backup"
        )
    card = Card.of(content)
    if card.sha256 != digest:
        raise ModelError(f"model {digest[:12]}: the card speaks of another model")
    return card


def load_model(store: Store, digest: str) -> RegisteredModel:
    """Load a registered model, with everything about it checked.

    Raises
    ------
    ModelError
        If its registration, its trial, its card or its file is missing or another.
    """
    if not any(row["sha256"] == digest for row in registered(store)):
        raise ModelError(f"model {digest[:12]}: it is not in the registry of this store")
    tried = select(TRIALS.c.id).where(TRIALS.c.model == digest).limit(1)
    if store.catalog.read(lambda connection: connection.execute(tried).first()) is None:
        raise ModelError(f"model {digest[:12]}: no trial tells how it came about")
    card = card_of(store, digest)
    path = models_folder(store) / f"{digest}.{SUFFIX.get(card.kind, 'json')}"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"model {digest[:12]}: its file cannot be read: {path.name}") from error
    card.check_file(content)
    return RegisteredModel(card, _read(card.kind, content, card.features))


@lru_cache(maxsize=4)
def _read(kind: str, content: bytes, features: tuple[str, ...]) -> Model:
    model = model_of(kind, content)
    if model.features != features:
        raise ModelError("the model and its card do not name the same features in the same order")
    return model
