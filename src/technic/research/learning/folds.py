"""Which sessions a model learns from and which it is judged on: never by row, always by date.

A label of session t ends at the open `horizon` + 1 sessions later, so the sessions just before a
test are left out of the training (purge), and some more (embargo), because what moved their labels
still moves the first sessions of the test.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from technic.errors import ConfigError

LEAST_STEP = 5  # sessions


@dataclass(frozen=True, slots=True)
class Spans:
    """How a history is divided; every length is in sessions.

    Attributes
    ----------
    train : length of the first training; later ones begin at the same session and end later
    step : from one training to the next, and the length of each test
    vault : sessions at the end of the history that nobody looks at until they are opened
    embargo : sessions left out between training and test, beyond the purge
    """

    train: int = 1260
    step: int = 63
    vault: int = 378
    embargo: int = 10

    def __post_init__(self) -> None:
        """Refuse spans that cannot be."""
        if self.train < 1 or self.step < 1 or self.vault < 0 or self.embargo < 0:
            raise ConfigError("spans: train and step are at least 1, vault and embargo at least 0")

    def fitted(self, sessions: int) -> Spans:
        """The same proportions for a history that is too short for them.

        The history must hold the training, twice as much test as vault, and the vault.

        Parameters
        ----------
        sessions : how many sessions the history has
        """
        whole = self.train + 2 * self.vault + self.vault
        share = min(1.0, sessions / whole)
        if share == 1.0:
            return self
        return replace(
            self,
            train=max(int(self.train * share), 1),
            step=max(min(self.step, int(self.vault * share / 2)), LEAST_STEP),
            vault=int(self.vault * share),
        )

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)


PROTOCOL = Spans()  # five years, a quarter, eighteen months, two weeks


@dataclass(frozen=True, slots=True)
class Fold:
    """One training and its test.

    Attributes
    ----------
    train_end : the position after the last session that is learned from; training begins at 0
    test, test_end : the first session that is judged, and the position after the last one
    """

    train_end: int
    test: int
    test_end: int


def walk_forward(sessions: int, spans: Spans, horizon: int) -> list[Fold]:
    """Divide the sessions before the vault into folds whose trainings grow.

    No label of a training or a test reaches into the vault.

    Parameters
    ----------
    sessions : how many sessions there are
    horizon : sessions ahead that a label looks

    Raises
    ------
    ConfigError
        If not even one fold fits.

    Examples
    --------
    >>> walk_forward(106, Spans(train=40, step=20, vault=10, embargo=3), horizon=5)
    [Fold(train_end=40, test=49, test_end=69), Fold(train_end=60, test=69, test_end=89)]
    """
    end = sessions - spans.vault - (horizon + 1 if spans.vault else 0)
    gap = horizon + 1 + spans.embargo
    folds = []
    test = spans.train + gap
    while test + spans.step <= end:
        folds.append(Fold(test - gap, test, test + spans.step))
        test += spans.step
    if not folds:
        raise ConfigError(
            f"{sessions} sessions hold no fold of {spans.train} to learn from, {gap} left out, "
            f"{spans.step} to be judged on and a vault of {spans.vault}: bring in more history, "
            "or say shorter spans"
        )
    return folds
