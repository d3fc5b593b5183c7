"""Text of days: every spelling that is certain, with a time and a zone behind it or without.

A two-digit year is never read, and a day between slashes only where its order is known.
"""

from __future__ import annotations

import calendar

import polars as pl

from technic.errors import SchemaError
from technic.market.schema import INSTANT

NEW_YORK = "America/New_York"
ORDERS = ("dmy", "mdy")
# Text of a day, with what may follow it: a time, and perhaps a zone.
ISO = r"^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(.*)$"
BASIC = r"^(\d{4})(\d{2})(\d{2})([T ].*)?$"
SLASHES = r"^(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})(.*)$"
NAMED = r"^(\d{1,2})[-/ ]([A-Za-z]{3,9})\.?[-/ ,]+(\d{4})(.*)$"
NAMED_US = r"^([A-Za-z]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})(.*)$"
PATTERNS = {"iso": ISO, "basic": BASIC, "slashes": SLASHES, "named": NAMED, "named_us": NAMED_US}
TIME = r"^[T ]?\s*(\d{1,2}):(\d{2})(?::(\d{2})(\.\d+)?)?\s*([AaPp][Mm])?\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})?$"
MONTHS = {
    name.lower(): k % 12 + 1
    for k, name in enumerate((*calendar.month_abbr[1:], *calendar.month_name[1:]))
} | {"sept": 9}


def split_text(text: pl.Series, order: str | None) -> tuple[pl.DataFrame, str]:
    """Take stamps apart.

    Parameters
    ----------
    text : without blanks around it
    order : of day and month between slashes; None to let the column decide

    Returns
    -------
    stamps : DataFrame
        `day`, as it is written; `zoned`, the instant in UTC where a zone is told; `at`, the
        instant in UTC of every stamp with a time, in New York's where no zone is told, and null
        at its midnight. All null where the text is no stamp. `written`: whether it is written as
        midnight.
    how : str
        In words.

    Raises
    ------
    SchemaError
        If days between slashes can be read in two ways.
    """
    table = pl.DataFrame({"text": text}).with_columns(_split_day())
    table, how = _ordered(table, order)
    table = table.with_columns(_day_of("y", "m", "d"), *_time_of(pl.col("rest")))
    known = pl.col("day").is_not_null() & (pl.col("clock").is_not_null() | (pl.col("rest") == ""))
    table = table.with_columns(
        day=pl.when(known).then("day"),
        local=pl.when(known).then(pl.col("day").cast(pl.Datetime("us")) + pl.col("clock")),
    )
    zoned = (pl.col("local") - pl.col("offset")).dt.replace_time_zone("UTC")
    here = pl.col("local").dt.replace_time_zone(NEW_YORK, ambiguous="earliest", non_existent="null")
    here = pl.when(pl.col("clock") > pl.duration()).then(here).dt.convert_time_zone("UTC")
    columns = {"zoned": zoned.cast(INSTANT), "at": pl.coalesce(zoned, here).cast(INSTANT)}
    written = (pl.col("clock") == pl.duration()).fill_null(value=False)
    return table.select("day", **columns, written=written), how


def _split_day() -> list[pl.Expr]:
    """The parts of a day in text: `y`, `m`, `d`, `rest`; `a` and `b` where slashes leave it open."""
    text = pl.col("text")
    found = {name: text.str.extract_groups(pattern) for name, pattern in PATTERNS.items()}

    def first(*places: tuple[str, int]) -> pl.Expr:
        return pl.coalesce(found[name].struct.field(str(k)) for name, k in places)

    month = first(("named", 2), ("named_us", 1)).str.to_lowercase()
    named = month.replace_strict(MONTHS, default=None, return_dtype=pl.Int32)
    numeric = first(("iso", 2), ("basic", 2)).cast(pl.Int32, strict=False)
    rest = first(("iso", 4), ("basic", 4), ("named", 4), ("named_us", 4), ("slashes", 4))
    years = (("iso", 1), ("basic", 1), ("named", 3), ("named_us", 3), ("slashes", 3))
    return [
        first(*years).cast(pl.Int32, strict=False).alias("y"),
        pl.coalesce(numeric, named).alias("m"),
        first(("iso", 3), ("basic", 3), ("named", 1), ("named_us", 2)).cast(pl.Int32).alias("d"),
        rest.fill_null("").str.strip_chars().alias("rest"),
        found["slashes"].struct.field("1").cast(pl.Int32).alias("a"),
        found["slashes"].struct.field("2").cast(pl.Int32).alias("b"),
    ]


