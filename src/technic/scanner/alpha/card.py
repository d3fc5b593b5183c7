"""The card of a model: what it learned from, how it was judged, when it may be used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import date
from hashlib import sha256
from typing import Any

import orjson

from technic.errors import ModelError

SMALLEST, LARGEST = 0.5, 2.0  # of the members it learned from, per session


@dataclass(frozen=True, slots=True)
class Card:
    """What must be known of a model before it forecasts.

    Attributes
    ----------
    sha256 : of its file
    kind : "ridge" or "xgboost"
    features : names of the columns that rows must have, in this order
    kernel : digest of the code that computes features
    trained_from, trained_to : the sessions whose labels it learned from
    universe : clauses; whom it learned from and may forecast
    horizon : sessions ahead of the label
    demean : the groups whose mean return was taken away from labels
    delisting : what a name that vanished was thought to return
    usable_from : the first session that it could not know anything of
    max_age : sessions after `trained_to` for which it may be used
    members : symbols of the universe on a session, in the mean
    adjustment : how the prices that it learned from were adjusted
    store_identity : digest of the store version that it learned from
    spec, parameters : digest of the train file, and what it said of the learner
    seeds : of the models whose mean it is
    trials : how many models were tried on this store before it
    spans : how the history was divided; `asked` is what the file said
    result : of the walk-forward: metrics of the model, the ridge and the baselines
    gate : the verdict, clause by clause
    canaries : checks for leaks, if they were made
    survivors, sensitivity : how results change without vanished names, and by what those return
    vault : how it did on the sessions kept apart; None if they were not opened
    notes : what a reader should know, one line each
    made_with : versions of the libraries that learned it
    """

    sha256: str
    name: str
    kind: str
    features: tuple[str, ...]
    kernel: str
    universe: str
    horizon: int
    demean: str
    delisting: float
    trained_from: str
    trained_to: str
    usable_from: str
    max_age: int
    members: float
    simulated: bool
    adjustment: str
    store_version: str
    store_identity: str
    spec: str
    seeds: tuple[int, ...]
    trials: int
    parameters: Mapping[str, float]
    spans: Mapping[str, Any]
    result: Mapping[str, Any]
    gate: Mapping[str, Any]
    canaries: tuple[Mapping[str, Any], ...] = ()
    survivors: Mapping[str, Any] = field(default_factory=dict)
    sensitivity: Mapping[str, Any] = field(default_factory=dict)
    vault: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()
    made_with: str = ""

    @property
    def label(self) -> str:
        """What it may be called where it is shown."""
        return "measured edge" if self.gate["passed"] else "no measured edge"

    @property
    def why(self) -> str:
        """The first clause that it failed, in words; empty if none."""
        return str(self.gate["detail"])

    def content(self) -> bytes:
        """Return the card as a file holds it."""
        return orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2)

    @classmethod
    def of(cls, content: bytes) -> Card:
        """Read the card that a file holds.

        Raises
        ------
        ModelError
            If it holds none.
        """
        try:
            read = orjson.loads(content)
            names = {f.name for f in fields(cls)}
            values = {name: value for name, value in read.items() if name in names}
            for name in ("features", "seeds", "canaries", "notes"):
                values[name] = tuple(values[name])
            return cls(**values)
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(f"that is no card of a model: {error}") from error

    def check_file(self, content: bytes) -> None:
        """Refuse a file that is not the one the card speaks of.

        Raises
        ------
        ModelError
            If its digest is another.
        """
        if sha256(content).hexdigest() != self.sha256:
            raise ModelError(
                f"model {self.sha256[:12]}: the file is not the one its card speaks of; train again"
            )

    def check_use(
        self,
        as_of: date,
        age: int,
        kernel: str,
        members: int,
        *,
        simulated: bool,
        usable_from: date | None = None,
    ) -> None:
        """Refuse a session, a code or a market that the card does not speak of.

        Parameters
        ----------
        as_of : the session to forecast
        age : sessions from the last label it learned from to `as_of`
        kernel : digest of the code that computes features here
        members : of its universe on that session
        simulated : whether the market is a simulated one
        usable_from : in place of the card's own

        Raises
        ------
        ModelError
            With the reason, and what to do.
        """
        what = f"model {self.sha256[:12]} ({self.name})"
        advice = "train again: technic train"
        if kernel != self.kernel:
            raise ModelError(f"{what}: features are computed by other code since; {advice}")
        if simulated != self.simulated:
            market = "a simulated market" if self.simulated else "a real market"
            raise ModelError(f"{what}: it learned from {market}, and this is none; {advice}")
        if as_of < (usable_from or date.fromisoformat(self.usable_from)):
            raise ModelError(
                f"{what}: it has seen what came until {self.usable_from}, and says nothing of "
                f"{as_of}; ask as of {self.usable_from} or later"
            )
        if age > self.max_age:
            raise ModelError(
                f"{what}: it is {age:,} sessions old, and {self.max_age:,} are allowed; {advice}"
            )
        if not SMALLEST * self.members <= members <= LARGEST * self.members:
            raise ModelError(
                f"{what}: its universe has {members:,} members here, and had {self.members:,.0f} "
                f"when it learned; {advice}"
            )
