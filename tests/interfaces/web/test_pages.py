"""The pages in a real browser, each held against a value computed outside of it."""

from __future__ import annotations

import re

import polars as pl
import pytest

from support.browsers import browsing, hostile
from support.serving import served
from technic.data.ingest import FileStore
from technic.data.simulated import simulate
from technic.data.simulated.statements import statements
from technic.market.sessions import nyse
from technic.operations.saved_scans import content_of, save_scan, scan_file
from technic.runtime.settings import Settings
from technic.scanner.inspect.explain import explain
from technic.scanner.inspect.market_map import market_map
from technic.scanner.scan import scan
from technic.scanner.spec.alert_rules import AlertRules
from technic.scanner.spec.scan_file import UNIVERSES, ScanFile

pytestmark = pytest.mark.slow
COLUMNS = ("close", "100 * ret(1)", "rsi(14)", "atr_pct(14)", "dollar_volume(20)", "market_cap")
WIDTHS = (390, 1920)
VIEWS = ("today", "scan", "market", "evidence", "models", "backtests", "operations")


def home_of(tmp_path_factory, kernels, monkeypatch):
    home = tmp_path_factory.mktemp("home")
    (home / "cache").mkdir()
    (home / "cache/kernels").symlink_to(kernels)
    monkeypatch.setenv("TECHNIC_HOME", str(home))
    return Settings.load()


@pytest.fixture(scope="module")
def monkeymodule():
    patch = pytest.MonkeyPatch()
    yield patch
    patch.undo()


@pytest.fixture(scope="module")
def market():
    return simulate(seed=11, size=900, sessions=300)


@pytest.fixture(scope="module")
def made(tmp_path_factory, kernels, market, monkeymodule):
    settings = home_of(tmp_path_factory, kernels, monkeymodule)
    store = FileStore(tmp_path_factory.mktemp("pages") / "store")
    last = market.bars["date"].max()
    store.import_bars(market.bars.filter(pl.col("date") < last), simulated=market.about)
    store.import_listings(market.listings)
    store.import_filings(statements(market.bars, market.listings, 11))
    save_scan(settings, "ups", content_of(ScanFile(name="Ups", where="close > sma(50)", top=20)))
    with served(store, settings=settings) as client:
        yield client, store, settings


@pytest.fixture
def page(made):
    client, _, _ = made
    with browsing(str(client.base_url).rstrip("/")) as opened:
        yield opened
        opened.clean()


def typed(page, text):
    """Type a question key by key, and wait for its answer on the screen."""
    area = page.page.get_by_label("Question: which symbols pass")
    area.fill("")
    before = int(page.page.evaluate("document.documentElement.dataset.answered || 0"))
    area.press_sequentially(text)
    page.until(f"Number(document.documentElement.dataset.answered) > {before}")
    page.page.wait_for_timeout(250)


def asked(store, where, **options):
    file = ScanFile(
        where=where, universe=UNIVERSES["liquid"], columns=COLUMNS, top=5_000, **options
    )
    return scan(store, file=file)


def test_a_question_is_answered_while_it_is_typed(page, made):
    _, store, _ = made
    page.open("scan")
    typed(page, "rsi(14) < 45 and close > sma(50)")
    report = asked(store, "rsi(14) < 45 and close > sma(50)")
    shown = page.page.locator("[data-ranked]").get_attribute("data-ranked")
    assert int(shown) == report.n_ranked > 0
    first = page.page.locator(".grid .line").first.get_attribute("data-symbol")
    assert first == report.shown[0].symbol
    counts = [int(t.replace(",", "")) for t in page.page.locator(".funnel .c").all_inner_texts()]
    assert counts[-1] == report.n_ranked
    assert counts[0] == report.ledger_book.total


def test_an_error_is_shown_under_its_character(page):
    page.open("scan")
    typed(page, "rsi(14 < 30")
    says = page.page.locator(".says.wrong").first.inner_text()
    assert "expected ')'" in says
    assert page.page.locator(".editor .here").first.inner_text() == "<"
    typed(page, "rsi(14) < 30")
    assert page.page.locator(".says.wrong").count() == 0


