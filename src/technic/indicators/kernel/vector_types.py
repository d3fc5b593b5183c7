"""The vector type that definitions are compiled for, taught to Numba.

`Lanes` is a vector of `LANES` doubles, `Mask` one of booleans, `Rows` the address of a run of
vectors. Imported by the compiling process alone.

Each registration below is the form that Numba's extension interface asks for. `numba.extending`
is public; `infer_global`, `AbstractTemplate`, `Conversion` and `cgutils` lie under `numba.core`
and are internals, used as Numba's own modules use them (numba/core/typing/builtins.py,
numba/cpython/numbers.py). Nothing of Numba is replaced here.
"""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typeconv import Conversion
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import lower_builtin, lower_cast, models, register_model

from technic.indicators.lanes import (
    address_of,
    everywhere,
    held,
    larger,
    lowest,
    peek,
    poke,
    root,
    rows_at,
    smaller,
    where,
)
from technic.market.panel import LANES

DOUBLES = ir.VectorType(ir.DoubleType(), LANES)
BITS = ir.VectorType(ir.IntType(1), LANES)
ADDRESS = types.uintp

# --- the types -----------------------------------------------------------------------------


class LanesType(types.Type):
    """A vector of doubles; plain numbers widen to it."""

    def can_convert_from(self, _typingctx: Any, other: types.Type) -> Conversion | None:
        """Plain numbers convert without loss."""
        return Conversion.safe if isinstance(other, types.Number) else None

    def unify(self, _typingctx: Any, other: types.Type) -> types.Type | None:
        """A variable that holds a number first and lanes later holds lanes."""
        return self if isinstance(other, types.Number) else None


class MaskType(types.Type):
    """A vector of booleans."""


class RowsType(types.Type):
    """The address of a run of vectors."""


class HeldType(types.Type):
    """One vector in the place of rows."""


lanes, mask, rows = LanesType("Lanes"), MaskType("Mask"), RowsType("Rows")
held_lanes = HeldType("Held")


@register_model(LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, DOUBLES)


@register_model(MaskType)
class _MaskModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, BITS)


@register_model(RowsType)
class _RowsModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, ir.DoubleType().as_pointer())


@register_model(HeldType)
class _HeldModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, DOUBLES)


@lower_cast(types.Number, LanesType)
def _widen(context: Any, builder: Any, source: Any, _target: Any, value: Any) -> Any:
    number = context.cast(builder, value, source, types.float64)
    zero = ir.Constant(ir.IntType(32), 0)
    first = builder.insert_element(ir.Constant(DOUBLES, ir.Undefined), number, zero)
    everywhere = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(first, ir.Constant(DOUBLES, ir.Undefined), everywhere)


# --- the operations ------------------------------------------------------------------------


def _widens(args: tuple[types.Type, ...]) -> bool:
    return lanes in args and all(a == lanes or isinstance(a, types.Number) for a in args)


def _typed(function: Any, resolve: Any) -> None:
    """Teach type inference one operation: `resolve(args)` gives its signature or None."""

    class Template(AbstractTemplate):
        def generic(self, args: Any, _kws: Any) -> Any:
            return resolve(args)

    infer_global(function)(Template)


