"""The arguments of the compiled kernel, in order: one table for its text, its calls and its checks.

1. `ARGUMENTS` says what `run` of the generated module takes.
2. `C_ARGUMENTS` is the same for C, which knows no arrays: an address for each, followed by those
   of its sizes that no earlier array has given. The text of `entry` (codegen.py) and the types
   under which it is called (loader.py) are made from it.
3. `pack` turns the one into the other, and refuses arrays that `entry` would misread.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from technic.errors import IndicatorError
from technic.indicators.kernel.instructions import N_FIELDS, N_FRAMES, WIDTH
from technic.market.panel import LANES

# Sizes that the code of the kernel holds; every other name is a size that calls give.
CONSTANTS = {
    "LANES": LANES,
    "N_FIELDS": N_FIELDS,
    "N_FRAMES": N_FRAMES,
    "WIDTH": WIDTH,
    "2": 2,
    "3": 3,
}
TABLE = (
    ("program", "int64[n_instructions, WIDTH]"),
    ("params", "float64[n_params]"),
    ("bars", "float64[n_blocks, n_fields, n_rows, LANES]"),
    ("lengths", "int64[n_blocks, LANES]"),
    ("fresh_counts", "int64[n_blocks, LANES]"),
    ("state", "float64[n_blocks, state_width, LANES]"),
    ("scratch", "float64[n_registers, n_rows, LANES]"),
    ("edges", "float64[N_FRAMES, 2, LANES]"),
    ("registers", "uintp[n_registers]"),
    ("used", "int64[N_FIELDS, 3]"),
    ("span_of", "int64[N_FRAMES, n_sessions]"),
    ("last_of", "int64[N_FRAMES, n_sessions]"),
    ("benchmark", "float64[n_sessions]"),
    ("out", "float64[n_columns, n_out]"),
    ("starts", "int64[n_blocks, LANES]"),
    ("counts", "int64[n_blocks, LANES]"),
    ("first_block", "int64"),
    ("last_block", "int64"),
)


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of the kernel: an array, or a whole number.

    Attributes
    ----------
    name : what the generated text calls it
    dtype : of the array's elements, or of the number
    sizes : the array's shape, by names of `CONSTANTS` or of sizes that calls give; empty for a
        number
    """

    name: str
    dtype: str
    sizes: tuple[str, ...]

    @classmethod
    def of(cls, name: str, kind: str) -> Argument:
        """An argument from a row of the table."""
        dtype, _, sizes = kind.rstrip("]").partition("[")
        return cls(name, dtype, tuple(sizes.split(", ")) if sizes else ())

    def check(self, array: Any, sizes: dict[str, int]) -> None:
        """Refuse an array that is not what the table says.

        Parameters
        ----------
        array : what a call gives
        sizes : those given so far, by name; this array's are added

        Raises
        ------
        IndicatorError
            If its memory has gaps, or its type or shape is another.
        """
        if not array.flags.c_contiguous:
            raise IndicatorError(f"an array of the kernel is not contiguous: {self.name}")
        if array.dtype != self.dtype:
            raise IndicatorError(
                f"{self.name} of the kernel holds {array.dtype} where {self.dtype} belongs"
            )
        fits = array.ndim == len(self.sizes) and all(
            sizes.setdefault(name, size) == size
            for name, size in zip(self.sizes, array.shape, strict=True)
        )
        if not fits:
            raise IndicatorError(
                f"{self.name} of the kernel has the shape {array.shape} where "
                f"({', '.join(self.sizes)}) belongs"
            )


ARGUMENTS = tuple(Argument.of(name, kind) for name, kind in TABLE)


def _c_arguments() -> tuple[tuple[str, str], ...]:
    """Addresses, each followed by the sizes that are not there yet."""
    there = set(CONSTANTS)
    flat: list[tuple[str, str]] = []
    for argument in ARGUMENTS:
        flat.append((argument.name, f"{argument.dtype}*" if argument.sizes else argument.dtype))
        flat += [(size, "int64") for size in argument.sizes if size not in there]
        there |= set(argument.sizes)
    return tuple(flat)


C_ARGUMENTS = _c_arguments()  # name and type of each; `float64*` is the address of doubles


def pack(values: Mapping[str, Any]) -> list[Any]:
    """Arrays and numbers by name, as the addresses and sizes that `entry` takes.

    The caller keeps the arrays alive: an address does not.

    Raises
    ------
    IndicatorError
        If an array is not what the table says.
    """
    sizes = dict(CONSTANTS)
    flat: dict[str, int] = {}
    for argument in ARGUMENTS:
        value = values[argument.name]
        if argument.sizes:
            argument.check(value, sizes)
        flat[argument.name] = value.ctypes.data if argument.sizes else int(value)
    return [(flat if name in flat else sizes)[name] for name, _ in C_ARGUMENTS]