def test_a_name_is_completed_from_the_keyboard(page):
    page.open("scan")
    area = page.page.get_by_label("Question: which symbols pass")
    area.fill("")
    area.press_sequentially("from_hi")
    page.page.wait_for_selector(".choices li")
    assert "from_high" in page.page.locator(".choices li code").first.inner_text()
    area.press("Enter")
    assert area.input_value().startswith("from_high(")


def test_the_grid_sorts_by_any_column_and_filters(page, made):
    _, store, _ = made
    page.open("scan")
    typed(page, "close > 5")
    report = asked(store, "close > 5")
    header = page.page.get_by_role("columnheader", name="RSI 14")
    header.click()
    header = page.page.get_by_role("columnheader", name="RSI 14")
    direction = header.get_attribute("aria-sort")
    known = [r for r in report.shown if r.values["rsi(14)"] is not None]
    best = (max if direction == "descending" else min)(known, key=lambda r: r.values["rsi(14)"])
    assert page.page.locator(".grid .line").first.get_attribute("data-symbol") == best.symbol
    wanted = report.shown[5].symbol
    page.page.get_by_label("Filter rows").fill(wanted)
    shown = [line.get_attribute("data-symbol") for line in page.page.locator(".grid .line").all()]
    assert wanted in shown
    assert len(shown) < 40


def test_only_rows_in_sight_are_elements(page, made):
    _, store, _ = made
    page.open("scan")
    typed(page, "close > 0")
    report = asked(store, "close > 0")
    assert page.page.locator(".grid .line").count() < 80 < report.n_ranked
    page.page.locator(".grid").focus()
    page.page.keyboard.press("End")
    last = page.page.locator(".grid .line.at").get_attribute("data-symbol")
    assert last == report.shown[-1].symbol


def test_a_symbol_opens_with_its_score_taken_apart(page, made):
    _, store, settings = made
    page.open("scan?preset=momentum-leaders")
    page.page.wait_for_selector(".grid .line")
    symbol = page.page.locator(".grid .line").first.get_attribute("data-symbol")
    page.page.locator(".grid .line").first.click()
    page.page.wait_for_selector("main[data-view=symbol]")
    found = explain(store, symbol, scan_file(settings, "momentum-leaders"))
    box = page.page.get_by_label("Score", exact=True)
    box.locator(".big").wait_for()
    assert box.locator(".big").inner_text() == f"{found.score:.1f}"
    parts = [float(t.replace("−", "-")) for t in box.locator(".part > .n").all_inner_texts()]
    assert parts == pytest.approx([round(p.contribution, 1) for p in found.parts])
    legend = page.page.get_by_label("Chart", exact=True).inner_text()
    close = store.panel().panel.run(store.panel().who["symbol"].to_list().index(symbol), "close")[
        -1
    ]
    assert f"C {close:,.2f}" in legend
    label = page.page.locator("main canvas").first.get_attribute("aria-label")
    assert f"last close {close:,.2f}" in label


def test_why_not_is_said_clause_by_clause(page, made):
    _, store, settings = made
    report = scan(store, file=scan_file(settings, "ups"))
    out = next(r["symbol"] for r in report.ledger.to_dicts() if r["bucket"] == "filtered")
    page.open(f"symbol/{out}?scan=ups")
    box = page.page.get_by_label("Score", exact=True)
    box.locator(".clause").first.wait_for()
    assert box.locator(".badge.bad").count() == 1
    assert "close > sma(50)" in box.inner_text()


def test_the_map_draws_everybody_it_should_and_breadth_counts_them(page, made):
    _, store, settings = made
    page.open("market")
    found = market_map(store, settings=settings)
    page.until("document.querySelector('main').dataset.map")
    assert page.page.locator("main").get_attribute("data-map") == str(len(found["symbols"]))
    text = page.page.get_by_label("Breadth").inner_text()
    assert f"{found['advancing']:,} rose" in text
    assert f"{found['declining']:,} fell" in text


