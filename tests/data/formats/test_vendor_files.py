"""Every layout that is known, right and broken: read as it is meant, or refused in one line."""

from __future__ import annotations

import calendar
import datetime as dt
import gzip
import io
import sys
import zipfile
from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace

import polars as pl
import pytest

import technic as tc
from technic.data.formats.bar_file import FileHints
from technic.data.formats.bars import read_bars
from technic.errors import SchemaError

DAYS = [dt.date(2024, 1, day) for day in (2, 3, 4, 5, 8, 9, 10, 11)]
CLOSES = [39.75, 39.11, 39.3, 39.5, 19.8, 19.77, 20.05, 20.21]
FIELDS = ("open", "high", "low", "close", "volume")
Written = tuple[str, bytes]


def market() -> pl.DataFrame:
    """ACME over eight sessions, as text, with a split on the fifth and a dividend on the seventh."""
    rows = {
        "date": DAYS,
        "open": [f"{c - 0.05:.2f}" for c in CLOSES],
        "high": [f"{c + 0.21:.2f}" for c in CLOSES],
        "low": [f"{c - 0.25:.2f}" for c in CLOSES],
        "close": [f"{c:.2f}" for c in CLOSES],
        "volume": [str(1_331_801 + 7 * k) for k in range(8)],
        "split": ["1.0"] * 4 + ["2.0"] + ["1.0"] * 3,
        "dividend": ["0.0"] * 6 + ["0.24", "0.0"],
    }
    return pl.DataFrame(rows)


def csv(table: pl.DataFrame, separator: str = ",", header: bool = True) -> bytes:
    return table.write_csv(separator=separator, include_header=header).encode()


def named(table: pl.DataFrame, names: dict[str, str], form: str = "%Y-%m-%d") -> pl.DataFrame:
    """The columns of `names` under the names of others, dates in their form."""
    dated = table.with_columns(pl.col("date").dt.strftime(form))
    have = {ours: theirs for ours, theirs in names.items() if ours in dated.columns}
    return dated.select(pl.col(ours).alias(theirs) for ours, theirs in have.items())


PLAIN = {name: name for name in ("date", *FIELDS)}
TITLED = {name: name.title() for name in ("date", *FIELDS)}


def long(table: pl.DataFrame, separator: str = ",") -> bytes:
    rows = named(table, PLAIN | {"split": "split", "dividend": "dividend"})
    return csv(rows.with_columns(symbol=pl.lit("ACME")), separator)


def comma(table: pl.DataFrame) -> bytes:
    decimals = [n for n in ("open", "high", "low", "close", "dividend") if n in table.columns]
    return long(table.with_columns(pl.col(decimals).str.replace(".", ",", literal=True)), ";")


def zipped(name: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, data)
    return out.getvalue()


