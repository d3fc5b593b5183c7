"""Days and instants, as files write them: one meaning in every format, or none.

1. A day is a session's day in New York; a stamp at midnight, of UTC or as it is written, means
   that day. Stamps that all stand at midnight, of UTC or of New York, are days and no instants.
2. A night is a night: what became known on a day alone is known after that day is over.
3. `03/02/2023` is two days. It is read if the column decides (a part above 12), or the user says.
4. Whole numbers are read by their size: 20240112, or seconds to nanoseconds since 1970, or days
   of a spreadsheet. A column is of one kind.
5. Spreadsheets count days from 1900, some from 1904: which, their weekends say.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

import polars as pl

from technic.data.formats.date_text import NEW_YORK, ORDERS, split_text
from technic.data.formats.numbers import NOTHING
from technic.errors import SchemaError
from technic.market.nulls import emptied
from technic.market.schema import INSTANT

UNITS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}  # in nanoseconds
MOSTLY = 0.5  # of the texts of a column are whole numbers: then the others are not read
SPAN = (date(1800, 1, 1), date(2200, 1, 1))
# A whole number between 1970 and 2100 is of one unit alone.
SPANS = {
    "serial": (18_000, 80_000),
    "yyyymmdd": (19_000_101, 21_001_231),
    "s": (100_000_000, 4_200_000_000),
    "ms": (100_000_000_000, 4_200_000_000_000),
    "us": (100_000_000_000_000, 4_200_000_000_000_000),
    "ns": (100_000_000_000_000_000, 4_200_000_000_000_000_000),
}
SAID = {
    # Since 1899-12-30: they think 1900 a leap year.
    "serial": "days of a spreadsheet, counted from 1900",
    "yyyymmdd": "YYYYMMDD",
    "s": "seconds since 1970",
    "ms": "milliseconds since 1970",
    "us": "microseconds since 1970",
    "ns": "nanoseconds since 1970",
}

SERIAL_1904 = "days of a spreadsheet, counted from 1904"
LATER = 1_462  # days from the one beginning to the other
FEW_DAYS = 4  # below it a weekend may be a slip
FRIDAY = 5


@dataclass(frozen=True, slots=True)
class Stamps:
    """A column of stamps, and how it was read.

    Attributes
    ----------
    values : Date of `as_days`, Datetime in UTC of `as_instants`; null where empty or unreadable
    how : what the column was taken for, in words
    unreadable : how many cells hold something that was not read
    example : one of them, as it stands in the file; None if there is none
    lost : whether each cell is one of them; None if there is none
    """

    values: pl.Series
    how: str
    unreadable: int = 0
    example: str | None = None
    lost: pl.Series | None = None


@dataclass(frozen=True, slots=True)
class _Parts:
    """Stamps taken apart: the `day` that is meant, and `at` (Datetime in UTC) where it is an instant.

    A column whose stamps are all midnights has no `at`: they are days.
    """

    day: pl.Series
    at: pl.Series
    how: str


def as_days(cells: pl.Series, order: str | None = None) -> Stamps:
    """Read a column as days of New York.

    Parameters
    ----------
    cells : dates, datetimes, whole numbers or text
    order : of day and month between slashes, "dmy" or "mdy"; None to let the column decide

    Raises
    ------
    SchemaError
        If the column can be read in two ways, or mixes two; the message names both.
    """
    cells = _plain(cells)
    parts = _parts(cells, order)
    return _stamps(cells, parts.day, parts.how)


def as_instants(cells: pl.Series, order: str | None = None) -> Stamps:
    """Read a column as the instants at which something became known.

    A day alone is its last second in New York; a time without a zone is one of New York.

    Parameters
    ----------
    cells, order : as in `as_days`

    Raises
    ------
    SchemaError
        If the column can be read in two ways, or mixes two; the message names both.
    """
    cells = _plain(cells)
    parts = _parts(cells, order)
    nights = night_of(parts.day)
    return _stamps(cells, nights.zip_with(parts.at.is_null(), parts.at), parts.how)


def counts_from_1904(stamps: Stamps) -> bool:
    """Whether days of a spreadsheet on which something went on are such only if counted from 1904.

    The two beginnings are one weekday apart, so that Fridays of the one are Saturdays of the
    other.

    Parameters
    ----------
    stamps : of sessions, or of nights on which companies filed
    """
    if stamps.how != SAID["serial"]:
        return False
    days = _days_of(stamps).drop_nulls().unique()
    later = days.dt.offset_by(f"{LATER}d")
    return (
        len(days) >= FEW_DAYS
        and bool((days.dt.weekday() > FRIDAY).any())
        and not bool((later.dt.weekday() > FRIDAY).any())
        and bool((later <= datetime.now(UTC).date()).all())
    )


def from_1904(stamps: Stamps) -> Stamps:
    """Days of a spreadsheet that were counted from 1900, counted from 1904; others as they are."""
    if stamps.how != SAID["serial"]:
        return stamps
    days = _days_of(stamps).dt.offset_by(f"{LATER}d")
    values = days if stamps.values.dtype == pl.Date else night_of(days)
    return replace(stamps, values=values.alias(stamps.values.name), how=SERIAL_1904)


def _days_of(stamps: Stamps) -> pl.Series:
    """The days of stamps that are days, or their nights."""
    values = stamps.values
    return values if values.dtype == pl.Date else values.dt.convert_time_zone(NEW_YORK).dt.date()


def night_of(days: pl.Series) -> pl.Series:
    """The last second of each day in New York, as Datetime in UTC."""
    ends = days.cast(pl.Datetime("us")).dt.offset_by("1d").dt.offset_by("-1s")
    local = ends.dt.replace_time_zone(NEW_YORK, ambiguous="latest", non_existent="null")
    return local.dt.convert_time_zone("UTC").cast(INSTANT)


def _plain(cells: pl.Series) -> pl.Series:
    """Text that is stored as a dictionary is text."""
    return cells.cast(pl.String) if cells.dtype in (pl.Categorical, pl.Enum) else cells


def _parts(cells: pl.Series, order: str | None) -> _Parts:
    """Each different stamp once, then each cell."""
    if order is not None and order not in ORDERS:
        raise SchemaError(f"dates are {' or '.join(ORDERS)}; got {order!r}")
    if cells.dtype == pl.Date and bool(cells.is_between(*SPAN).all()):
        return _only_days(cells, "days")
    different = cells.unique()
    told = _told(different, order)
    table = pl.DataFrame({"cell": different, "day": told.day, "at": told.at}).with_columns(
        # What lies beyond is no day of any market, and more than calendars can hold.
        pl.when(pl.col("day").is_between(*SPAN)).then(pl.col("day", "at"))
    )
    joined = cells.to_frame("cell").join(
        table, on="cell", how="left", maintain_order="left", nulls_equal=True
    )
    return _Parts(joined["day"], joined["at"], told.how)


def _told(different: pl.Series, order: str | None) -> _Parts:
    dtype = different.dtype
    if dtype == pl.Date:
        return _only_days(different, "days")
    if isinstance(dtype, pl.Datetime):
        return _of_datetimes(different)
    if dtype.is_integer() or dtype.is_float():
        return _of_numbers(different)
    if dtype == pl.String:
        text = different.str.strip_chars()
        text = emptied(text, text.str.to_lowercase().is_in(list(NOTHING)))
        numbers = text.drop_nulls().str.contains(r"^\d+(\.0+)?$")
        if len(numbers) and float(numbers.mean()) > MOSTLY:  # type: ignore[arg-type]
            whole = text.cast(pl.Float64, strict=False)
            return _of_numbers(whole.cast(pl.Int64, strict=False))
        return _of_text(text, order)
    return _only_days(pl.Series([None] * len(different), dtype=pl.Date), "no dates")


def _of_datetimes(stamps: pl.Series) -> _Parts:
    zone = getattr(stamps.dtype, "time_zone", None)
    if zone is None:
        local = stamps.dt.replace_time_zone(NEW_YORK, ambiguous="earliest", non_existent="null")
        return _days_or_instants(local.dt.convert_time_zone("UTC").cast(INSTANT), stamps.dt.date())
    if stamps.drop_nulls().len() and bool(_midnights(stamps).all()):
        place = zone.rsplit("/", 1)[-1].replace("_", " ")
        return _only_days(stamps.dt.date(), f"days, stamped at midnight of {place}")
    return _days_or_instants(stamps.dt.convert_time_zone("UTC").cast(INSTANT), None)


def _days_or_instants(at: pl.Series, naive: pl.Series | None, how: str = "instants") -> _Parts:
    """Stamps that all stand at midnight are days.

    Parameters
    ----------
    at : Datetime in UTC
    naive : the days that stand there, where no zone does: then a midnight is never an instant
    """
    local = at.dt.convert_time_zone(NEW_YORK)
    at_new_york = _midnights(local)
    if naive is not None:
        return _Parts(naive, _without(at, at_new_york), how if not at_new_york.all() else "days")
    for zone, day, midnight in (
        ("UTC", at.dt.date(), _midnights(at)),
        ("New York", local.dt.date(), at_new_york),
    ):
        if at.drop_nulls().len() and bool(midnight.all()):
            return _only_days(day, f"days, stamped at midnight of {zone}")
    meant = at.dt.date().zip_with(_midnights(at).fill_null(value=False), local.dt.date())
    return _Parts(meant, at, how)


def _midnights(stamps: pl.Series) -> pl.Series:
    """Whether each stamp stands at midnight of its zone; null where there is none."""
    return stamps.dt.time().cast(pl.Int64) == 0


def _without(at: pl.Series, gone: pl.Series) -> pl.Series:
    return at.zip_with(~gone.fill_null(value=True), pl.Series([None], dtype=at.dtype))


def _of_numbers(numbers: pl.Series) -> _Parts:
    """Whole numbers, all of one unit; those that are of another are not read."""
    whole = numbers.cast(pl.Int64, strict=False)
    counts = {unit: int(whole.is_between(low, high).sum()) for unit, (low, high) in SPANS.items()}
    seen = [unit for unit, count in counts.items() if count]
    if len(seen) > 1:
        both = " and ".join(SAID[unit] for unit in seen[:2])
        raise SchemaError(f"dates: some whole numbers are {both}; one column has one kind")
    if not seen:
        return _only_days(pl.Series([None] * len(whole), dtype=pl.Date), "no dates")
    unit = seen[0]
    low, high = SPANS[unit]
    whole = emptied(whole, ~whole.is_between(low, high))
    if unit == "serial":
        days = (whole - 25_569).cast(pl.Int32).cast(pl.Date)  # 1970-01-01 is 25569
        return _only_days(days, SAID[unit])
    if unit == "yyyymmdd":
        days = whole.cast(pl.String).str.to_date("%Y%m%d", strict=False)
        return _only_days(days, SAID[unit])
    micro = whole * UNITS[unit] // 1_000 if unit != "ns" else whole // 1_000
    parts = _days_or_instants(micro.cast(pl.Datetime("us")).dt.replace_time_zone("UTC"), None)
    return _Parts(parts.day, parts.at, f"{parts.how}; {SAID[unit]}")


def _of_text(text: pl.Series, order: str | None) -> _Parts:
    """Text of days, with a time behind them or none; what is neither is not read."""
    stamps, how = split_text(text, order)
    zoned = stamps["zoned"]
    if zoned.null_count() == len(zoned):
        return _Parts(stamps["day"], stamps["at"], how)
    whole = _days_or_instants(zoned, None)
    if bool(stamps["written"].filter(zoned.is_not_null()).all()):
        return _only_days(stamps["day"], "days, stamped at midnight")
    as_written = zoned.is_null() | stamps["written"]
    days = stamps["day"].zip_with(as_written, whole.day)
    return _Parts(days, stamps["at"].zip_with(zoned.is_null(), whole.at), whole.how)


def _only_days(days: pl.Series, how: str) -> _Parts:
    return _Parts(days, pl.Series([None] * len(days), dtype=INSTANT), how)


def _stamps(cells: pl.Series, values: pl.Series, how: str) -> Stamps:
    """With how many cells hold something that was not read."""
    lost = values.is_null() & cells.is_not_null()
    if cells.dtype == pl.String:
        lost = lost & ~cells.str.strip_chars().str.to_lowercase().is_in(list(NOTHING))
    bad, values = cells.filter(lost), values.alias(cells.name)
    return Stamps(values, how, len(bad), _first_of(bad), lost) if len(bad) else Stamps(values, how)


def _first_of(cells: pl.Series) -> str:
    """The first cell as text; of a day that no calendar has the number that it is stored as."""
    stored = cells.to_physical() if cells.dtype.is_temporal() else cells
    return str(stored[0])[:40]
