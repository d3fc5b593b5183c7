"""What many tests share: seeded bars, a folder for the compiled kernel, the real data."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

from support.needs import NO_REAL_DATA, lacking
from support.panels import walk
from technic.market.panel import Panel

settings.register_profile("ci", derandomize=True, deadline=None)
settings.load_profile("ci")


# A shell that starts the tests in the background ignores Ctrl-C for all that they start, and what
# is stopped by one here would not stop.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser) -> None:
    parser.addoption("--record", action="store_true", help="record golden answers anew")


def pytest_collection_modifyitems(items) -> None:
    """Slow tests may take longer than the others, on a busy machine too."""
    for item in items:
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(1200))


REAL = Path(os.environ.get("TECHNIC_TEST_DATA", "../shared/data"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real bars; missing, it fails in CI and skips elsewhere."""
    if not (REAL / "bars").is_dir():
        lacking(f"{NO_REAL_DATA}{REAL.resolve()}: set TECHNIC_TEST_DATA")
    return REAL


def pytest_terminal_summary(terminalreporter) -> None:
    """Say in one line how many tests were skipped for want of the real data."""
    skipped = terminalreporter.stats.get("skipped", [])
    if count := sum(NO_REAL_DATA in str(report.longrepr) for report in skipped):
        need = "1 test needs" if count == 1 else f"{count} tests need"
        text = f"{need} the real data, which is not here: set TECHNIC_TEST_DATA"
        terminalreporter.write_line(text, yellow=True)


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


@pytest.fixture
def panel() -> Panel:
    return walk()
