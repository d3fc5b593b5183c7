"""The SEC's financial statement data sets: the numbers of all filings of a quarter, as tables.

`sub.txt` has a row per filing, `num.txt` one per number; both are separated by tabs. Numbers are
read in blocks, and only those that technic reads are kept. What is of a part of the company (a
segment, a co-registrant) is not the company's number.

References
----------
https://www.sec.gov/data-research/sec-markets-data/financial-statement-data-sets
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import IO

import polars as pl

from technic.data.formats.panics import panics_as_errors
from technic.data.formats.sec_facts import ENTRIES, TAGS, SecFacts, facts_of
from technic.errors import SchemaError, first_line
from technic.market.filing_spans import end_of_month, month_of_end

SUBMISSIONS = ("adsh", "cik", "form", "period", "fye", "fp", "filed")
NUMBERS = ("adsh", "tag", "version", "ddate", "qtrs", "uom", "value")
PARTS = ("segments", "coreg")  # what a number is of, where it is not of the whole company
BLOCK = 1 << 24  # bytes read at once
STANDARD = ("us-gaap", "dei", "ifrs")  # taxonomies; a company's own tags mean what it likes
Opened = Callable[[], AbstractContextManager[IO[bytes]]]


def read_dataset(submissions: Opened, numbers: Opened, what: str) -> SecFacts:
    """Facts of a data set.

    Parameters
    ----------
    submissions, numbers : open `sub.txt` and `num.txt`
    what : the data set is called, in messages

    Raises
    ------
    SchemaError
        If a column is missing, or they cannot be read.
    """
    filings = _submissions(submissions, what)
    left_out: Counter[str] = Counter()
    total, kept = 0, []
    for block in _blocks(numbers, NUMBERS, f"{what}: num.txt"):
        total += block.height
        kept.append(_of_the_company(block, left_out))
    if not kept:
        raise SchemaError(f"{what}: num.txt holds no numbers; nothing was imported")
    table = pl.concat(kept)
    entries = _entries(table, filings)
    left_out["of filings that sub.txt lacks"] = table.height - entries.height
    found = facts_of(entries)
    reasons = {why: n for why, n in left_out.items() if n}
    return SecFacts(found.table, reasons | found.left_out, total, filings["cik"].n_unique())


def _submissions(opened: Opened, what: str) -> pl.DataFrame:
    """The filings: `adsh`, `cik` in ten digits, `form`, `fp`, `filed`, `third` and `strays`.

    `third` is the month in which fiscal quarters end, of three; `strays` says whether this one
    did not: its quarters are of 12 and 16 weeks.
    """
    table = pl.concat(list(_blocks(opened, SUBMISSIONS, f"{what}: sub.txt")))
    month = pl.col("fye").str.slice(0, 2).cast(pl.Int32, strict=False)
    day = pl.col("fye").str.slice(2, 2).cast(pl.Int32, strict=False)
    early = (day <= 16).cast(pl.Int32)  # of a month: belongs to the month before
    period = month_of_end(pl.col("period").str.to_date("%Y%m%d", strict=False))
    return (
        table.with_columns(
            cik=pl.col("cik").str.strip_chars().str.zfill(10),
            filed=pl.col("filed").str.to_date("%Y%m%d", strict=False),
            third=(month + 11 - early) % 3,
        )
        .with_columns(strays=(period % 3 != pl.col("third")).fill_null(value=False))
        .select("adsh", "cik", "form", "fp", "filed", "third", "strays")
        .unique("adsh", keep="first", maintain_order=True)
    )


def _of_the_company(block: pl.DataFrame, left_out: Counter[str]) -> pl.DataFrame:
    """The numbers of tags that technic reads, of whole companies; the others are counted."""
    standard = pl.col("version").str.contains("^(" + "|".join(STANDARD) + ")")
    read = pl.col("tag").is_in(TAGS["tag"].implode()) & standard
    ours = block.filter(read.fill_null(value=False))
    left_out["of tags that are not read"] += block.height - ours.height
    parts = [name for name in PARTS if name in block.columns]
    whole = ours.filter(pl.all_horizontal(pl.col(parts).fill_null("").str.strip_chars() == ""))
    left_out["of a part of a company"] += ours.height - whole.height
    return whole.drop(parts)


def _entries(numbers: pl.DataFrame, filings: pl.DataFrame) -> pl.DataFrame:
    """The numbers as `ENTRIES`, with what their filings say."""
    quarters = pl.col("qtrs").cast(pl.Int8, strict=False)
    joined = numbers.join(filings, on="adsh", maintain_order="left").with_columns(
        end=pl.col("ddate").str.to_date("%Y%m%d", strict=False),
        months=pl.when(quarters.is_between(0, 4)).then(3 * quarters),
    )
    month = month_of_end(pl.col("end"))
    off = (pl.col("third") - month) % 3  # 1: a month too early, 2: a month too late
    shift = pl.when(off == 2).then(-1).otherwise(off)
    return joined.select(
        cik="cik",
        accession="adsh",
        form="form",
        fp="fp",
        filed="filed",
        tag="tag",
        unit="uom",
        end="end",
        months="months",
        calendar_end=pl.when(pl.col("strays") & (off != 0)).then(end_of_month(month + shift)),
        value=pl.col("value").cast(pl.Float64, strict=False),
    ).cast(ENTRIES)  # type: ignore[arg-type]


def _blocks(opened: Opened, wanted: tuple[str, ...], what: str) -> Iterator[pl.DataFrame]:
    """Blocks of a table of text, as text; only the columns that are wanted, and `PARTS`.

    Raises
    ------
    SchemaError
        If one of them is missing, or the file cannot be read.
    """
    with opened() as stream:
        names: list[str] = []
        for piece in _pieces(stream, what):
            if not names:
                line, _, piece = piece.partition(b"\n")  # noqa: PLW2901 -- the rest of the piece
                names = [name.strip() for name in line.decode(errors="replace").split("\t")]
                if missing := [name for name in wanted if name not in names]:
                    raise SchemaError(
                        f"{what}: no column {', '.join(missing)}; nothing was imported"
                    )
            if piece.strip():
                yield _table(
                    piece, names, [*wanted, *(name for name in PARTS if name in names)], what
                )


def _table(piece: bytes, names: list[str], wanted: list[str], what: str) -> pl.DataFrame:
    ours = {f"column_{names.index(name) + 1}": name for name in wanted}
    try:
        with panics_as_errors():
            table = pl.read_csv(
                piece,
                has_header=False,
                separator="\t",
                quote_char=None,
                schema={f"column_{k + 1}": pl.String() for k in range(len(names))},
                encoding="utf8-lossy",
                columns=list(ours),
                truncate_ragged_lines=True,
            )
    except pl.exceptions.PolarsError as error:
        raise SchemaError(f"{what}: {first_line(error)}; nothing was imported") from error
    return table.rename(ours).select(wanted)


def _pieces(stream: IO[bytes], what: str) -> Iterator[bytes]:
    """The bytes of a stream in pieces of whole lines."""
    rest = b""
    while piece := stream.read(BLOCK):
        whole, end, rest_of_line = (rest + piece).rpartition(b"\n")
        if not end and len(rest_of_line) > BLOCK:
            raise SchemaError(f"{what}: a line of more than {BLOCK:,} bytes; nothing was imported")
        rest = rest_of_line
        if whole:
            yield whole + end
    if rest:
        yield rest
