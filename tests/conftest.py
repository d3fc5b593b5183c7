"""What many tests share: seeded bars, a folder for the compiled kernel, the real data."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from needs import lacking
from technic.market.panel import Panel, pack
from technic.market.sessions import nyse

settings.register_profile("ci", derandomize=True, deadline=None)
settings.load_profile("ci")


def pytest_addoption(parser) -> None:
    parser.addoption("--record", action="store_true", help="record golden answers anew")


REAL = Path(os.environ.get("TECHNIC_TEST_DATA", "../shared/data"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real bars; missing, it fails in CI and skips elsewhere."""
    if not (REAL / "bars").is_dir():
        lacking(f"no real data at {REAL.resolve()}: set TECHNIC_TEST_DATA")
    return REAL


@pytest.fixture(scope="session")
def kernels() -> Path:
    """The user's own kernel folder: compiling it takes half a minute, once."""
    from technic.compute.kernel import ensure_compiled
    from technic.runtime.settings import Settings

    folder = Settings.load().kernels
    ensure_compiled(folder)
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory, kernels) -> Path:
    """A home of its own, with the kernels that are compiled already."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "cache").mkdir()
    (folder / "cache" / "kernels").symlink_to(kernels)
    return folder


def walk(
    lengths: tuple[int, ...] = (320, 7, 161, 320, 90, 1, 320, 320, 250), seed: int = 0
) -> Panel:
    """Random bars whose high and low always bracket open and close; some do not move at all."""
    rng = np.random.default_rng(seed)
    n = sum(lengths)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, n)))
    close = np.where(rng.random(n) < 0.02, np.roll(close, 1), close)
    open_ = close * np.exp(rng.normal(0.0, 0.01, n))
    columns = {
        "open": open_,
        "high": np.maximum(open_, close) * (1.0 + rng.random(n) / 50.0),
        "low": np.minimum(open_, close) * (1.0 - rng.random(n) / 50.0),
        "close": close,
        "volume": rng.integers(0, 1_000_000, n).astype(float),
    }
    last = nyse().last_until(np.datetime64("2024-03-08").astype(object))
    columns["session"] = np.concatenate(
        [np.sort(rng.choice(m + 40, m, replace=False)) + last - m - 39.0 for m in lengths]
    )
    return pack(np.arange(len(lengths)), np.array(lengths), columns)


@pytest.fixture
def panel() -> Panel:
    return walk()