def parquet(table: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    table.write_parquet(out)
    return out.getvalue()


def tiingo(table: pl.DataFrame) -> Written:
    names = PLAIN | {"dividend": "divCash", "split": "splitFactor"}
    rows = named(table, names, "%Y-%m-%dT00:00:00.000Z").with_columns(adjClose=pl.lit("1.0"))
    return "ACME.csv", csv(rows)


def alpha_vantage(table: pl.DataFrame) -> Written:
    names = PLAIN | {
        "date": "timestamp",
        "dividend": "dividend_amount",
        "split": "split_coefficient",
    }
    rows = named(table, names).with_columns(adjusted_close=pl.lit("1.0")).reverse()
    return "daily_adjusted_ACME.csv", csv(rows)


def wiki(table: pl.DataFrame) -> Written:
    names = PLAIN | {"dividend": "ex-dividend", "split": "split_ratio"}
    rows = named(table, names).with_columns(ticker=pl.lit("ACME"), adj_close=pl.lit("1.0"))
    return "WIKI_PRICES.csv", csv(rows)


def sharadar(table: pl.DataFrame) -> Written:
    rows = named(table, PLAIN).with_columns(
        ticker=pl.lit("ACME"), closeadj=pl.lit("1"), closeunadj=pl.lit("1"), lastupdated=pl.lit("2024-01-20")
    )  # fmt: skip
    return "SEP.csv", csv(rows)


def stooq(table: pl.DataFrame) -> Written:
    names = {n: f"<{n.upper()}>" for n in ("date", "open", "high", "low", "close")}
    rows = named(table, names | {"volume": "<VOL>"}, "%Y%m%d").with_columns(
        **{"<TICKER>": pl.lit("ACME.US"), "<PER>": pl.lit("D"), "<TIME>": pl.lit("000000")}
    )
    return "acme.us.txt", csv(rows)


def massive(table: pl.DataFrame) -> Written:
    midnight = pl.col("date").cast(pl.Datetime("ns")).dt.replace_time_zone("America/New_York")
    stamps = table.select(midnight.dt.epoch("ns").cast(pl.String))["date"]
    rows = named(table, PLAIN | {"date": "window_start"}).with_columns(
        window_start=stamps, ticker=pl.lit("ACME"), transactions=pl.lit("4000")
    )
    return "2024-01.csv.gz", gzip.compress(csv(rows))


def databento(table: pl.DataFrame) -> pl.DataFrame:
    return named(table, PLAIN | {"date": "ts_event"}, "%Y-%m-%dT00:00:00.000000000Z").with_columns(
        rtype=pl.lit("35"), publisher_id=pl.lit("2"), instrument_id=pl.lit("7"), symbol=pl.lit("ACME")
    )  # fmt: skip


def databento_raw(table: pl.DataFrame) -> Written:
    prices = [n for n in ("open", "high", "low", "close") if n in table.columns]
    raw = pl.col(prices).str.replace(".", "", literal=True) + "0000000"
    is_word = pl.col(prices).str.contains("[a-z]")
    rows = databento(table).with_columns(pl.when(is_word).then(pl.col(prices)).otherwise(raw))
    return "ohlcv-1d.csv", csv(rows)


def dbn(table: pl.DataFrame, schema: str = "OHLCV_1D", mapped: bool = True) -> bytes:
    """As Databento's own library writes it."""
    library = pytest.importorskip("databento_dbn", exc_type=ImportError)
    kind = getattr(library.Schema, schema)
    ends = [table["date"].min(), table["date"].max() + dt.timedelta(1)]
    span = SimpleNamespace(start_date=ends[0], end_date=ends[1], symbol="7")
    nanos = [calendar.timegm(day.timetuple()) * 10**9 for day in ends]
    told = library.Metadata(
        dataset="XNAS.ITCH", start=nanos[0], end=nanos[1], schema=kind, symbols=["ACME"],
        stype_in=library.SType.RAW_SYMBOL, stype_out=library.SType.INSTRUMENT_ID,
        mappings=[SimpleNamespace(raw_symbol="ACME", intervals=[span])] if mapped else [],
    )  # fmt: skip
    whole = bytes(told)
    for day, *prices, volume in table.select("date", *FIELDS).iter_rows():
        stamp = calendar.timegm(day.timetuple()) * 10**9
        raw = [int(Decimal(price) * 10**9) for price in prices]
        bar = library.OHLCVMsg(library.RType.OHLCV_1D, 2, 7, stamp, *raw, int(volume))
        whole += bytes(bar)
    return whole


def zstd(data: bytes) -> bytes:
    library = pytest.importorskip("zstandard", exc_type=ImportError)
    return library.ZstdCompressor().compress(data)


def nasdaq(table: pl.DataFrame) -> Written:
    names = TITLED | {"close": "Close/Last"}
    rows = named(table, names, "%m/%d/%Y")
    money = [n for n in ("Close/Last", "Open", "High", "Low") if n in rows.columns]
    # Another date of the column shows which part is the month.
    more = rows.head(1).with_columns(pl.lit("01/16/2024").alias("Date"))
    rows = pl.concat([more, rows.reverse()]).with_columns(
        [("$" + pl.col(name)).alias(name) for name in money]
    )
    return "HistoricalData_1705012345678.csv", csv(rows)


CRSP_OLD = {
    "date": "date",
    "open": "OPENPRC",
    "high": "ASKHI",
    "low": "BIDLO",
    "close": "PRC",
    "volume": "VOL",
}
CRSP_NEW = {"date": "DlyCalDt", "open": "DlyOpen", "high": "DlyHigh", "low": "DlyLow", "close": "DlyClose",
            "volume": "DlyVol"}  # fmt: skip


def crsp(table: pl.DataFrame, names: dict[str, str] = CRSP_OLD) -> bytes:
    others = {"PERMNO": pl.lit("10107"), "TICKER": pl.lit("ACME"), "RET": pl.lit("0.01")}
    return csv(named(table, names, "%Y%m%d").with_columns(**others))


def barchart(table: pl.DataFrame) -> Written:
    rows = named(table, TITLED | {"date": "Time", "close": "Last"})
    rows = rows.with_columns(pl.lit("0.1").alias("Change"), pl.lit("+0.1%").alias("%Chg"))
    return "ACME.csv", csv(rows)


def named_by_name(table: pl.DataFrame) -> bytes:
    return csv(named(table, PLAIN).with_columns(Name=pl.lit("ACME")))


def spaced(table: pl.DataFrame) -> bytes:
    names = PLAIN | {"split": "Split Factor", "dividend": "Ex Dividend"}
    return csv(named(table, names).with_columns(pl.lit("1.0").alias("Adj. Close")))


def lean(table: pl.DataFrame) -> Written:
    rows = named(table, PLAIN, "%Y%m%d 00:00")
    prices = [n for n in ("open", "high", "low", "close") if n in rows.columns]
    rows = rows.with_columns(pl.col(prices).str.replace(".", "", literal=True) + "00")
    return "acme.zip", zipped("acme.csv", csv(rows, header=False))


def wide(table: pl.DataFrame, ticker_first: bool = False) -> Written:
    rows = named(table, TITLED)
    fields = rows.columns[1:]
    lines = [["Price", *fields], ["Ticker", *["ACME"] * len(fields)]]
    lines = lines[::-1] if ticker_first else lines
    text = "".join(",".join(line) + "\n" for line in lines) + "Date" + "," * len(fields) + "\n"
    return "wide.csv", text.encode() + csv(rows, header=False)


def wide_parquet(table: pl.DataFrame) -> Written:
    rows = named(table, TITLED)
    names = {name: f"('{name}', 'ACME')" for name in rows.columns[1:]}
    return "wide.parquet", parquet(rows.rename(names))


TONGUES = {
    "German": ("Datum", "Eröffnung", "Hoch", "Tief", "Schlusskurs", "Volumen"),
    "German of ariva": ("Datum", "Erster", "Hoch", "Tief", "Schlusskurs", "Stuecke"),
    "German, short": ("datum", "eroeffnung", "hoch", "tief", "schluss", "stücke"),
    "German of Investing": ("Datum", "Eröffn.", "Hoch", "Tief", "Zuletzt", "Vol."),
    "French": ("date", "ouv", "haut", "bas", "clôture", "volumes"),
    "French, long": ("Date", "Ouverture", "Plus Haut", "Plus Bas", "Dernier", "Vol."),
    "Spanish": ("Fecha", "Apertura", "Máximo", "Mínimo", "Cierre", "Volumen"),
    "Portuguese": ("Data", "Abertura", "Máximo", "Mínimo", "Fechamento", "Volume"),
    "Italian": ("Data", "Apertura", "Massimo", "Minimo", "Chiusura", "Volumi"),
    "Dutch": ("Datum", "Opening", "Hoog", "Laag", "Slot", "Volume"),
}


def foreign(table: pl.DataFrame, tongue: str) -> bytes:
    """With decimal commas and points between day and month, none of which is above 12."""
    names = dict(zip(("date", *FIELDS), TONGUES[tongue], strict=True))
    prices = [n for n in ("open", "high", "low", "close") if n in table.columns]
    rows = table.with_columns(pl.col(prices).str.replace(".", ",", literal=True))
    return csv(named(rows, names, "%d.%m.%Y"), ";")


def investing(table: pl.DataFrame) -> Written:
    names = {"date": "Date", "close": "Price", "open": "Open", "high": "High", "low": "Low"}
    rows = named(table, names | {"volume": "Vol."}, "%b %d, %Y")
    return "ACME Historical Data.csv", csv(rows.with_columns(pl.lit("0.1%").alias("Change %")))


LAYOUTS: dict[str, tuple[Callable[[pl.DataFrame], Written], str, str]] = {
    "commas": (lambda t: ("bars.csv", long(t)), "", "one row"),
    "semicolons": (lambda t: ("bars.csv", long(t, ";")), "", "one row"),
    "tabs": (lambda t: ("bars.tsv", long(t, "\t")), "", "one row"),
    "bars": (lambda t: ("bars.txt", long(t, "|")), "", "one row"),
    "decimal commas": (lambda t: ("bars.csv", comma(t)), "", "one row"),
    "UTF-16": (lambda t: ("bars.csv", long(t).decode().encode("utf-16")), "", "one row"),
    "byte order mark": (lambda t: ("bars.csv", b"\xef\xbb\xbf" + long(t)), "", "one row"),
    "Windows' lines": (lambda t: ("bars.csv", long(t).replace(b"\n", b"\r\n")), "", "one row"),
    "title above": (lambda t: ("bars.csv", b"Prices of ACME\n\n" + long(t)), "", "one row"),
    "gzip": (lambda t: ("bars.csv.gz", gzip.compress(long(t))), "", "one row"),
    "zip": (lambda t: ("bars.zip", zipped("bars.csv", long(t))), "", "one row"),
    "Parquet": (lambda t: ("ACME.parquet", parquet(named(t, TITLED))), "", "one row"),
    "Tiingo": (tiingo, "none", "Tiingo"),
    "Alpha Vantage": (alpha_vantage, "none", "Alpha Vantage"),
    "WIKI": (wiki, "none", "WIKI"),
    "Sharadar": (sharadar, "splits", "Sharadar"),
    "Stooq": (stooq, "splits", "Stooq"),
    "Stooq's page": (lambda t: ("acme_us_d.csv", csv(named(t, TITLED))), "splits", "one row"),
    "Massive": (massive, "none", "Massive"),
    "Databento": (lambda t: ("ohlcv-1d.csv", csv(databento(t))), "none", "Databento"),
    "Databento raw": (databento_raw, "none", "Databento"),
    "Databento Parquet": (lambda t: ("b.parquet", parquet(databento(t))), "none", "Databento"),
    "Nasdaq": (nasdaq, "splits", "Nasdaq"),
    "LEAN": (lean, "none", "LEAN"),
    "yfinance wide": (wide, "splits", "yfinance"),
    "yfinance by ticker": (lambda t: wide(t, ticker_first=True), "splits", "yfinance"),
    "yfinance wide Parquet": (wide_parquet, "splits", "yfinance"),
    "yfinance history": (
        lambda t: (
            "ACME.csv",
            csv(named(t, TITLED | {"dividend": "Dividends", "split": "Stock Splits"})),
        ),
        "splits",
        "yfinance",
    ),
    "Yahoo": (
        lambda t: ("ACME.csv", csv(named(t, TITLED).with_columns(pl.lit("1").alias("Adj Close")))),
        "splits",
        "Yahoo",
    ),
    "single letters": (
        lambda t: ("ACME.csv", csv(named(t, {n: n[0] if n != "date" else "t" for n in PLAIN}))),
        "",
        "single letters",
    ),
    "Investing.com": (investing, "splits", "Investing"),
    "CRSP": (lambda t: ("dsf.csv", crsp(t)), "none", "CRSP"),
    "CRSP of today": (lambda t: ("dsf.csv", crsp(t, CRSP_NEW)), "none", "CRSP"),
    "Barchart": (barchart, "", "Barchart"),
    "symbols under Name": (lambda t: ("all_stocks_5yr.csv", named_by_name(t)), "", "one row"),
    "blanks in names": (lambda t: ("ACME.csv", spaced(t)), "", "one row"),
    **{
        tongue: (
            lambda t, tongue=tongue: ("ACME.csv", foreign(t, tongue)),
            "splits" if "Investing" in tongue else "",
            "Investing"
            if "Investing" in tongue
            else "ariva"
            if "ariva" in tongue
            else "Spanish"
            if tongue == "Portuguese"
            else tongue.split(",")[0],
        )
        for tongue in TONGUES
    },
}


def written(tmp_path, layout: str, table: pl.DataFrame):
    name, data = LAYOUTS[layout][0](table)
    (tmp_path / name).write_bytes(data)
    return tmp_path / name


def hints_of(layout: str) -> FileHints:
    """What a user has to say: Nasdaq's files name their symbol nowhere."""
    return FileHints(symbol="ACME" if layout == "Nasdaq" else None)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_known_layout_is_read_as_it_is_meant(tmp_path, layout):
    _, adjusted, name = LAYOUTS[layout]
    path = written(tmp_path, layout, market())
    file = read_bars(path, hints_of(layout))
    rows = file.rows.filter(pl.col("date") <= DAYS[-1]).sort("date")
    assert file.adjusted == adjusted
    assert next(iter(file.layouts)).startswith(name) or name in next(iter(file.layouts))
    assert rows["symbol"].unique().to_list() == ["ACME"]
    assert rows["date"].to_list() == DAYS
    assert rows["close"].to_list() == CLOSES
    assert rows["high"].to_list() == [round(c + 0.21, 2) for c in CLOSES]
    assert rows["volume"].to_list() == [1_331_801.0 + 7 * k for k in range(8)]
    if "split" in rows.columns:
        assert rows["split"].to_list() == [1.0] * 4 + [2.0] + [1.0] * 3
        assert rows["dividend"].to_list() == [0.0] * 6 + [0.24, 0.0]


@pytest.mark.parametrize(
    "dtype",
    [pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64, pl.Float32,
     pl.Boolean, pl.Null, pl.String, pl.Categorical, pl.Decimal(10, 2)],
)  # fmt: skip
def test_numbers_of_any_type_are_read_or_told(dtype):
    cells = pl.Series([1, 0, None] if dtype != pl.Null else [None] * 3)
    text = cells.cast(pl.String) if dtype == pl.Categorical else cells
    typed = pl.Series(text.to_list()).cast(dtype)
    frame = (
        market()
        .head(3)
        .with_columns(
            pl.col(FIELDS).cast(pl.Float64), symbol=pl.lit("ACME"), split=typed, dividend=typed
        )
    )
    file = read_bars(frame)
    split = file.rows["split"].to_list()
    if dtype == pl.Boolean:
        assert (split, file.unreadable["split"][0]) == ([None] * 3, 2)
    else:
        assert split == ([None] * 3 if dtype == pl.Null else [1.0, 0.0, None])


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name != "LEAN"])
def test_without_a_column_it_is_refused_by_name(tmp_path, layout):
    path = written(tmp_path, layout, market().drop("low"))
    with pytest.raises(SchemaError, match=r"no column low|no header") as told:
        read_bars(path, hints_of(layout))
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 600


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name != "LEAN"])
def test_a_column_of_words_is_refused_with_one_of_them(tmp_path, layout):
    path = written(tmp_path, layout, market().with_columns(close=pl.lit("halted")))
    with pytest.raises(SchemaError, match=r"column close: \d of \d cells cannot be read.*halted"):
        read_bars(path, hints_of(layout))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_days_without_a_session_refuse_the_file_with_a_likely_cause(tmp_path, layout):
    saturdays = [dt.date(2024, 1, 6) + dt.timedelta(weeks=k) for k in range(8)]
    path = written(tmp_path, layout, market().with_columns(date=pl.Series(saturdays)))
    store = tc.open_store(tmp_path / "store")
    with pytest.raises(SchemaError, match=r"the NYSE was closed.*Saturday.*--dates"):
        store.import_bars(path, hints=hints_of(layout))
    assert store.version().last is None


