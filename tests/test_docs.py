"""The documents say what is so: generated pages are fresh, figures are measured, links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "benchmarks/RESULTS.md"]


def test_generated_pages_are_fresh():
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/generate_reference.py", "--check"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_every_figure_of_the_readme_is_in_the_results():
    """The table of measured figures: each measured value stands in benchmarks/RESULTS.md."""
    readme, results = (ROOT / "README.md").read_text(), (ROOT / "benchmarks/RESULTS.md").read_text()
    section = readme.split("## Measured")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")][2:]
    assert len(rows) >= 8
    for row in rows:
        figure = row.split("|")[2].strip()
        assert figure in results, figure


def test_every_setting_and_universe_is_documented():
    from technic.runtime.settings import SETTINGS
    from technic.scanner.spec.scan_file import UNIVERSES

    text = "".join(page.read_text() for page in PAGES)
    for info in SETTINGS.values():
        assert info.variable in text
    for name in UNIVERSES:
        assert f"`{name}`" in text


def test_every_name_of_the_language_is_documented():
    from technic.query import names
    from technic.scores import MACROS, SCORES

    text = "".join(page.read_text() for page in PAGES)
    for name in (
        *names.ATTRIBUTES,
        *names.CROSS_SECTIONAL,
        *names.ELEMENTWISE,
        *names.TEMPORAL,
        *names.OTHER,
        *SCORES,
        *MACROS,
    ):
        assert name in text, name


def test_the_ten_scans_of_the_cookbook_run(tmp_path, kernels):
    import tomllib

    from technic.data.ingest import FileStore
    from technic.data.simulated import simulate
    from technic.data.simulated.statements import statements
    from technic.scanner.scan import scan
    from technic.scanner.spec.scan_file import ScanFile

    text = (ROOT / "docs/cookbook.md").read_text()
    files = [
        ScanFile.of(tomllib.loads(block), "cookbook")
        for block in re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    ]
    assert len(files) == 10
    market = simulate(seed=21, size=250, sessions=300)
    store = FileStore(tmp_path / "store")
    store.import_bars(market.bars, simulated=market.about)
    store.import_listings(market.listings)
    store.import_filings(statements(market.bars, market.listings, 21))
    for file in files:
        report = scan(store, file=file)
        assert sum(report.ledger_book.counts().values()) == report.ledger_book.total, file.name


def test_every_extra_is_documented():
    import tomllib

    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    text = "".join(page.read_text() for page in PAGES)
    for name in set(extras) - {"check", "test", "heavy", "docs", "edgar"}:
        assert f"[{name}]" in text, name


@pytest.mark.slow
def test_the_site_is_built_without_a_warning_and_reads_nothing_from_elsewhere(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", tmp_path / "site"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        text = page.read_text()
        loaded = re.findall(
            r"<(?:script|link|img|iframe)[^>]+(?:src|href)=[\"']?(https?://[^\"'> ]+)", text
        )
        assert [url for url in loaded if "canonical" not in url] == [], page