def _arithmetic(function: Any, instruction: str) -> None:
    _typed(function, lambda args: signature(lanes, lanes, lanes) if _widens(args) else None)

    @lower_builtin(function, LanesType, LanesType)
    def _lower(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        return getattr(builder, instruction)(*args)


def _comparison(function: Any, symbol: str) -> None:
    _typed(function, lambda args: signature(mask, lanes, lanes) if _widens(args) else None)

    @lower_builtin(function, LanesType, LanesType)
    def _lower(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        # As Python compares NaN: nothing holds of it but that it differs.
        compare = builder.fcmp_unordered if symbol == "!=" else builder.fcmp_ordered
        return compare(symbol, *args)


def _extremum(function: Any, symbol: str) -> None:
    _typed(function, lambda args: signature(lanes, lanes, lanes) if _widens(args) else None)

    @lower_builtin(function, LanesType, LanesType)
    def _lower(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        # NaN if either is; of equal values the second.
        first, second = args
        best = builder.select(builder.fcmp_ordered(symbol, first, second), first, second)
        unknown = builder.fcmp_unordered("uno", first, first)
        return builder.select(unknown, first, best)  # in this order: the first is one instruction


def _logic(function: Any, instruction: str) -> None:
    _typed(
        function,
        lambda args: signature(mask, mask, mask) if args == (mask, mask) else None,
    )

    @lower_builtin(function, MaskType, MaskType)
    def _lower(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        return getattr(builder, instruction)(*args)


for _function, _name in (
    (operator.add, "fadd"),
    (operator.iadd, "fadd"),
    (operator.sub, "fsub"),
    (operator.isub, "fsub"),
    (operator.mul, "fmul"),
    (operator.imul, "fmul"),
    (operator.truediv, "fdiv"),
    (operator.itruediv, "fdiv"),
):
    _arithmetic(_function, _name)

for _function, _name in (
    (operator.lt, "<"),
    (operator.le, "<="),
    (operator.gt, ">"),
    (operator.ge, ">="),
    (operator.eq, "=="),
    (operator.ne, "!="),
):
    _comparison(_function, _name)

_logic(operator.and_, "and_")
_logic(operator.or_, "or_")
_extremum(larger, ">")
_extremum(smaller, "<")

_typed(operator.neg, lambda args: signature(lanes, lanes) if args == (lanes,) else None)
_typed(operator.invert, lambda args: signature(mask, mask) if args == (mask,) else None)
_typed(root, lambda args: signature(lanes, lanes) if args == (lanes,) else None)
_typed(abs, lambda args: signature(lanes, lanes) if args == (lanes,) else None)
_typed(
    where,
    lambda args: (
        signature(lanes, mask, lanes, lanes)
        if args[0] == mask and _widens((*args[1:], lanes))
        else None
    ),
)
_typed(
    operator.getitem,
    lambda args: (
        signature(lanes, args[0], types.intp)
        if args[0] in (rows, held_lanes) and isinstance(args[1], types.Integer)
        else None
    ),
)
_typed(held, lambda args: signature(held_lanes, lanes) if args == (lanes,) else None)
_typed(
    operator.setitem,
    lambda args: signature(types.none, rows, types.intp, lanes) if args[0] == rows else None,
)
_typed(everywhere, lambda args: signature(lanes, types.float64) if len(args) == 1 else None)
_typed(lowest, lambda args: signature(types.float64, lanes) if args == (lanes,) else None)
_typed(rows_at, lambda args: signature(rows, ADDRESS) if args == (ADDRESS,) else None)
_typed(
    address_of,
    lambda args: signature(ADDRESS, args[0]) if isinstance(args[0], types.Array) else None,
)
_typed(peek, lambda _args: signature(types.float64, rows, types.intp, types.intp))
_typed(poke, lambda _args: signature(types.none, rows, types.intp, types.intp, types.float64))


@lower_builtin(operator.neg, LanesType)
def _negate(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
    return builder.fneg(args[0])


@lower_builtin(operator.invert, MaskType)
def _invert(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
    return builder.not_(args[0])


def _intrinsic(builder: Any, name: str, value: Any) -> Any:
    kind = ir.FunctionType(DOUBLES, [DOUBLES])
    function = cgutils.get_or_insert_function(builder.module, kind, f"{name}.v{LANES}f64")
    return builder.call(function, [value])


@lower_builtin(root, LanesType)
def _root(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
    return _intrinsic(builder, "llvm.sqrt", args[0])


@lower_builtin(abs, LanesType)
def _absolute(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
    return _intrinsic(builder, "llvm.fabs", args[0])


@lower_builtin(where, MaskType, LanesType, LanesType)
def _select(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
    return builder.select(*args)


@lower_builtin(everywhere, types.Float)
def _everywhere(context: Any, builder: Any, _sig: Any, args: Any) -> Any:
    return _widen(context, builder, types.float64, lanes, args[0])


@lower_builtin(lowest, LanesType)
def _lowest(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
    cells = [builder.extract_element(args[0], ir.Constant(ir.IntType(32), j)) for j in range(LANES)]
    found = cells[0]
    for cell in cells[1:]:
        beats = builder.fcmp_ordered("<", found, cell)
        unknown = builder.fcmp_unordered("uno", found, found)
        found = builder.select(builder.or_(beats, unknown), found, cell)
    return found


def _row(builder: Any, start: Any, t: Any) -> Any:
    offset = builder.mul(t, ir.Constant(t.type, LANES))
    return builder.bitcast(builder.gep(start, [offset]), DOUBLES.as_pointer())


def _cell(builder: Any, start: Any, t: Any, lane: Any) -> Any:
    offset = builder.add(builder.mul(t, ir.Constant(t.type, LANES)), lane)
    return builder.gep(start, [offset])


# Rows begin on 64 bytes wherever we lay them, but a caller's array may not: 8 is always true.
@lower_builtin(operator.getitem, RowsType, types.Integer)
def _load(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
    return builder.load(_row(builder, *args), align=8)


@lower_builtin(operator.getitem, HeldType, types.Integer)
@lower_builtin(held, LanesType)
def _itself(_context: Any, _builder: Any, _sig: Any, args: Any) -> Any:
    return args[0]


@lower_builtin(operator.setitem, RowsType, types.Integer, LanesType)
def _store(context: Any, builder: Any, _sig: Any, args: Any) -> Any:
    builder.store(args[2], _row(builder, args[0], args[1]), align=8)
    return context.get_dummy_value()


@lower_builtin(peek, RowsType, types.Integer, types.Integer)
def _peek(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
    return builder.load(_cell(builder, *args), align=8)


@lower_builtin(poke, RowsType, types.Integer, types.Integer, types.Float)
def _poke(context: Any, builder: Any, _sig: Any, args: Any) -> Any:
    builder.store(args[3], _cell(builder, *args[:3]), align=8)
    return context.get_dummy_value()


@lower_builtin(rows_at, types.Integer)
def _rows_at(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
    return builder.inttoptr(args[0], ir.DoubleType().as_pointer())


@lower_builtin(address_of, types.Array)
def _address_of(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    array = context.make_array(sig.args[0])(context, builder, args[0])
    return builder.ptrtoint(array.data, context.get_value_type(ADDRESS))
