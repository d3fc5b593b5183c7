"""The tables of a catalog, with the indexes their questions need.

Those of `MIRRORED` say what the Delta tables say, dated so that a past day can be asked for, and
can be made again at any time. Those of `KEPT` live only here, and are in every backup.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
)

METADATA = MetaData()


def _table(name: str, *columns: Column[Any] | Index, **options: Any) -> Table:
    return Table(name, METADATA, *columns, **options)


def _id() -> Column[Any]:
    return Column("security_id", Integer, nullable=False)


SECURITIES = _table(
    "securities",
    Column("security_id", Integer, primary_key=True, autoincrement=False),
    Column("issuer", String),
    Column("cik", String(10)),
    Column("figi", String(12)),
    Index("securities_issuer", "issuer"),
)
TICKERS = _table(
    "tickers",
    _id(),
    Column("symbol", String(24), nullable=False),
    Column("since", Date, nullable=False),
    Column("until", Date),
    Index("tickers_security", "security_id", "since"),
    Index("tickers_symbol", "symbol"),
)
LISTINGS = _table(
    "listings",
    _id(),
    Column("name", String),
    Column("type", String(16)),
    Column("exchange", String(8)),
    Column("since", Date),
    Column("until", Date),
    Column("told", Date, nullable=False),  # the day this was known from
    Column("untold", Date),  # the day something newer was known from; null if nothing is
    Index("listings_security", "security_id", "told"),
)
CLASSIFICATIONS = _table(
    "classifications",
    _id(),
    Column("sector", String(32)),
    Column("industry", String),
    Column("sic", String(8)),
    Column("market_cap", Float),
    Column("told", Date, nullable=False),
    Column("untold", Date),
    Index("classifications_security", "security_id", "told"),
    Index("classifications_sector", "sector", "market_cap"),
)
UNIVERSE = _table(  # one row for every stretch over which nothing about a security changed
    "universe",
    Column("security_id", Integer, nullable=False),
    Column("symbol", String(24), nullable=False),
    Column("name", String),
    Column("type", String(16)),
    Column("exchange", String(8)),
    Column("sector", String(32)),
    Column("market_cap", Float),
    Column("since", Date, nullable=False),
    Column("until", Date),
    Column("told", Date, nullable=False),
    Column("untold", Date, nullable=False),  # the last day of all where nothing newer is known
    Index("universe_sector", "sector", "market_cap"),
    Index("universe_exchange", "exchange", "type"),
)
ACTIONS = _table(
    "actions",
    _id(),
    Column("session", Date, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("value", Float, nullable=False),
    Column("known_at", DateTime, nullable=False),
    Index("actions_security", "security_id", "session"),
    Index("actions_session", "session"),
)
FILINGS = _table(
    "filings",
    _id(),
    Column("accession", String, nullable=False),
    Column("form", String(16)),
    Column("period_end", Date),
    Column("filed", Date),
    Column("first_seen", DateTime, nullable=False),
    Column("facts", Integer, nullable=False),  # numbers in it that were new
    Index("filings_security", "security_id", "filed"),
    Index("filings_filed", "filed"),
)
VOLUMES = _table(
    "volumes",
    Column("session", Date, primary_key=True),
    Column("security_id", Integer, primary_key=True, autoincrement=False),
    Column("volume", Float, nullable=False),  # mean shares of the last 20 bars
    sqlite_with_rowid=False,  # one look-up instead of two
)
MIRROR = _table(
    "mirror",
    Column("name", String(32), primary_key=True),
    Column("version", Integer, nullable=False),  # Delta version of the table; of the store: its own
)
QUARANTINE = _table(
    "quarantine",
    Column("digest", String(32), primary_key=True),
    Column("symbol", String),
    Column("session", Date),
    Column("reason", String(32), nullable=False),
    Column("source", String, nullable=False),
    Column("row", String, nullable=False),
    Column("seen_at", DateTime, nullable=False),
    Index("ix_quarantine_symbol", "symbol"),
    Index("ix_quarantine_reason", "reason"),
)
WATCHLISTS = _table(
    "watchlists",
    Column("name", String(64), primary_key=True),
    Column("symbol", String(24), primary_key=True),
    Column("added_at", DateTime, nullable=False),
)
CALLS = _table(
    "calls",
    Column("id", Integer, primary_key=True),
    Column("at", DateTime, nullable=False),
    Column("provider", String(16), nullable=False),
    Column("endpoint", String, nullable=False),
    Column("status", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("ms", Float, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("outcome", String(32), nullable=False),
    Column("quota_left", Integer),
    Index("ix_calls_at", "at"),
)
RUNS = _table(
    "runs",
    Column("id", Integer, primary_key=True),
    Column("at", DateTime, nullable=False),
    Column("kind", String(16), nullable=False),  # scan, evaluate
    Column("name", String, nullable=False),
    Column("as_of", Date),
    Column("store_version", String(64), nullable=False),
    Column("seal", String(64), nullable=False),
    Column("manifest", String, nullable=False),  # JSON
    Index("runs_at", "at"),
)
ALERTS = _table(
    "alerts",
    Column("id", Integer, primary_key=True),
    Column("key", String(32), nullable=False, unique=True),  # the same change is kept once
    Column("at", DateTime, nullable=False),
    Column("scan", String(64), nullable=False),
    Column("title", String, nullable=False),
    Column("kind", String(16), nullable=False),  # entered, left, crossed
    Column("security_id", Integer, nullable=False),
    Column("symbol", String(24), nullable=False),
    Column("detail", String, nullable=False),
    Column("as_of", Date, nullable=False),
    Column("provisional", Boolean, nullable=False),
    Index("alerts_at", "at"),
)
DELIVERIES = _table(
    "deliveries",
    Column("alert_id", Integer, primary_key=True, autoincrement=False),
    Column("channel", String(64), primary_key=True),
    Column("state", String(16), nullable=False),  # waiting, delivered, given_up
    Column("attempts", Integer, nullable=False),
    Column("not_before", DateTime, nullable=False),
    Column("at", DateTime),
    Column("note", String, nullable=False),
    Index("deliveries_state", "state", "not_before"),
)
ALERT_MEMORIES = _table(
    "alert_memories",
    Column("scan", String(64), primary_key=True),
    Column("question", String(64), nullable=False),  # digest: another question starts anew
    Column("memory", String, nullable=False),  # JSON
    Column("evaluations", Integer, nullable=False),
)
API_KEYS = _table(
    "api_keys",
    Column("id", Integer, primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("digest", String(64), nullable=False),  # SHA-256 of the key, which nobody keeps
    Column("scopes", String, nullable=False),
    Column("created", DateTime, nullable=False),
    Column("expires", DateTime),
    Column("revoked", DateTime),
)
MEASURES = _table(
    "measures",
    Column("at", DateTime, primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("value", Float, nullable=False),
)
TRIALS = _table(  # rows are added, never changed: each names the one before
    "trials",
    Column("id", Integer, primary_key=True),
    Column("at", DateTime, nullable=False),
    Column("kind", String(16), nullable=False),  # train, vault, backtest
    Column("digest", String(64), nullable=False),  # of what was tried: the same is one trial
    Column("name", String, nullable=False),
    Column("store_version", String(64), nullable=False),
    Column("model", String(64)),  # SHA-256 of what was learned
    Column("content", String, nullable=False),  # JSON: what was asked, and what was found
    Column("chain", String(64), nullable=False, unique=True),  # digest of the row and of all before
    Index("trials_kind", "kind", "digest"),
    Index("trials_model", "model"),
)
MODELS = _table(
    "models",
    Column("sha256", String(64), primary_key=True),
    Column("at", DateTime, nullable=False),
    Column("used_at", DateTime, nullable=False),  # the newest is the one that forecasts
)
SEALS = _table(  # rows are added, never changed: each names the one before
    "seals",
    Column("id", Integer, primary_key=True),
    Column("what", String(96), nullable=False),  # card/SHA-256, run/number, evidence
    Column("digest", String(64), nullable=False),  # SHA-256 of what was written down
    Column("chain", String(64), nullable=False, unique=True),  # digest of the row and of all before
    Index("seals_what", "what"),
)
MIRRORED = (
    SECURITIES,
    TICKERS,
    LISTINGS,
    CLASSIFICATIONS,
    UNIVERSE,
    ACTIONS,
    FILINGS,
    VOLUMES,
    MIRROR,
)
KEPT = (
    QUARANTINE,
    WATCHLISTS,
    CALLS,
    RUNS,
    ALERTS,
    DELIVERIES,
    ALERT_MEMORIES,
    API_KEYS,
    MEASURES,
    TRIALS,
    MODELS,
    SEALS,
)


def naive(instant: datetime) -> datetime:
    """An instant as both databases keep it: UTC, without saying so."""
    return instant.astimezone(UTC).replace(tzinfo=None)


def without_nul(text: str) -> str:
    """Text that PostgreSQL can hold: it knows no NUL."""
    return text.replace("\0", "\ufffd")
