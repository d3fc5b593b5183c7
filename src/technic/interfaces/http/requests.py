"""What requests may say: every field named, bounded, and nothing beside them."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from technic.market.instants import day_of, instant_of
from technic.operations.saved_scans import scan_file
from technic.research.learning.train_file import TrainFile
from technic.runtime.settings import NAME, Settings
from technic.scanner.spec.scan_file import ScanFile

TEXT = 4_096  # characters of a question
MOST_ROWS = 10_000
MOST_VALUES = 1_000_000  # of histories in one answer
WHOLE = re.compile(r"-?\d{1,18}", re.ASCII)


def _printable(text: str) -> str:
    if "\0" in text:
        message = "holds a NUL, which is no text"
        raise ValueError(message)
    return text


def _day(given: Any) -> date:
    if not isinstance(given, str):
        message = "a date is a text: write it as 2026-11-20"
        raise ValueError(message)  # noqa: TRY004  pydantic tells of no other
    return day_of(given)


def _instant(given: Any) -> datetime:
    if not isinstance(given, str):
        message = "an instant is a text: write it as 2026-11-20T21:00:00Z"
        raise ValueError(message)  # noqa: TRY004
    return instant_of(given)


def _whole(given: Any) -> Any:
    if isinstance(given, str) and not WHOLE.fullmatch(given):
        message = "a whole number is written in digits, such as 20"
        raise ValueError(message)
    return given


def _no_truth(given: Any) -> Any:
    if isinstance(given, bool):
        message = "a truth is no number"
        raise ValueError(message)  # noqa: TRY004
    return given


Day = Annotated[date, BeforeValidator(_day)]
Instant = Annotated[datetime, BeforeValidator(_instant)]
Whole = Annotated[int, BeforeValidator(_whole)]  # in an address
# Bounds come before what looks at the text: theirs is then an error about characters.
PRINTABLE = AfterValidator(_printable)
Expression = Annotated[str, Field(max_length=TEXT), PRINTABLE]
Indicator = Annotated[str, Field(min_length=1, max_length=200), PRINTABLE]
Symbol = Annotated[str, Field(min_length=1, max_length=24), PRINTABLE]
Name = Annotated[str, Field(pattern=f"^{NAME.pattern}$")]


class StrictModel(BaseModel):
    """What all of them share: nothing that was not asked for, and nothing taken for another kind."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, strict=True)


class PlanFields(StrictModel):
    """How plans are made; see the guide to trade plans."""

    side: Literal["long", "short"] | None = None
    account: Annotated[float, Field(gt=0, le=1e12)] | None = None
    risk: Annotated[float, Field(gt=0, le=1)] | None = None
    max_heat: Annotated[float, Field(gt=0, le=1)] | None = None
    max_adv: Annotated[float, Field(gt=0, le=1)] | None = None
    max_positions: Annotated[int, Field(ge=0, le=10_000)] | None = None
    leverage: Annotated[float, Field(gt=0, le=100)] | None = None
    entry: Expression | None = None
    stop: Expression | None = None
    target: Expression | None = None


class QuestionFields(StrictModel):
    """A scan file, whole or in part; what is left out is what `preset` says, or the default."""

    preset: Name | None = Field(None, description="A saved scan or a preset to begin with.")
    name: Annotated[str, Field(max_length=200), PRINTABLE] | None = None
    where: Expression | None = Field(None, examples=["rsi(14) < 30 and close > sma(200)"])
    universe: Expression | None = Field(None, examples=["liquid"])
    rank: Expression | None = Field(None, examples=["pct_rank(ret(126))"])
    columns: Annotated[list[Expression], Field(max_length=64)] | None = None
    top: Annotated[int, Field(ge=1, le=MOST_ROWS)] | None = None
    missing: Annotated[str, Field(max_length=40), PRINTABLE] | None = None
    benchmark: Annotated[str, Field(max_length=24), PRINTABLE] | None = None
    params: Annotated[dict[Name, float], Field(max_length=64)] | None = None
    let: Annotated[dict[Name, Expression], Field(max_length=64)] | None = None
    plan: PlanFields | None = None

    def file(self, settings: Settings) -> ScanFile:
        """The scan file it stands for.

        Raises
        ------
        ConfigError
            If there is no such preset, or it contradicts itself.
        """
        begun = ScanFile() if self.preset is None else scan_file(settings, self.preset)
        written = set(QuestionFields.model_fields) - {"preset", "missing"}
        given = self.model_dump(exclude_none=True, include=written)
        if "rank" in given or self.missing is not None:
            rank, missing = given.get("rank", begun.rank), self.missing or begun.missing
            given["rank"] = {"score": rank, "missing": missing}
        said = ScanFile.of(given, "question")
        fields = {"let": "lets", "rank": "rank"}
        changed: dict[str, Any] = {fields.get(k, k): getattr(said, fields.get(k, k)) for k in given}
        if "rank" in given:
            changed["missing"] = said.missing
        if self.rank is not None and self.name is None and self.preset is None:
            changed["name"] = f"everything by {self.rank}"
        return replace(begun, **changed)


class SessionFields(StrictModel):
    """Where a question stands in time."""

    as_of: Day | None = Field(None, description="The session; the newest stored by default.")
    known_at: Instant | None = Field(None, description="Only what was known before it.")


class ScanRequest(QuestionFields, SessionFields):
    """A question as of a session."""

    symbols: Annotated[list[Symbol], Field(max_length=20_000)] | None = None


