"""The tools that agents have: what each asks of technic."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Annotated, Any

from pydantic import Field

from technic.data.store import Store
from technic.data.store.evidence import load_evidence
from technic.errors import ConfigError
from technic.interfaces.mcp.arguments import (
    LOOKED_AT,
    MOST_ROWS,
    Day,
    Hold,
    Instant,
    Preset,
    Rank,
    Rebalance,
    Symbol,
    Top,
    Universe,
    Where,
    changed_by,
    read_day,
    read_instant,
)
from technic.interfaces.mcp.envelope import Envelopes, quoted_row
from technic.interfaces.render.backtest import hangs, verdict
from technic.interfaces.render.model_card import card_lines
from technic.operations.saved_scans import scan_file
from technic.query.names import NUMBER
from technic.query.resolve import Resolver
from technic.research.backtest.decisions import sessions_of_decision
from technic.research.backtest.run import backtest
from technic.runtime.settings import Settings
from technic.scanner.alpha.registry import card_of, registered
from technic.scanner.inspect.coverage import coverage
from technic.scanner.inspect.diff import diff
from technic.scanner.inspect.explain import explain
from technic.scanner.inspect.why_not import why_not
from technic.scanner.scan import scan
from technic.scanner.scan_sessions import sessions_between
from technic.scanner.spec.scan_file import UNIVERSES, ScanFile

MOST_DECISIONS = 300  # sessions on which an agent may ask in one backtest


class Tools:
    """What agents may ask.

    Parameters
    ----------
    settings : where saved scans lie, and what scans go by

    Attributes
    ----------
    envelopes : what answers come in
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._settings = store, settings
        self.envelopes = Envelopes(store)

    def compile(
        self, where: Where = "", universe: Universe = "", rank: Rank = ""
    ) -> dict[str, Any]:
        """Check texts of the scan language: their canonical form, or what is wrong and where."""

        def work() -> dict[str, Any]:
            resolver = Resolver()
            canonical = {}
            for name, text in (("where", where), ("universe", UNIVERSES.get(universe, universe))):
                if text.strip():
                    canonical[name] = str(resolver.question(text))
            if rank.strip():
                canonical["rank"] = str(resolver.question(rank, NUMBER))
            return self.envelopes.around(
                "ok", {"canonical": canonical}, list(dict.fromkeys(resolver.warnings))
            )

        return self.envelopes.answer(work)

    def scan(
        self,
        where: Where = "",
        universe: Universe = "",
        rank: Rank = "",
        preset: Preset = "",
        top: Top = None,
        columns: Annotated[list[str] | None, Field(max_length=24)] = None,
        as_of: Day = "",
        known_at: Instant = "",
    ) -> dict[str, Any]:
        """Rank the market by a question; rows best first, with a plan for each."""

        def work() -> dict[str, Any]:
            file = self._file(preset)
            report = scan(
                self._store,
                where or None,
                universe or (None if preset else LOOKED_AT),
                rank or None,
                top or (min(file.top, MOST_ROWS) if file else None),
                columns,
                read_day(as_of),
                known_at=read_instant(known_at),
                file=file,
                settings=self._settings,
            )
            rows = [quoted_row(report.record(row)) for row in report.shown]
            return self.envelopes.of_report(
                "ok" if rows else "empty", report, {"rows": rows}, known_at
            )

        return self.envelopes.answer(work)

    def explain(
        self,
        symbol: Symbol,
        preset: Preset = "",
        where: Where = "",
        rank: Rank = "",
        as_of: Day = "",
    ) -> dict[str, Any]:
        """Take a ranked symbol's score apart: terms that add up to it, and the session before."""

        def work() -> dict[str, Any]:
            file = changed_by(self._file(preset), where, rank)
            answer = why_not(self._store, symbol, file, read_day(as_of), settings=self._settings)
            if answer.rank is None:
                data = {"symbol": answer.symbol, "bucket": answer.bucket, "detail": answer.detail}
                return self._about("not_ranked", data, file, answer.as_of)
            explanation = explain(
                self._store, symbol, file, read_day(as_of), settings=self._settings
            )
            return self._about("ok", quoted_row(explanation.as_dict()), file, explanation.as_of)

        return self.envelopes.answer(work)

    def why_not(
        self,
        symbol: Symbol,
        preset: Preset = "",
        where: Where = "",
        universe: Universe = "",
        as_of: Day = "",
    ) -> dict[str, Any]:
        """Each clause for one symbol: ok, fails by how much, or unknown; the rank it would have."""

        def work() -> dict[str, Any]:
            file = changed_by(self._file(preset), where, universe=universe)
            answer = why_not(self._store, symbol, file, read_day(as_of), settings=self._settings)
            return self._about("ok", answer.as_dict(), file, answer.as_of)

        return self.envelopes.answer(work)

    def diff(
        self,
        preset: Preset = "",
        where: Where = "",
        universe: Universe = "",
        rank: Rank = "",
        top: Top = None,
        before: Day = "",
        after: Day = "",
    ) -> dict[str, Any]:
        """Who entered and who left a scan between two sessions, and why."""

        def work() -> dict[str, Any]:
            written = self._file(preset) or ScanFile(universe=UNIVERSES[LOOKED_AT])
            file = changed_by(written, where, rank, universe, top or min(written.top, MOST_ROWS))
            difference = diff(
                self._store, file, read_day(before), read_day(after), settings=self._settings
            )
            content = difference.as_dict()
            for kind in ("entered", "left", "crossed", "stayed"):
                content[kind] = [quoted_row(change) for change in content[kind]]
            changed = bool(difference.changes)
            return self._about("ok" if changed else "empty", content, file, difference.after)

        return self.envelopes.answer(work)

    def coverage(self, as_of: Day = "") -> dict[str, Any]:
        """What the store holds and what is missing: sessions, symbols, filings, rows set aside."""

        def work() -> dict[str, Any]:
            figures = coverage(self._store, read_day(as_of))
            figures.pop("store")
            plain = {k: str(v) if isinstance(v, date) else v for k, v in figures.items()}
            plain["thin_sessions"] = [str(day) for day in figures["thin_sessions"]]
            held = {"symbols": figures["symbols"], "traded": figures["traded_on_session"]}
            plain["filings"] = {
                k: str(v) if isinstance(v, date) else v for k, v in figures["filings"].items()
            }
            return {**self.envelopes.around("ok", plain, [], figures["as_of"]), "coverage": held}

        return self.envelopes.answer(work)

    def evidence(self) -> dict[str, Any]:
        """What scores have been worth on this store: rank IC with 95 % intervals by horizon."""

        def work() -> dict[str, Any]:
            evidence = load_evidence(self._store)
            if not evidence:
                return self.envelopes.around("empty", {}, ["never measured here: technic evaluate"])
            return self.envelopes.around(
                "ok", evidence, ["nothing was fitted; 1 in 20 intervals misses"]
            )

        return self.envelopes.answer(work)

    def models(self) -> dict[str, Any]:
        """The models that give `alpha`, the one in use first: verdict, reason, rank IC, trials."""

        def work() -> dict[str, Any]:
            cards = [card_of(self._store, row["sha256"]) for row in registered(self._store)]
            if not cards:
                return self.envelopes.around(
                    "empty", {}, ["no model was trained here: technic train"]
                )
            lines = [{**card_lines(card), "used": k == 0} for k, card in enumerate(cards)]
            notes = [f"alpha: {cards[0].label}" + (f" — {cards[0].why}" if cards[0].why else "")]
            return self.envelopes.around("ok", {"models": lines}, notes)

        return self.envelopes.answer(work)

    def backtest(
        self,
        preset: Preset = "",
        where: Where = "",
        universe: Universe = "",
        rank: Rank = "",
        first: Day = "",
        last: Day = "",
        rebalance: Rebalance = "",
        hold: Hold = None,
    ) -> dict[str, Any]:
        """Trade a scan on the past, on what was known then; the verdict says what it allows.

        Every distinct question is counted for good, and deflates what is found later.
        """

        def work() -> dict[str, Any]:
            written = self._file(preset) or ScanFile(universe=UNIVERSES[LOOKED_AT])
            file = changed_by(written, where, rank, universe)
            rules = file.backtest
            rules = replace(rules, rebalance=rebalance or rules.rebalance, hold=hold or rules.hold)
            version = self._store.require()
            low, high = (
                read_day(first) or rules.first or version.first,
                read_day(last) or rules.last,
            )
            days = sessions_between(self._store, version, low or date.min, high)
            decisions = sessions_of_decision(days, rules.rebalance)
            if len(decisions) > MOST_DECISIONS:
                raise ConfigError(
                    f"{len(decisions):,} sessions of decision; at most {MOST_DECISIONS} here: choose a "
                    "shorter span, or weekly or monthly"
                )
            result = backtest(
                self._store,
                replace(file, backtest=rules),
                first=low,
                last=high,
                settings=self._settings,
            )
            summary = result.summary
            data = {
                "verdict": verdict(summary["performance"], result.trials),
                "hangs": hangs(result),
                **{
                    k: summary[k] for k in ("performance", "gross", "benchmark", "trading", "years")
                },
                "trials": result.trials,
                "rules": result.rules.as_dict(),
            }
            answer = self.envelopes.around("ok", data, list(result.notes), result.last)
            return {**answer, "manifest_id": result.manifest["seal"]}

        return self.envelopes.answer(work)

    def _file(self, preset: str) -> ScanFile | None:
        return scan_file(self._settings, preset) if preset else None

    def _about(
        self, status: str, data: dict[str, Any], file: ScanFile, day: date
    ) -> dict[str, Any]:
        """An answer about a scan, with the scan's own seal and coverage."""
        newest = day == self._store.version().last
        report = scan(
            self._store, as_of=None if newest else day, file=file, settings=self._settings
        )
        return self.envelopes.of_report(status, report, data, "")