@pytest.mark.parametrize("layout", LAYOUTS)
def test_one_cell_that_cannot_be_read_costs_its_row_and_is_shown(tmp_path, layout):
    broken = pl.Series(["39.75", "39.11", "oops", *(f"{c:.2f}" for c in CLOSES[3:])])
    table = market().with_columns(close=broken)
    if LAYOUTS[layout][1] == "splits":  # such prices would not show the split that they list
        table = table.with_columns(split=pl.lit("1.0"))
    path = written(tmp_path, layout, table)
    store = tc.open_store(tmp_path / "store")
    outcome = store.import_bars(path, hints=hints_of(layout))
    assert outcome.quarantined == {"null_value": 1}
    assert outcome.file.unreadable["close"][0] == 1
    assert "oops" in outcome.file.unreadable["close"][1]
    cells = outcome.cells
    assert cells.read == cells.stored + cells.set_aside + cells.unused
    assert store.version().first == DAYS[0]


PACKINGS = {
    "b.dbn": dbn,
    "b.dbn.zst": lambda t: zstd(dbn(t)),
    "b.csv.zst": lambda t: zstd(csv(databento(t))),
    "frames.csv.zst": lambda t: b"".join(zstd(piece) for piece in pieces(csv(databento(t)))),
    "zst.zip": lambda t: zipped("b.dbn.zst", zstd(dbn(t))),
    "gz.zip": lambda t: zipped("b.csv.gz", gzip.compress(csv(databento(t)))),
}