class SymbolRequest(QuestionFields, SessionFields):
    """A question about one symbol."""

    symbol: Symbol


class DiffRequest(QuestionFields):
    """A question on two sessions."""

    before: Day | None = None
    after: Day | None = None


class FeaturesRequest(StrictModel):
    """Histories of features."""

    features: Annotated[list[Indicator], Field(min_length=1, max_length=64)]
    symbols: Annotated[list[Symbol], Field(min_length=1, max_length=200)]
    last: Annotated[int, Field(ge=1, le=5_000)] = 252
    as_of: Day | None = None

    @model_validator(mode="after")
    def _bounded(self) -> FeaturesRequest:
        values = len(self.features) * len(self.symbols) * self.last
        if values > MOST_VALUES:
            message = (
                f"features × symbols × last are {values:,}; at most {MOST_VALUES:,} are answered"
            )
            raise ValueError(message)
        return self


class Texts(StrictModel):
    """Texts to be checked before they are asked."""

    where: Expression = ""
    universe: Expression = ""
    rank: Expression = ""
    columns: Annotated[list[Expression], Field(max_length=64)] = Field(default_factory=list)


class EvaluationRequest(StrictModel):
    """What is to be measured."""

    columns: Annotated[list[Expression], Field(max_length=64)] = Field(default_factory=list)
    universe: Expression | None = None
    last: Annotated[int, Field(ge=30, le=10_000)] | None = None


class RankHistoryRequest(QuestionFields):
    """The rank of one symbol over the last sessions, up to one of them."""

    symbol: Symbol
    as_of: Day | None = None
    sessions: Annotated[int, Field(ge=2, le=504)] = 60


class SpanRequest(QuestionFields):
    """A question on every session of a span."""

    first: Day
    last: Day


class BacktestJobRequest(QuestionFields):
    """A question that is to be traded on the past; what is left out is what the scan file says."""

    first: Day | None = None
    last: Day | None = None
    rebalance: Literal["daily", "weekly", "monthly"] | None = None
    hold: Annotated[int, Field(ge=1, le=500)] | None = None
    buffer: Annotated[int, Field(ge=0, le=5_000)] | None = None
    cost: Annotated[str, Field(max_length=24, examples=["spread+impact"]), PRINTABLE] | None = None
    commission: Annotated[float, Field(ge=0, le=10)] | None = None
    borrow: Annotated[float, Field(ge=0, le=10)] | None = None
    delisting: Annotated[float, Field(ge=-1, le=0)] | None = None

    def traded(self, settings: Settings) -> ScanFile:
        """The scan file it stands for, with the rules by which it is traded.

        Raises
        ------
        ConfigError
            If it contradicts itself.
        """
        file = self.file(settings)
        rules = set(BacktestJobRequest.model_fields) - set(QuestionFields.model_fields)
        given = self.model_dump(exclude_none=True, include=rules)
        return replace(file, backtest=replace(file.backtest, **given))


class TrainRequest(StrictModel):
    """What is to be learned; what is left out is what the shipped training file says."""

    name: Annotated[str, Field(max_length=80), PRINTABLE] | None = None
    model: Literal["ridge", "xgboost"] | None = None
    horizon: Annotated[Literal[1, 5, 21], BeforeValidator(_no_truth)] | None = None
    universe: Expression | None = None
    demean: Literal["market", "sector"] | None = None
    features: Annotated[list[Indicator], Field(min_length=1, max_length=400)] | None = None
    seeds: Annotated[int, Field(ge=1, le=20)] | None = None
    canaries: bool = False

    def file(self) -> TrainFile:
        """The training file it stands for.

        Raises
        ------
        ConfigError
            If it cannot be.
        """
        return TrainFile.of(self.model_dump(exclude_none=True, exclude={"canaries"}), "training")


class MarketMapRequest(StrictModel):
    """How the market is drawn."""

    size: Literal["market_cap", "dollar_volume"] = "dollar_volume"
    colour: Expression = "100 * ret(1)"
    universe: Expression = "liquid"
    as_of: Day | None = None


class DistributionRequest(StrictModel):
    """A column whose values are to be counted."""

    column: Expression
    universe: Expression = "liquid"
    as_of: Day | None = None


class WatchListRequest(StrictModel):
    """The symbols of a watch-list."""

    symbols: Annotated[list[Symbol], Field(max_length=5_000)]


class Alerting(StrictModel):
    """When a change is told, and to whom; see the guide to alerts."""

    on: list[Literal["entered", "left", "crossed"]] | None = None
    crossed: Annotated[list[Expression], Field(max_length=16)] | None = None
    debounce: Annotated[int, Field(ge=1, le=1_000)] | None = None
    cooldown: Annotated[str, Field(max_length=16, examples=["4h"])] | None = None
    quiet: Annotated[str, Field(max_length=16, examples=["22:00-07:00"])] | None = None
    to: Annotated[list[Name], Field(max_length=16)] | None = None


class SaveScanRequest(QuestionFields):
    """A scan that is to be kept."""

    alert: Alerting | None = None


class WatchRequest(StrictModel):
    """A scan that is to be watched while the market trades."""

    scan: Name
    every: Annotated[float, Field(ge=5, le=3_600, description="Seconds between looks.")] = 60.0


class LoginRequest(StrictModel):
    """A key, to begin a session of a page."""

    key: Annotated[str, Field(max_length=200)]