def test_a_question_is_asked_on_each_session_of_a_quarter(page, made):
    _, store, _ = made
    page.open("scan")
    typed(page, "close > sma(50)")
    page.page.get_by_role("button", name="Each session").click()
    box = page.page.get_by_label("Each session", exact=True)
    box.get_by_role("button", name="CSV").wait_for(timeout=120_000)
    report = asked(store, "close > sma(50)")
    assert "sessions, each as it was known then" in box.inner_text()
    best = box.locator(".badge .sym").all_inner_texts()
    assert len(best) == 14
    assert set(best) <= set(report.symbols)


def test_a_sector_is_shown_alone_and_left_again(page):
    page.open("market")
    page.until("document.querySelector('main').dataset.map")
    canvas = page.page.locator("main canvas").first
    canvas.click(position={"x": 20, "y": 8})
    back = page.page.get_by_role("button", name="← all sectors")
    back.wait_for()
    back.click()
    back.wait_for(state="hidden")


def test_a_long_job_is_started_watched_and_cancelled_and_another_runs_to_its_end(page):
    page.open("evidence")
    page.page.get_by_role("button", name="Measure", exact=True).click()
    working = page.page.locator("[data-job=evaluate]")
    working.wait_for(state="visible")
    page.page.get_by_role("button", name="cancel").click()
    page.page.wait_for_selector(
        "[data-job=evaluate][data-state=cancelled]", state="attached", timeout=60_000
    )
    page.page.get_by_label("Columns to measure").fill("ret(21)")
    page.page.get_by_role("button", name="Measure", exact=True).click()
    page.page.wait_for_selector("main table td code", timeout=120_000)
    assert page.page.locator("main table td code").first.inner_text() == "ret(21)"


def test_a_model_is_trained_from_its_page_and_says_what_it_is_worth(page):
    page.open("models")
    page.page.get_by_text("No model was trained on this store yet").wait_for()
    page.page.get_by_role("button", name="Train", exact=True).click()
    page.page.locator("[data-job=train]").wait_for(state="visible")
    card = page.page.get_by_label("Card", exact=True)
    card.wait_for(timeout=180_000)
    assert "no measured edge" in card.inner_text()
    assert "too short to prove an edge" in card.inner_text()
    assert page.page.get_by_label("Models of this store").get_by_text("forecasts").count() == 1


def test_a_backtest_is_started_watched_cancelled_and_reported(page):
    page.open("backtests")
    page.page.get_by_label("Asked").select_option("daily")
    page.page.get_by_role("button", name="Backtest", exact=True).click()
    page.page.locator("[data-job=backtest]").wait_for(state="visible")
    page.page.get_by_role("button", name="cancel").click()
    page.page.wait_for_selector(
        "[data-job=backtest][data-state=cancelled]", state="attached", timeout=60_000
    )
    page.page.get_by_label("Asked").select_option("monthly")
    page.page.get_by_role("button", name="Backtest", exact=True).click()
    verdict = page.page.get_by_label("Verdict")
    verdict.wait_for(timeout=120_000)
    assert "Sharpe ratio" in verdict.inner_text() or "Nothing was traded" in verdict.inner_text()
    assert "Trials:" in page.page.get_by_label("What it hangs on").inner_text()


def test_a_scan_is_saved_with_an_alert_and_stands_on_today(page, made):
    _, _, settings = made
    page.open("scan")
    typed(page, "rsi(14) < 50")
    page.page.get_by_role("button", name="Save …").click()
    dialog = page.page.locator("dialog[open]")
    dialog.get_by_label("Name, for commands and files").fill("lows")
    dialog.get_by_label("Title").fill("Lows")
    dialog.get_by_label("Tell me who enters and leaves").check()
    dialog.get_by_role("button", name="Save").click()
    page.page.wait_for_selector(".toast")
    file = scan_file(settings, "lows")
    assert file.where == "rsi(14) < 50"
    assert file.alert == AlertRules(to=())
    page.open("today")
    card = page.page.locator("[data-scan=lows]")
    card.wait_for()
    assert "Lows" in card.inner_text()


