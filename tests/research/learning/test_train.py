"""From a store to a model that forecasts: the card tells the truth, and whoever tampers is refused."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from shutil import copytree

import numpy as np
import orjson
import polars as pl
import pytest
from sqlalchemy import text

import technic as tc
from technic.data.simulated import simulate
from technic.errors import ConfigError, ModelError, StoreError
from technic.market.sessions import nyse
from technic.operations.sealed_files import sealed_troubles
from technic.research.learning.dataset import dataset
from technic.research.learning.store_canaries import served_rows, truncated_histories
from technic.research.learning.train import train
from technic.research.learning.train_file import TrainFile
from technic.research.trials import distinct_trials, trials
from technic.runtime.settings import Settings
from technic.scanner.alpha.card import Card
from technic.scanner.alpha.registry import (
    active_model,
    card_of,
    find_model,
    load_model,
    models_folder,
    registered,
    use_model,
)
from technic.scanner.inspect.explain import explain
from technic.scanner.scan import rerun

FEATURES = ["ret(5)", "ret(21)", "rsi(14)", "realized_vol(20)", "atr_pct(14)", "volume_ratio(20)",
            "beta(60)"]  # fmt: skip
SPEC = {"features": FEATURES, "universe": "", "baselines": ["-ret(5)"]}
SMALL = {**SPEC, "xgboost": {"trees": 12, "depth": 3, "least": 5}}


@pytest.fixture(scope="module")
def settings(kernels, tmp_path_factory):
    """Datasets of these tests stay with them."""
    from technic.runtime.settings import Setting

    home = tmp_path_factory.mktemp("training")
    (home / "cache").mkdir()
    (home / "cache" / "kernels").symlink_to(kernels)
    return Settings({"home": Setting("home", str(home), "test")})


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    market = simulate(seed=5, size=150, sessions=260)
    made = tc.open_store(tmp_path_factory.mktemp("training") / "store")
    made.import_bars(market.bars, simulated=market.about)
    made.import_listings(market.listings)
    return made


@pytest.fixture(scope="module")
def ridge(store, settings):
    return train(store, TrainFile.of({**SPEC, "model": "ridge"}, "plain.toml"), settings=settings)


@pytest.fixture(scope="module")
def trees(store, settings, ridge):
    return train(store, TrainFile.of(SMALL, "trees.toml"), settings=settings)


def test_the_card_says_by_itself_that_the_span_is_too_short(ridge, trees):
    for trained in (ridge, trees):
        found = trained.as_dict()
        assert found["gate"]["passed"] is False
        assert found["gate"]["reason"] == "span"
        assert "too short to prove an edge" in found["gate"]["detail"]
        assert found["label"] == "no measured edge"
        assert trained.card.simulated
        assert any("simulated" in note for note in trained.card.notes)
        assert orjson.loads(orjson.dumps(found)) == found
    assert "ridge" not in {clause["name"] for clause in ridge.card.gate["clauses"]}
    assert "ridge" in {clause["name"] for clause in trees.card.gate["clauses"]}
    assert set(trees.card.result) == {"model", "ridge", "-ret(5)"}


def test_the_same_file_learns_the_same_model(store, settings, trees, ridge):
    again = train(store, TrainFile.of({**SPEC, "model": "ridge"}, "x.toml"), settings=settings)
    assert again.card.sha256 == ridge.card.sha256
    assert again.card.result["model"]["ic"] == ridge.card.result["model"]["ic"]
    assert again.card.result["model"]["deciles"] == ridge.card.result["model"]["deciles"]
    assert train(store, TrainFile.of(SMALL, "y.toml"), settings=settings).card.sha256 == trees.card.sha256  # fmt: skip


def test_every_training_is_a_trial_and_the_same_file_is_one(store, settings, trees):
    before = distinct_trials(store, "train")
    train(store, TrainFile.of({**SPEC, "model": "ridge"}, "again.toml"), settings=settings)
    assert distinct_trials(store, "train") == before
    other = TrainFile.of({**SPEC, "model": "ridge", "ridge": {"strength": 0.3}}, "other.toml")
    assert train(store, other, settings=settings).card.trials == before + 1
    rows = trials(store, "train")
    assert [row["id"] for row in rows] == sorted((row["id"] for row in rows), reverse=True)
    assert all(row["content"]["gate"]["reason"] == "span" for row in rows)
    use_model(store, trees.card.sha256, datetime.now(UTC))


def test_a_row_of_trials_that_was_changed_is_seen(tmp_path, settings, kernels):
    market = simulate(seed=6, size=60, sessions=160)
    store = tc.open_store(tmp_path / "store")
    store.import_bars(market.bars, simulated=market.about)
    spec = {**SPEC, "model": "ridge", "features": ["ret(5)", "rsi(14)"], "baselines": []}
    for strength in (0.1, 0.2):
        train(
            store, TrainFile.of({**spec, "ridge": {"strength": strength}}, "a"), settings=settings
        )
    assert len(trials(store)) == 2
    store.catalog.write(lambda c: c.execute(text("update trials set name = 'better' where id = 1")))
    with pytest.raises(StoreError, match="altered at row 1"):
        trials(store)


def test_a_forecast_is_a_column_with_its_verdict(store, settings, trees):
    use_model(store, trees.card.sha256, datetime.now(UTC))
    report = tc.scan(
        store, rank="alpha", columns=["alpha", "alpha_rank", "close"], settings=settings
    )
    rows = report.rows
    assert rows["score"].to_list() == rows["alpha"].to_list()
    assert rows["alpha_rank"].is_between(0, 100).all()
    assert any(note.startswith("alpha: no measured edge — too short") for note in report.notes)
    assert report.manifest["question"]["model"] == trees.card.sha256
    assert rerun(store, report.manifest, settings).manifest == report.manifest
    warm = tc.scan(store, rank="alpha", columns=["alpha", "alpha_rank", "close"], settings=settings)
    assert warm.manifest == report.manifest
    picked = tc.scan(store, where="alpha_rank > 90", rank="alpha_rank", settings=settings)
    assert 0 < picked.n_ranked < 0.11 * report.n_ranked + 1


def test_without_a_card_the_processor_forecasts_and_one_line_of_the_log_says_so(
    store, settings, trees, caplog, monkeypatch
):
    """The same bytes; where numba-cuda is not installed at all, as here, or there is no card."""
    from technic.runtime.settings import Setting
    from technic.scanner.columns import model_forecast

    use_model(store, trees.card.sha256, datetime.now(UTC))
    plain = tc.scan(store, rank="alpha", settings=settings.uncached())
    if "technic.scanner.alpha.cuda" in sys.modules:
        monkeypatch.setattr("technic.scanner.alpha.cuda.is_available", lambda: False)
    model_forecast._forest_on_device.cache_clear()
    wanted = Settings({**settings.uncached().given, "device": Setting("device", "cuda", "test")})
    with caplog.at_level("INFO", "technic.scanner.columns.model_forecast"):
        for _ in range(3):
            asked = tc.scan(store, rank="alpha", settings=wanted)
            assert asked.manifest == plain.manifest
    assert len([r for r in caplog.records if "by the processor" in r.getMessage()]) == 1
    model_forecast._forest_on_device.cache_clear()
    strange = Settings({**wanted.given, "device": Setting("device", "abacus", "test")})
    with pytest.raises(ConfigError, match="device is one of auto, cpu, cuda"):
        tc.scan(store, rank="alpha", settings=strange)


def test_another_model_is_another_answer(store, settings, ridge, trees):
    use_model(store, ridge.card.sha256, datetime.now(UTC))
    first = tc.scan(store, rank="alpha", settings=settings)
    use_model(store, trees.card.sha256, datetime.now(UTC))
    second = tc.scan(store, rank="alpha", settings=settings)
    assert first.manifest["answer_digest"] != second.manifest["answer_digest"]
    assert rerun(store, first.manifest, settings).manifest == first.manifest


def test_a_percentile_of_one_model_is_not_that_of_another(store, settings, ridge, trees):
    """Cross-sections are kept by content: whose forecast they rank is part of it."""
    found = []
    for one in (ridge, trees):
        use_model(store, one.card.sha256, datetime.now(UTC))
        asked = {"rank": "pct_rank(alpha)", "columns": ["alpha", "pct_rank(alpha)"]}
        report = tc.scan(store, **asked, settings=settings)
        assert rerun(store, report.manifest, settings).manifest == report.manifest
        found.append(report.rows["symbol"].to_list())
    assert found[0] != found[1]


@pytest.mark.parametrize("kind", ["ridge", "trees"])
def test_a_forecast_is_taken_apart_exactly(store, settings, kind, request):
    trained = request.getfixturevalue(kind)
    use_model(store, trained.card.sha256, datetime.now(UTC))
    file = tc.ScanFile(rank="2 * alpha")
    symbol = tc.scan(store, file=file, settings=settings).shown[0].symbol
    part = explain(store, symbol, file, settings=settings).parts[0]
    assert sum(piece.contribution for piece in part.pieces) == pytest.approx(part.contribution, abs=1e-6)  # fmt: skip
    assert {piece.text for piece in part.pieces} <= {*trained.card.features, "base"}


def test_a_model_knows_when_it_may_not_speak(store, settings, trees):
    card = trees.card
    use_model(store, card.sha256, datetime.now(UTC))
    usable = date.fromisoformat(card.usable_from)
    before = nyse().day(nyse().ordinal(usable) - 1)
    with pytest.raises(ModelError, match="it has seen what came until"):
        tc.scan(store, rank="alpha", as_of=before, settings=settings)
    assert tc.scan(store, rank="alpha", as_of=usable, settings=settings).n_ranked > 0
    good = {"kernel": card.kernel, "members": int(card.members), "simulated": True}
    card.check_use(usable, 10, **good)
    for change, words in (
        ({"kernel": "other"}, "other code"), ({"members": 1}, "has 1 members"),
        ({"members": 10**6}, "1,000,000 members"), ({"simulated": False}, "simulated market"),
    ):  # fmt: skip
        with pytest.raises(ModelError, match=words):
            card.check_use(usable, 10, **{**good, **change})
    with pytest.raises(ModelError, match="sessions old"):
        card.check_use(usable, card.max_age + 1, **good)


def test_a_clock_that_was_once_ahead_hides_no_choice(store, ridge, trees):
    use_model(store, ridge.card.sha256, datetime(2100, 1, 1, tzinfo=UTC))
    use_model(store, trees.card.sha256, datetime.now(UTC))
    assert active_model(store) == trees.card.sha256


CHANGES = {
    "another is chosen": "update models set used_at = '2200-01-01 00:00:00.000000' where sha256 = :other",
    "as it was once": "update models set used_at = '1990-01-01 00:00:00.000000' where sha256 = :chosen",
    "at another instant": "update models set used_at = '2200-01-01 00:00:00.000000' where sha256 = :chosen",
    "the choice is away": "delete from models where sha256 = :chosen",
    "the record is away": "delete from seals where id = (select max(id) from seals)",
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_which_model_forecasts_is_not_changed_behind_our_back(
    store, settings, ridge, trees, change, tmp_path
):
    copy = tc.open_store(copytree(store.folder, tmp_path / "store"))
    digests = {"other": trees.card.sha256, "chosen": ridge.card.sha256}
    for digest in digests.values():
        use_model(copy, digest, datetime.now(UTC))
    assert active_model(copy) == ridge.card.sha256
    used = {k: v for k, v in digests.items() if f":{k}" in CHANGES[change]}
    copy.catalog.write(lambda connection: connection.execute(text(CHANGES[change]), used))
    with pytest.raises(ModelError, match=r"not by technic.*technic model .* --use"):
        active_model(copy)
    assert any("not by technic" in line for line in sealed_troubles(copy, settings))
    if change != "the record is away":
        use_model(copy, trees.card.sha256, datetime.now(UTC))
        assert active_model(copy) == trees.card.sha256


def test_whoever_tampers_is_refused(store, settings, trees):
    digest = trees.card.sha256
    use_model(store, digest, datetime.now(UTC))
    file, card = (models_folder(store) / f"{digest}{end}" for end in (".ubj", ".card.json"))
    content, told = file.read_bytes(), card.read_bytes()
    try:
        file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(ModelError, match="not the one its card speaks of"):
            load_model(store, digest)
        file.unlink()
        with pytest.raises(ModelError, match="cannot be read"):
            load_model(store, digest)
        file.write_bytes(content)
        card.unlink()
        with pytest.raises(ModelError, match="without one no model is used"):
            tc.scan(store, rank="alpha", settings=settings.uncached())
        read = orjson.loads(told)
        for change in (
            {"sha256": "0" * 64}, {"features": [*reversed(read["features"])]}, {"max_age": 10**6},
            {"usable_from": "2000-01-03", "trained_to": "2000-01-03"},
            {"gate": {**read["gate"], "passed": not read["gate"]["passed"]}}, {"notes": ["good"]},
        ):  # fmt: skip
            card.write_bytes(orjson.dumps(read | change, option=orjson.OPT_INDENT_2))
            with pytest.raises(ModelError, match="not the card that training wrote"):
                card_of(store, digest)
            with pytest.raises(ModelError, match="not the card that training wrote"):
                tc.scan(store, rank="alpha", settings=settings.uncached())
        for strange in (b"[]", b"", told + b" "):
            card.write_bytes(strange)
            with pytest.raises(ModelError, match="not the card that training wrote"):
                load_model(store, digest)
    finally:
        file.write_bytes(content)
        card.write_bytes(told)
    stranger = Card.of(told)
    with pytest.raises(ModelError, match="not in the registry"):
        load_model(store, "f" * 64)
    assert stranger.sha256 == digest
    store.catalog.write(lambda c: c.execute(text("update trials set model = null where model = :d"), {"d": digest}))  # fmt: skip
    with pytest.raises(ModelError, match="no trial tells"):
        load_model(store, digest)
    store.catalog.write(
        lambda c: c.execute(text("update trials set model = :d where kind = 'train' and model is null"), {"d": digest})
    )  # fmt: skip


def test_models_are_found_by_their_first_characters(store, trees, ridge):
    assert find_model(store, trees.card.sha256[:8]) == trees.card.sha256
    with pytest.raises(ModelError, match="no such model"):
        find_model(store, "zz")
    assert {row["sha256"] for row in registered(store)} >= {trees.card.sha256, ridge.card.sha256}


def test_without_a_model_alpha_says_what_to_do(tmp_path, settings):
    market = simulate(seed=1, size=40, sessions=60)
    store = tc.open_store(tmp_path / "store")
    store.import_bars(market.bars, simulated=market.about)
    assert active_model(store) is None
    with pytest.raises(ModelError, match="technic train"):
        tc.scan(store, columns=["alpha"], settings=settings)
    tc.scan(store, settings=settings)  # whoever does not ask is not troubled


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"features": ["close"]}, "without a scale"),
        ({"features": ["sma(20)"]}, "without a scale"),
        ({"features": ["ret(5)[1]"]}, "without a scale"),
        ({"features": ["ret(5)[-1]"]}, r"ret\(5\)\[-1\]"),  # nothing looks ahead
        ({"features": []}, "1 to 400"),
        ({"horizon": 7}, "horizon is one of"),
        ({"model": "lightgbm"}, "model is one of"),
        ({"seeds": 0}, "seeds"),
        ({"xgboost": {"depth": -1}}, "above 0"),
        ({"xgboost": {"booster": 1}}, "means nothing"),
        ({"spans": {"train": 2.5}}, "whole numbers"),
        ({"spans": {"eval": 5}}, "means nothing"),
        ({"spans": []}, "table"),
        ({"delisting": "40%"}, "from -100% to 0"),
        ({"nonsense": 1}, "means nothing here"),
        ({"baselines": ["rsi(99)"]}, "none of the features"),
    ],
)
def test_a_training_file_that_cannot_be_is_one_clear_line(content, words):
    with pytest.raises(ConfigError, match=words) as caught:
        TrainFile.of(content, "mine.toml")
    assert "\n" not in str(caught.value)


def test_what_is_learned_from_is_what_is_asked_with(store, settings):
    """C1 and C12 on a market with splits and renames."""
    file = TrainFile.of(SPEC, "x")
    found = truncated_histories(store, file, settings, points=2_000)
    assert found.passed, found
    samples = dataset(store, file, settings)
    assert served_rows(store, file, samples, settings).passed
    moved = replace(samples, x=np.roll(samples.x, 1, axis=1))
    assert not served_rows(store, file, moved, settings).passed


def test_a_dataset_that_cannot_be_read_is_made_anew(store, settings):
    file = TrainFile.of({**SPEC, "horizon": 21}, "x")
    made = dataset(store, file, settings)
    newest = max(settings.datasets.iterdir(), key=lambda path: path.stat().st_mtime)
    (newest / "rows.parquet").write_bytes(b"PAR1 and no more")
    assert np.array_equal(dataset(store, file, settings).label, made.label, equal_nan=True)
    (newest / "features-00.parquet").unlink()
    assert np.array_equal(dataset(store, file, settings).x, made.x, equal_nan=True)
    rows = pl.read_parquet(newest / "rows.parquet")  # readable, and not what was written
    rows.with_columns(label=-pl.col("label")).write_parquet(newest / "rows.parquet")
    assert np.array_equal(dataset(store, file, settings).label, made.label, equal_nan=True)


def test_labels_are_total_returns_with_what_vanishes_imputed(tmp_path, settings):
    """Hand-worked: a dividend over the horizon, a split of two, a name that vanishes."""
    days = [nyse().day(nyse().ordinal(date(2024, 3, 8)) - k) for k in range(15)][::-1]
    rows = []
    for k, day in enumerate(days):
        for symbol, price in (
            ("PAYS", 10.0),
            ("GROWS", 10.0 + k),
            ("SPLIT", 20.0 if k < 6 else 10.0),
        ):
            rows.append((symbol, day, price, 1.0))
        if k < 5:
            rows.append(("GONE", day, 10.0, 1.0))
    bars = pl.DataFrame(
        {"symbol": [r[0] for r in rows], "date": [r[1] for r in rows],
         **{name: [r[2] for r in rows] for name in ("open", "high", "low", "close")},
         "volume": [1e6] * len(rows),
         "dividend": [0.5 if r[0] == "PAYS" and r[1] == days[5] else 0.0 for r in rows],
         "split": [2.0 if r[0] == "SPLIT" and r[1] == days[6] else 1.0 for r in rows]}
    )  # fmt: skip
    store = tc.open_store(tmp_path / "store")
    store.import_bars(bars)
    from technic.research.forward_returns import dividends_of, forward_returns, vanished

    view = store.panel()
    place = {s: i for i, s in enumerate(view.who["symbol"].to_list())}
    ordinals = np.array([nyse().ordinal(d) for d in days])
    found = forward_returns(
        view, ordinals, (5,), dividends=dividends_of(store, view), delisting=-0.3
    )[0]
    assert found[2, place["PAYS"]] == pytest.approx(0.05)  # bought at 3, ex at 5, sold at 8
    assert found[4, place["PAYS"]] == pytest.approx(0.0)  # bought on the ex-date itself
    assert found[0, place["GROWS"]] == pytest.approx(16.0 / 11.0 - 1.0)
    assert np.nanmax(np.abs(found[:, place["SPLIT"]])) < 1e-12
    assert found[1, place["GONE"]] == pytest.approx(-0.3)
    assert found[3, place["GONE"]] == pytest.approx(-0.3)  # bought on its last morning
    assert np.isnan(found[4, place["GONE"]])
    assert vanished(view)[place["GONE"]]


def test_each_opening_of_the_vault_is_written_down_and_told(store, settings):
    file = TrainFile.of({**SPEC, "model": "ridge", "horizon": 1}, "vault.toml")
    for before in range(2):
        trained = train(store, file, open_vault=True, settings=settings)
        assert trained.card.vault["from"] > trained.card.trained_to
        assert trained.card.vault["opened_before"] == before
        assert len(trials(store, "vault")) == before + 1
    none = TrainFile.of(
        {**SPEC, "model": "ridge", "spans": {"vault": 0, "train": 100}}, "none.toml"
    )
    with pytest.raises(ConfigError, match="keep back no vault"):
        train(store, none, open_vault=True, settings=settings)
    use_model(store, registered(store)[-1]["sha256"], datetime.now(UTC))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_all_twelve_canaries_are_green_on_a_market_made_up(store, settings):
    """As `technic train --canaries` runs them, with fewer worlds."""
    from technic.research.learning.boosted_learner import BoostedLearner
    from technic.research.learning.store_canaries import CanarySubject, run_store_canaries

    file = TrainFile.of(SMALL, "canaries.toml")
    samples = dataset(store, file, settings)
    spans = file.spans.fitted(len(samples))
    learner = BoostedLearner(trees=12, depth=3, least=5)
    subject = CanarySubject(file, samples, learner, spans)
    canaries = run_store_canaries(store, subject, settings, lambda *_: None, worlds=4, points=2_000)
    assert [canary.name for canary in canaries] == [f"C{k}" for k in range(1, 13)]
    assert all(canary.passed for canary in canaries), canaries