def _ordered(table: pl.DataFrame, order: str | None) -> tuple[pl.DataFrame, str]:
    """The table with the days of slashes in `m` and `d`, and how the column was read."""
    open_days = table.filter(pl.col("a").is_not_null() & pl.col("m").is_null())
    if open_days.is_empty():
        return table, "days" if not bool((table["rest"] != "").any()) else "instants"
    # Only a date that there is decides: 45/01/2024 is a slip, and no order.
    a, b = open_days["a"], open_days["b"]
    firsts, seconds = a.is_between(13, 31) & b.is_between(1, 12), b.is_between(13, 31) & a.is_between(1, 12)  # fmt: skip
    first, second = bool(firsts.any()), bool(seconds.any())
    shown = open_days.filter(firsts | seconds)
    example = (shown if shown.height else open_days)["text"][0]
    if first and second:
        raise SchemaError(
            f"dates such as {example!r}: some begin with the day, others with the month"
        )
    decided = {(True, False): "dmy", (False, True): "mdy"}.get((first, second))
    if order is not None and decided is not None and order != decided:
        raise SchemaError(
            f"dates such as {example!r} are {decided}, not {order}: a part is above 12"
        )
    chosen = order or decided
    if chosen is None:
        raise SchemaError(
            f"dates such as {example!r} are two days: say which with --dates mdy or --dates dmy"
        )
    day, month = ("a", "b") if chosen == "dmy" else ("b", "a")
    spelt = {"dmy": "day/month/year", "mdy": "month/day/year"}[chosen]
    if open_days.height < table["y"].count():
        spelt = f"days, some of them {spelt}"
    return table.with_columns(m=pl.coalesce("m", month), d=pl.coalesce("d", day)), spelt


def _day_of(year: str, month: str, day: str) -> pl.Expr:
    """A date; null for days that no calendar has."""
    padded = [pl.col(name).cast(pl.String).str.zfill(2) for name in (month, day)]
    text = pl.concat_str(pl.col(year).cast(pl.String).str.zfill(4), *padded)
    return text.str.to_date("%Y%m%d", strict=False).alias("day")


def _time_of(rest: pl.Expr) -> list[pl.Expr]:
    """`clock`, the time of day, and `offset` from UTC where a zone is told; both Duration."""
    group = rest.str.extract_groups(TIME)
    hour, minute, second = (
        group.struct.field(str(k)).cast(pl.Int32, strict=False).fill_null(0) for k in (1, 2, 3)
    )
    fraction = group.struct.field("4").cast(pl.Float64, strict=False).fill_null(0.0)
    half = group.struct.field("5").str.to_lowercase()
    hour = (
        pl.when((half == "pm") & (hour < 12))
        .then(hour + 12)
        .when((half == "am") & (hour == 12))
        .then(0)
        .otherwise(hour)
    )
    sane = (hour < 24) & (minute < 60) & (second < 61) & group.struct.field("1").is_not_null()
    zone = group.struct.field("6")
    digits = zone.str.replace_all(r"[^0-9]", "").str.pad_end(4, "0")
    minutes = (
        digits.str.slice(0, 2).cast(pl.Int32, strict=False) * 60
        + digits.str.slice(2, 2).cast(pl.Int32, strict=False)
    ) * pl.when(zone.str.starts_with("-")).then(-1).otherwise(1)
    utc = zone.is_in(["Z", "UTC", "GMT"])
    micro = (second.cast(pl.Float64) + fraction) * 1e6
    return [
        pl.when(sane)
        .then(pl.duration(hours=hour, minutes=minute, microseconds=micro.cast(pl.Int64)))
        .alias("clock"),
        pl.when(utc).then(pl.duration()).otherwise(pl.duration(minutes=minutes)).alias("offset"),
    ]