def pieces(data: bytes) -> list[bytes]:
    return [data[k : k + 100] for k in range(0, len(data), 100)]


@pytest.mark.parametrize("name", PACKINGS)
def test_a_file_of_databento_is_the_same_in_every_packing(tmp_path, name):
    (tmp_path / "b.csv").write_bytes(csv(databento(market())))
    (tmp_path / name).write_bytes(PACKINGS[name](market()))
    one, other = (read_bars(tmp_path / each) for each in ("b.csv", name))
    assert one.rows.equals(other.rows)
    assert (one.adjusted, one.layouts, one.days) == (other.adjusted, other.layouts, other.days)


def test_a_price_that_databento_does_not_have_is_unknown(tmp_path):
    undefined = Decimal(2**63 - 1) / 10**9
    table = market().with_columns(close=pl.Series([str(undefined), *market()["close"][1:]]))
    (tmp_path / "b.dbn").write_bytes(dbn(table))
    assert read_bars(tmp_path / "b.dbn").rows["close"].to_list() == [None, *CLOSES[1:]]


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("b.dbn", lambda whole: whole[:-10], "the DBN file is cut short"),
        ("b.dbn", lambda whole: whole[:40], "the DBN file is cut short"),
        ("b.dbn", lambda whole: b"DBN\x09" + whole[4:], "damaged, or newer than the library"),
        ("b.dbn.zst", lambda whole: zstd(whole)[:-10], "damaged or cut short"),
        ("b.dbn.zst", lambda whole: zstd(zstd(whole)), "an archive inside an archive"),
        ("b.dbn.zst", lambda whole: zstd(whole[:-10]), "the DBN file is cut short"),
        ("b.csv.zst", lambda whole: zstd(whole)[:6] + b"\xff" * 40, "damaged or cut short"),
    ],
)
def test_a_damaged_file_of_databento_is_refused_in_one_line(tmp_path, name, change, told):
    (tmp_path / name).write_bytes(change(dbn(market())))
    with pytest.raises(SchemaError, match=told) as error:
        read_bars(tmp_path / name)
    assert str(error.value).startswith(f"{name}: ")
    assert str(error.value).isprintable()


