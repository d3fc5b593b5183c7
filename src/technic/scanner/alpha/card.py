"""The card of a model: what it learned from, how it was judged, and when it may not be used."""

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
    """What must be known of a model.

    Attributes
    ----------
    sha256 : of its file
    kernel : digest of the code that computes features
    trained_from, trained_to : the sessions whose labels it learned from
    usable_from : the first session that it could not know anything of
    members : symbols of the universe on a session, in the mean
    spans : how the history was divided; `asked` is what the file said
    result : of the walk-forward: metrics of the model, the ridge and the baselines
    gate : the verdict, clause by clause
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
        """The card as a file holds it."""
        return orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2)

    @classmethod
    def of(cls, content: bytes) -> Card:
        """The card that a file holds.

        Raises
        ------
        ModelError
            If it holds none.
        """
        try:
            read = orjson.loads(content)
            known = {f.name for f in fields(cls)}
            made = {name: value for name, value in read.items() if name in known}
            for name in ("features", "seeds", "canaries", "notes"):
                made[name] = tuple(made[name])
            return cls(**made)
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(f"that is no card of a model: {error}") from error

    def check_file(self, content: bytes) -> None:
        """Refuse a file that is not the one the card speaks of."""
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
        age : sessions from the last label it learned from to `as_of`
        members : of its universe on that session

        Raises
        ------
        ModelError
            With the reason, and what to do.
        """
        what = f"model {self.sha256[:12]} ({self.name})"
        again = "train again: technic train"
        if kernel != self.kernel:
            raise ModelError(f"{what}: features are computed by other code since; {again}")
        if simulated != self.simulated:
            market = "a simulated market" if self.simulated else "a real market"
            raise ModelError(f"{what}: it learned from {market}, and this is none; {again}")
        if as_of < (usable_from or date.fromisoformat(self.usable_from)):
            raise ModelError(
                f"{what}: it has seen what came until {self.usable_from}, and says nothing of "
                f"{as_of}; ask as of {self.usable_from} or later"
            )
        if age > self.max_age:
            raise ModelError(
                f"{what}: it is {age:,} sessions old, and {self.max_age:,} are allowed; {again}"
            )
        if not SMALLEST * self.members <= members <= LARGEST * self.members:
            raise ModelError(
                f"{what}: its universe has {members:,} members here, and had {self.members:,.0f} "
                f"when it learned; {again}"
            )