def test_rows_are_exported_as_they_were_asked(page, made, tmp_path):
    _, store, _ = made
    page.open("scan")
    typed(page, "rsi(14) < 40")
    page.page.get_by_role("button", name="Export").click()
    with page.page.expect_download() as download:
        page.page.get_by_role("menuitem", name="CSV").click()
    download.value.save_as(tmp_path / "rows.csv")
    report = asked(store, "rsi(14) < 40")
    assert pl.read_csv(tmp_path / "rows.csv")["symbol"].to_list() == [
        r.symbol for r in report.shown
    ]


def test_the_page_is_moved_by_a_new_session_without_being_asked(page, made, market):
    _, store, _ = made
    page.open("scan")
    typed(page, "close > sma(20)")
    before = page.page.locator("[data-ranked]").get_attribute("data-ranked")
    last = market.bars["date"].max()
    store.import_bars(market.bars.filter(pl.col("date") == last), simulated=market.about)
    report = asked(store, "close > sma(20)")
    assert str(report.n_ranked) != before
    page.page.wait_for_selector(f"[data-ranked='{report.n_ranked}']")
    assert str(last) in page.page.locator(".verdict").inner_text()
    page.page.wait_for_selector(".toast")
    assert str(last) in page.page.locator("#stand").inner_text()


def test_operations_are_pushed(page):
    page.open("operations")
    page.until("document.querySelector('main').dataset.pulse")
    first = page.page.locator("main").get_attribute("data-pulse")
    page.until(f"document.querySelector('main').dataset.pulse !== '{first}'")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_view_fits_its_width_and_every_control_has_a_name(made, width, scheme):
    client, store, _ = made
    symbol = store.panel().who["symbol"][3]
    with browsing(str(client.base_url).rstrip("/"), width, 900, scheme) as page:
        for view in (*VIEWS, f"symbol/{symbol}"):
            page.open(view)
            page.page.wait_for_timeout(500)
            wide = page.page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, (view, wide)
            nameless = page.page.evaluate(
                """[...document.querySelectorAll('button, input, select, textarea, a[href], canvas')]
                   .filter(e => !e.closest('[hidden]') && !(e.getAttribute('aria-label') || e.innerText
                     || e.labels?.length || e.title)).map(e => e.outerHTML.slice(0, 120))"""
            )
            assert nameless == [], view
        page.clean()


def test_everything_is_reached_from_the_keyboard(page):
    page.open("today")
    reached = set()
    for _ in range(40):
        page.page.keyboard.press("Tab")
        reached.add(
            page.page.evaluate(
                "document.activeElement.innerText || document.activeElement.ariaLabel"
            )
        )
    assert {"Today", "Scan", "Market", "Operations", "New scan"} <= reached
    page.page.keyboard.press("/")
    assert (
        page.page.evaluate("document.activeElement.getAttribute('aria-label')") == "Find a symbol"
    )


def test_a_symbol_is_put_on_the_watch_list_and_stands_on_today(page, made):
    _, store, _ = made
    symbol = store.panel().who["symbol"][7]
    page.open(f"symbol/{symbol}")
    button = page.page.get_by_label("on the watch-list")
    page.page.wait_for_selector("[aria-pressed=false][aria-label='on the watch-list']")
    button.click()
    page.page.wait_for_selector("[aria-pressed=true][aria-label='on the watch-list']")
    assert store.catalog.watched("watch") == [symbol]
    page.open("today")
    card = page.page.get_by_label("Watch-list", exact=True)
    card.wait_for()
    assert symbol in card.inner_text()
    store.catalog.unwatch("watch", [symbol])


def test_a_symbol_is_found_by_its_name(page, made):
    _, store, _ = made
    who = store.panel().who.row(20, named=True)
    page.open("today")
    page.page.get_by_label("Find a symbol").press_sequentially(who["symbol"])
    page.page.wait_for_selector(".find .choices li")
    page.page.keyboard.press("Enter")
    page.page.wait_for_selector("main[data-view=symbol]")
    assert page.page.locator("h1").inner_text() == who["symbol"]