@pytest.mark.parametrize(
    ("more", "told"),
    [({"schema": "TRADES"}, "DBN of trades; bars of a day"), ({"mapped": False}, "names no symb")],
)
def test_other_records_of_databento_are_refused_by_name(tmp_path, more, told):
    (tmp_path / "b.dbn").write_bytes(dbn(market(), **more))
    with pytest.raises(SchemaError, match=told):
        read_bars(tmp_path / "b.dbn")


@pytest.mark.parametrize("library", ["databento_dbn", "zstandard"])
def test_without_the_extra_its_name_is_said_and_the_other_files_are_read(
    tmp_path, monkeypatch, library
):
    name, data = ("b.dbn", b"DBN\x03" + bytes(40)) if library != "zstandard" else (
        "b.csv.zst", b"\x28\xb5\x2f\xfd" + bytes(40))  # fmt: skip
    monkeypatch.setitem(sys.modules, library, None)
    (tmp_path / name).write_bytes(data)
    with pytest.raises(SchemaError, match=rf"{name}: {library} .*pip install '\.\[databento\]'"):
        read_bars(tmp_path / name)
    (tmp_path / "ACME.csv").write_bytes(csv(databento(market())))
    file = read_bars(tmp_path)
    assert file.rows.height == 8
    assert "databento" in file.left_out[name]


