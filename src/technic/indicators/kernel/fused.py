"""The text of the passes: one loop for the folds that are walked together (passes.py).

A pass walks rows at which all its folds are seasoned and all lanes live, so that nothing is masked
or counted. What its folds read is believed: `doubt` becomes unknown where a value was, and then
nothing of these rows is kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from technic.indicators.define import REGISTRY, Indicator
from technic.indicators.kernel.graph import Operation
from technic.indicators.kernel.passes import Pass, all_passes
from technic.indicators.series import Series
from technic.market.panel import FIELDS

WALK = """

@inner
def walk_{name}(program, head, registers, params, state, wanted, at, stop):
    forever, doubt = everywhere(INFINITY), everywhere(0.0)
    {setting}
    quiet = max(at, min(wanted, stop))
    for t in range(at, quiet):
        {steps}
    for t in range(quiet, stop):
        {steps}
        {stores}
    doubt = doubt + ({absorbed})
    if not lowest(doubt) == 0.0:
        return False
    {saving}
    return True
"""

CHOICE = """

@inner
def all_seasoned(program, head, state):
    for j in range(head + 1, head + 1 + program[head, OUTPUTS]):
        if program[j, CARRIES] > 0 and lowest(0.0 + state[program[j, STATE]]) < program[j, SEASON]:
            return False
    return True


@inner
def first_fused(program, head, state, begun, all_fresh, end):
    row = all_fresh
    for j in range(head + 1, head + 1 + program[head, OUTPUTS]):
        young = 0.0
        if program[j, CARRIES] > 0:
            young = max(0.0, program[j, SEASON] - lowest(0.0 + state[program[j, STATE]]))
        row = max(row, begun + program[j, KNOWN] + int(young))
    return min(row, end)


@inner
def first_stored(program, head, end, fresh):
    row = end
    for j in range(head + 1, head + 1 + program[head, OUTPUTS]):
        if program[j, CARRIES] > 0:
            row = min(row, first_row_wanted(program[j], end, fresh))
    return row


@inner
def fused(program, head, registers, params, state, wanted, at, end):
    known = all_seasoned(program, head, state)
    while known and at < end:
        stop, which = min(at + CHUNK, end), program[head, PARAM]
        {choices}
        if known:
            at = stop
    return at
"""


def write_passes() -> str:
    """Every pass as a function, and the one that chooses among them."""
    walks = "".join(_walk(one) for one in all_passes())
    choices = [
        f"{'if' if j == 0 else 'elif'} which == {j}:\n            known = walk_{one.name}"
        "(program, head, registers, params, state, wanted, at, stop)"
        for j, one in enumerate(all_passes())
    ]
    return walks + CHOICE.format(choices=("\n        ").join(choices))


@dataclass(slots=True)
class _Text:
    """The parts of a walk, as they grow member by member."""

    setting: list[str]
    steps: list[str]
    stores: list[str]
    saving: list[str]
    doubted: dict[str, None]
    absorbed: list[str]


def _walk(one: Pass) -> str:
    text = _Text([], [], [], [], {}, [])
    names = {field: f"rows_{field}" for field in _fields(one)}
    text.setting += [
        f"{name} = rows_at(registers[{FIELDS.index(field)}])" for field, name in names.items()
    ]
    places: dict[Operation, int] = {}
    for place, member in enumerate(one.members):
        reads = [_read(series, places) for series in member.inputs]
        text.setting.append(f"code_{place} = program[head + {place + 1}]")
        if member.kind == "constant":
            _constant(text, place)
        else:
            _step(text, place, member, reads)
        for j in range(member.n_outputs if member.kind == "fold" else 0):
            text.setting.append(f"o_{place}_{j} = rows_at(registers[code_{place}[OUT + {j}]])")
            text.stores.append(f"o_{place}_{j}[t] = v_{place}_{j}")
        places[member] = place
    if text.doubted:
        text.steps.append(f"doubt = doubt + ({_nothing(text.doubted)})")
    return WALK.format(
        name=one.name,
        setting=_lines(text.setting, 4),
        steps=_lines(text.steps, 8),
        stores=_lines(text.stores, 8),
        saving=_lines(text.saving, 4),
        absorbed=_nothing(text.absorbed) or "0.0",
    )


def _nothing(values: Iterable[str]) -> str:
    """Zero, or unknown where one of them is unknown or infinite."""
    return " + ".join(f"0.0 * {value}" for value in values)


def _fields(one: Pass) -> list[str]:
    fields = {read.name for member in one.members for read in member.inputs}
    return [field for field in FIELDS if field in fields]


def _read(series: Series, places: dict[Operation, int]) -> tuple[str, str]:
    """What a step is given for an input, and the value of it at the row in hand."""
    operation = Operation.of(series)
    if operation.kind == "field":
        return f"rows_{operation.name}", f"rows_{operation.name}[t]"
    value = f"v_{places[operation]}_{series.output}"
    return f"held({value})", value


def _constant(text: _Text, place: int) -> None:
    text.setting.append(f"v_{place}_0 = everywhere(params[code_{place}[PARAM]])")


def _step(text: _Text, place: int, member: Operation, reads: list[tuple[str, str]]) -> None:
    indicator = REGISTRY[member.name]
    numbers = [f"p_{place}_{j}" for j in range(len(indicator.defaults))]
    text.setting += [
        f"{number} = {type(default).__name__}(params[code_{place}[PARAM] + {j}])"
        for j, (number, default) in enumerate(
            zip(numbers, indicator.defaults.values(), strict=True)
        )
    ]
    carries = [f"c_{place}_{name}" for name in indicator.carries]
    values = [f"v_{place}_{j}" for j in range(member.n_outputs)]
    given = [read for read, _ in reads]
    leading = ["t", "forever"] if member.kind == "fold" else ["t"]
    call = ", ".join([*leading, *given, *carries, *numbers])
    text.steps.append(f"{', '.join([*values, *carries])} = step_{member.name}({call})")
    if member.kind != "fold":
        return
    slot = f"code_{place}[STATE]"
    for j, carry in enumerate(carries):
        text.setting.append(f"{carry} = 0.0 + state[{slot} + {1 + j}]")
        text.saving.append(f"state[{slot} + {1 + j}] = {carry}")
    text.saving.append(f"state[{slot}] = state[{slot}] + float(stop - at)")
    if indicator.absorbs:  # what it met, it carries: one look behind the last row is enough
        text.absorbed += carries
    else:
        text.doubted |= dict.fromkeys(_doubted(indicator, member, reads, carries))


def _doubted(
    indicator: Indicator, member: Operation, reads: list[tuple[str, str]], carries: list[str]
) -> list[str]:
    """Where an unknown input of a fold shows: as `codegen._doubting` has it."""
    if not indicator.takes_any_input:
        return []
    watched = [
        value for name, (_, value) in zip(indicator.inputs, reads, strict=True) if name == "x"
    ]
    return watched + (carries if member.reach > 0 else [])


def _lines(statements: list[str], depth: int) -> str:
    return ("\n" + " " * depth).join(statements) or "pass"