def test_a_symbol_that_is_listed_no_more_is_shown_as_of_its_last_session(page, made):
    _, store, _ = made
    view = store.panel()
    gone = view.who.filter(pl.col("until") < view.as_of).sort("until").row(-1, named=True)
    page.page.goto(f"{page.base}/#/symbol/{gone['symbol']}")
    link = page.page.locator("main a")
    link.wait_for()
    assert "is not listed on" in page.page.locator("main [role=alert]").inner_text()
    link.click()
    page.page.locator("h1").wait_for()
    last = str(nyse().day(nyse().last_until(gone["until"])))
    assert page.page.locator("h1").inner_text() == gone["symbol"]
    assert f"as of {last}" in page.page.locator(".head").inner_text()
    page.page.get_by_label("Score").locator(".clause, p").first.wait_for()
    assert page.page.locator("main [role=alert]").count() == 0
    page.console.clear()  # where the browser has written down the 404


# -- texts that mean harm


@pytest.fixture(scope="module")
def poisoned(tmp_path_factory, kernels, monkeymodule):
    """A market whose every name and industry means harm; saved scans and alerts too."""
    settings = home_of(tmp_path_factory, kernels, monkeymodule)
    market = simulate(seed=12, size=420, sessions=260)
    texts = hostile(400)
    names = pl.Series((texts * 2)[: market.listings.height])
    store = FileStore(tmp_path_factory.mktemp("poison") / "store")
    store.import_bars(market.bars, simulated=market.about)
    store.import_listings(market.listings.with_columns(name=names, industry=names.reverse()))
    for k, text in enumerate(texts[::40]):
        file = ScanFile(
            name=text, where="close > sma(20)", rank="ret(5)", top=15, alert=AlertRules()
        )
        save_scan(settings, f"harm-{k}", content_of(file))
    from datetime import UTC, datetime

    from technic.operations.alerts import AlertBook
    from technic.scanner.inspect.diff import session_before

    book, last = AlertBook(store.catalog), store.require().last
    file = ScanFile(name=texts[0], rank="ret(5)", top=30, alert=AlertRules())
    book.observe(
        "harm-0", file, scan(store, file=file, as_of=session_before(store, last)), datetime.now(UTC)
    )
    assert book.observe("harm-0", file, scan(store, file=file), datetime.now(UTC))
    with served(store, settings=settings) as client:
        yield client, store, texts


def test_four_hundred_hostile_texts_run_nowhere(poisoned):
    client, _, _ = poisoned
    with browsing(str(client.base_url).rstrip("/")) as page:
        for view in VIEWS:
            page.open(view)
            page.page.wait_for_timeout(700)
        page.open("scan")
        page.page.get_by_label("Universe").select_option("all")
        typed(page, "close > 0")
        grid = page.page.locator(".grid")
        seen = set()
        for step in range(0, 420 * 30, 700):
            grid.evaluate(f"e => {{ e.scrollTop = {step} }}")
            page.page.wait_for_timeout(60)
            seen |= set(page.page.locator(".grid .line .cell:nth-child(4)").all_inner_texts())
        shown = {re.sub(r"\s+", " ", t).strip() for t in seen}
        assert len(shown) > 250  # what looks harmful is shown as it is
        page.clean()


def test_hostile_texts_as_symbols_questions_and_searches_run_nowhere(poisoned):
    client, store, texts = poisoned
    view = store.panel()
    traded = [s for s, n in zip(view.who["symbol"], view.panel.lengths, strict=True) if n > 200]
    with browsing(str(client.base_url).rstrip("/")) as page:
        for symbol in traded[:400:8]:
            page.open(f"symbol/{symbol}")
            page.page.locator("h1").wait_for()
        page.clean()
        page.open("scan")
        area, find = (
            page.page.get_by_label("Question: which symbols pass"),
            page.page.get_by_label("Find a symbol"),
        )
        for text in texts:
            area.fill(text)
            find.fill(text[:40])
        page.page.wait_for_timeout(600)
        assert page.page.evaluate("window.hacked") is None
        assert page.foreign == []
        assert page.console == []


def test_a_title_that_means_harm_is_a_title(poisoned):
    client, _, texts = poisoned
    with browsing(str(client.base_url).rstrip("/")) as page:
        page.open("today")
        page.page.wait_for_selector("[data-scan=harm-0]")
        assert page.page.locator("[data-scan=harm-0] h2").inner_text() == texts[0]
        page.clean()