def test_a_stream_that_unpacks_without_end_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr("technic.data.formats.parts.MOST_BYTES", 1 << 20)
    (tmp_path / "b.csv.zst").write_bytes(zstd(csv(databento(market())) + b"\n" * (1 << 22)))
    with pytest.raises(SchemaError, match="unpacks to more than"):
        read_bars(tmp_path / "b.csv.zst")


def test_pieces_are_the_volume_and_not_the_turnover_beside_them(tmp_path):
    table = csv(
        named(market(), dict(zip(("date", *FIELDS), TONGUES["German of ariva"], strict=True))), ";"
    )
    lines = table.decode().splitlines()
    text = [lines[0] + ";Volumen", *(line + ";52938476" for line in lines[1:])]
    (tmp_path / "ACME.csv").write_text("\n".join(text), encoding="cp1252")
    file = read_bars(tmp_path / "ACME.csv")
    assert file.rows["volume"].to_list() == [1_331_801.0 + 7 * k for k in range(8)]
    assert file.unused == {"volumen": "the turnover in money"}


def test_umlauts_of_any_encoding_are_the_same_name(tmp_path):
    data = foreign(market(), "German").decode()
    for encoding in ("utf-8", "cp1252", "utf-16", "utf-8-sig"):
        (tmp_path / "ACME.csv").write_bytes(data.encode(encoding))
        assert read_bars(tmp_path / "ACME.csv").rows["open"][0] == 39.7


