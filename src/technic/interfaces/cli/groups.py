"""Groups of options: a dataclass whose fields are options that belong together.

Typer reads one flat signature per command. A command written with `grouped` takes values
instead: each parameter annotated with a dataclass stands for all its fields, in their order.

    @dataclass(frozen=True)
    class MomentOptions:
        as_of: AsOfOption = None
        known_at: KnownAtOption = None

    @grouped
    def regime(moment: MomentOptions, target: StoreOptions) -> None: ...
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import date, datetime
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Any, get_type_hints

from technic.interfaces.cli import options
from technic.interfaces.render.terminal import quoted


@dataclass(frozen=True)
class StoreOptions:
    """The store that a command works on, and whether it answers in JSON."""

    store: options.StoreOption = None
    as_json: options.JsonOption = False

    def desk(self, *, ready: bool = False) -> options.Desk:
        """Open the store.

        Parameters
        ----------
        ready
            Also see to it that the store holds bars and that the indicators are compiled.
        """
        desk = options.desk(self.store)
        if ready:
            desk.store.require()
            options.ensure_compiled(desk.settings)
        return desk


@dataclass(frozen=True)
class MomentOptions:
    """The session to stand in, and what was known then."""

    as_of: options.AsOfOption = None
    known_at: options.KnownAtOption = None

    @property
    def words(self) -> str:
        """The words of a command line that stand in the same moment."""
        words = {"--as-of": self.as_of, "--known-at": self.known_at}
        return "".join(f" {option} {quoted(w)}" for option, w in words.items() if w is not None)

    @property
    def session(self) -> date | None:
        """The session that was named; None for the newest."""
        return options.day(self.as_of)

    @property
    def instant(self) -> datetime | None:
        """The instant before which a fact had to be known; None if none was named."""
        return options.instant(self.known_at)


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command whose parameters are groups of options the flat signature that Typer reads.

    Parameters
    ----------
    command
        Its parameters are annotated as Typer wants them, or with a dataclass of such fields.
    """
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {name: hint for name, hint in hints.items() if is_dataclass(hint)}
    parameters: list[Parameter] = []
    for name, parameter in signature(command).parameters.items():
        if name in groups:
            parameters += _parameters_of(groups[name])
        else:
            alone = parameter.replace(kind=Parameter.KEYWORD_ONLY, annotation=hints[name])
            parameters.append(alone)

    @wraps(command)
    def flat(**given: Any) -> None:
        values = {
            name: group(**{field.name: given.pop(field.name) for field in fields(group)})
            for name, group in groups.items()
        }
        command(**values, **given)

    flat.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    flat.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return flat


def _parameters_of(group: Any) -> list[Parameter]:
    """The fields of a group as parameters of a command."""
    hints = get_type_hints(group, include_extras=True)
    return [
        Parameter(
            field.name,
            Parameter.KEYWORD_ONLY,
            default=Parameter.empty if field.default is MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in fields(group)
    ]
