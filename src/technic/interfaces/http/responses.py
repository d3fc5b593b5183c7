"""What answers look like, for the OpenAPI description; tests hold real answers against it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Shape(BaseModel):
    """An answer; more fields may come."""

    model_config = ConfigDict(extra="allow")


class ProblemShape(Shape):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str | None = Field(None, description="The kind of error.")
    text: str | None = Field(None, description="The question's text, if that is what is wrong.")
    start: int | None = Field(None, description="Where in the text; −1 if nowhere.")
    hint: str | None = None
    last_listed: str | None = Field(
        None, description="The last session on which the symbol was listed."
    )


class LedgerShape(Shape):
    """Every listed symbol in one bucket."""

    total: int
    buckets: dict[str, int]
    details: dict[str, dict[str, int]]


class ReportShape(Shape):
    """A scan's answer."""

    as_of: str
    simulated: bool
    store_version: str
    question: dict[str, Any]
    rows: list[dict[str, Any]]
    ledger: LedgerShape
    notes: list[str]
    timings_ms: dict[str, float]
    work: dict[str, float]
    manifest: dict[str, Any]


class StepShape(Shape):
    """One step of the funnel."""

    part: str
    text: str
    left: int
    alone: int


class GridShape(Shape):
    """A whole ranking, column by column; or, if it is not `ok`, what is wrong with the question."""

    ok: bool
    problem: dict[str, Any] | None
    as_of: str = ""
    simulated: bool = False
    n_ranked: int = 0
    columns: list[str] = Field(default_factory=list)
    grid: dict[str, Any] = Field(default_factory=dict)
    funnel: list[StepShape] = Field(default_factory=list)
    ledger: dict[str, int] = Field(default_factory=dict)
    notes: list[str] = Field(default_factory=list)
    timings_ms: dict[str, float] = Field(default_factory=dict)


class ExplanationShape(Shape):
    """A score, taken apart."""

    symbol: str
    as_of: str
    rank: int
    n_ranked: int
    score: float
    parts: list[dict[str, Any]]
    simulated: bool


class WhyNotShape(Shape):
    """Each clause, for one symbol."""

    symbol: str
    as_of: str
    bucket: str
    clauses: list[dict[str, Any]]
    simulated: bool


class ChangeShape(Shape):
    """One symbol that came, went or crossed."""

    kind: str
    symbol: str
    before: int | None
    after: int | None
    why: str


class DifferenceShape(Shape):
    """Who entered, left and crossed between two sessions."""

    name: str
    before: str
    after: str
    entered: list[ChangeShape]
    left: list[ChangeShape]
    crossed: list[ChangeShape]
    stayed: list[ChangeShape]
    simulated: bool


class DiagnosisShape(Shape):
    """What is wrong with a text."""

    field: str
    why: str
    start: int
    hint: str


class CompiledShape(Shape):
    """Texts in canonical form, or what is wrong with them."""

    ok: bool
    canonical: dict[str, Any]
    warnings: list[str]
    problems: list[DiagnosisShape]


class JobShape(Shape):
    """A piece of long work."""

    id: str
    kind: str
    title: str
    owner: str = Field(description="Name of the key that began it.")
    state: str
    done: int
    total: int
    what: str
    error: str


class SavedShape(Shape):
    """A scan that is kept, or a preset."""

    name: str
    title: str
    preset: bool
    trouble: str
    file: dict[str, Any]


class SymbolShape(Shape):
    """A listing."""

    symbol: str
    name: str | None
    type: str | None
    sector: str | None


class ChartShape(Shape):
    """Bars and indicators of one symbol."""

    symbol: str
    as_of: str
    session: list[str]
    open: list[float | None]
    high: list[float | None]
    low: list[float | None]
    close: list[float | None]
    volume: list[float | None]
    indicators: dict[str, list[float | None]]
    events: list[dict[str, Any]]


class AboutShape(Shape):
    """What is served."""

    version: str
    as_of: str | None
    simulated: bool
    store_version: str
    sessions_behind: int


class AlertShape(Shape):
    """A change that was told."""

    id: int
    key: str
    at: str
    scan: str
    kind: str
    symbol: str
    detail: str
    as_of: str
    deliveries: list[dict[str, Any]]


class ModelShape(Shape):
    """A model, and whether it has earned its place."""

    model: str
    name: str
    kind: str
    horizon: int
    trained_from: str
    trained_to: str
    usable_from: str
    universe: str
    label: str
    gate: bool
    reason: str
    why: str
    ic: dict[str, float | None]
    trials: int
    simulated: bool
    used: bool