TYPES = {
    "symbol": [pl.String, pl.Categorical, pl.Enum(["ACME"])],
    "date": [pl.String, pl.Date, pl.Int32, pl.Int64, pl.UInt32, pl.Datetime("ms"), pl.Datetime("us"),
             pl.Datetime("ns"), pl.Datetime("ns", "UTC"), pl.Datetime("us", "America/New_York"),
             pl.Categorical, pl.Datetime("ms", "Europe/Berlin")],
    "close": [pl.Float64, pl.Decimal(12, 4), pl.Decimal(38, 9), pl.String, pl.Categorical, pl.Float32],
    "volume": [pl.Int32, pl.UInt32, pl.Int64, pl.UInt64, pl.Int128, pl.Decimal(18, 0), pl.Float64,
               pl.String, pl.Categorical],
    "split": [pl.Float64, pl.Int8, pl.Decimal(9, 3), pl.String, pl.Categorical, pl.Float32],
    "dividend": [pl.Float64, pl.Float32, pl.Decimal(9, 3), pl.String, pl.Categorical],
    "as_of": [pl.Date, pl.String, pl.Int32, pl.Datetime("ns"), pl.Datetime("us", "UTC"), pl.Categorical],
}  # fmt: skip


def typed(cells: pl.Series, name: str, dtype) -> pl.Series:
    """The values of a CSV's column in another type."""
    if name not in {"date", "as_of"}:
        return cells.cast(dtype) if dtype != pl.Int8 else cells.cast(pl.Float64).cast(dtype)
    days = cells.str.to_date()
    if dtype.is_integer():
        return days.dt.strftime("%Y%m%d").cast(dtype)
    if isinstance(dtype, pl.Datetime):
        return days.cast(pl.Datetime(dtype.time_unit)).dt.replace_time_zone(dtype.time_zone)
    return days.cast(dtype) if dtype == pl.Date else cells.cast(dtype)


@pytest.mark.parametrize(
    ("name", "dtype"), [(name, dtype) for name, dtypes in TYPES.items() for dtype in dtypes]
)
def test_a_column_of_any_type_says_what_its_text_says(tmp_path, name, dtype):
    table = market().with_columns(
        pl.col("date").dt.to_string(), symbol=pl.lit("ACME"), as_of=pl.col("date").dt.to_string()
    )
    table.write_csv(tmp_path / "b.csv")
    other = table.with_columns(typed(table[name], name, dtype).alias(name))
    other.write_parquet(tmp_path / "b.parquet")
    one, two = (read_bars(tmp_path / f"b.{ending}") for ending in ("csv", "parquet"))
    assert one.rows.equals(two.rows), (one.rows.head(3), two.rows.head(3))
    assert (one.unreadable, one.cells, one.adjusted) == (two.unreadable, two.cells, two.adjusted)


def test_large_text_dictionaries_and_lists_of_arrow_are_read_or_refused_by_name(tmp_path):
    pa = pytest.importorskip("pyarrow")
    parquet_of = pytest.importorskip("pyarrow.parquet").write_table
    table = market().with_columns(pl.col("date").dt.to_string(), symbol=pl.lit("ACME"))
    table.write_csv(tmp_path / "b.csv")
    text = table.to_dict(as_series=False)
    for kind in (pa.large_string(), pa.string(), pa.dictionary(pa.int8(), pa.string())):
        columns = {name: pa.array(cells, pa.string()).cast(kind) for name, cells in text.items()}
        parquet_of(pa.table(columns), tmp_path / "b.parquet")
        rows = read_bars(tmp_path / "b.parquet").rows
        assert rows.equals(read_bars(tmp_path / "b.csv").rows)
    columns["close"] = pa.array([[1.0]] * 8)
    parquet_of(pa.table(columns), tmp_path / "b.parquet")
    with pytest.raises(SchemaError, match="column close: 8 of 8 cells cannot be read"):
        read_bars(tmp_path / "b.parquet")
