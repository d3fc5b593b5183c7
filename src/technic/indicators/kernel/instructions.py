"""What the fused kernel does to a block besides running definitions.

Within a block the last bars of all eight symbols stand in the same row, `end - 1`, so that one
vector instruction evaluates a window for all of them. A block whose symbols have lived equally
long is read where it lies; another one is first copied, pushed to the right.
"""

from __future__ import annotations

from typing import Any

from technic.indicators.lanes import inner, peek, poke, rows_at
from technic.indicators.series import DAILY
from technic.market.panel import FIELDS, LANES

N_FIELDS = len(FIELDS)
OPEN, HIGH, LOW, CLOSE, VOLUME, SESSION, VWAP = range(N_FIELDS)
BENCHMARK = N_FIELDS  # stands behind the fields of each frame
FRAME_REGISTERS = N_FIELDS + 1
N_FRAMES = 3
FIRST_FREE = N_FRAMES * FRAME_REGISTERS
NAN = float("nan")

# One instruction is a row of `WIDTH` numbers; what stands in which column:
#   OP, FRAME    which operation or definition, over daily, weekly or monthly bars
#   REACH        rows before its own that it reads
#   BACK, BEFORE the rows somebody reads of what it writes: see program.Demand
#   PARAM        where its numbers begin in `params`; PASS: which one it is
#   STATE, CARRIES   where the floats of a fold lie in `state`, and how many there are
#   TAIL, TAIL_SLOT  how many old rows of a fold are kept beside them, and where; HOLD: its frame
#   KNOWN        bars before what it reads is known, if nothing is unknown in the middle
#   SEASON       bars after which a fold does not care how many there have been
#   OUTPUTS      how many registers it writes; PASS: how many of the rows behind it are its members,
#                which come by themselves while they are young or what they read is in doubt
#   IN, OUT      the registers it reads and writes: up to six each
OP, FRAME, REACH, BACK, BEFORE, PARAM, STATE, CARRIES, TAIL, TAIL_SLOT, KNOWN, SEASON, OUTPUTS = (
    range(13)
)
IN, OUT, WIDTH = 13, 19, 25
MOST_PARAMS = 4
CHUNK = 128  # rows that a fold believes at once: as many are walked again where one is unknown

# Instructions that are no definitions; definitions follow.
EMIT, CONSTANT, ALIGN, RESAMPLE, HOLD, PASS, FIRST_DEFINITION = range(7)


@inner
def first_row_wanted(code: Any, end: int, fresh: int) -> int:
    """The first row that anybody reads of what this instruction writes."""
    row: int = max(0, min(end - code[BACK], fresh - code[BEFORE]))
    return row


@inner
def push_right(source: Any, target: Any, lengths: Any, end: int, first: int) -> None:
    """Copy rows from `first` on of a ragged block so that every run ends at row `end - 1`.

    Parameters
    ----------
    source, target : rows of one field, as they lie and as the definitions read them
    lengths : int64, shape (LANES,); bars of each symbol
    """
    for lane in range(LANES):
        shift = end - lengths[lane]
        for t in range(max(first, shift), end):
            poke(target, t, lane, peek(source, t - shift, lane))


@inner
def align(benchmark: Any, session: Any, target: Any, firsts: Any, first: int, end: int) -> None:
    """The benchmark's close at the session of each row."""
    for lane in range(LANES):
        begin = max(first, int(peek(firsts, 0, lane)))
        for t in range(begin, end):
            poke(target, t, lane, benchmark[int(peek(session, t, lane))])


@inner
def frame_rows(registers: Any, frame: int) -> Any:
    """The rows of a frame's open, high, low, close, volume and session, in this order."""
    base = frame * FRAME_REGISTERS
    return (
        rows_at(registers[base + OPEN]),
        rows_at(registers[base + HIGH]),
        rows_at(registers[base + LOW]),
        rows_at(registers[base + CLOSE]),
        rows_at(registers[base + VOLUME]),
        rows_at(registers[base + SESSION]),
    )


@inner
def resample(
    frame: int, registers: Any, edges: Any, span_of: Any, last_of: Any, lengths: Any, end: int
) -> None:
    """Merge a block's daily bars into those of a slower frame, right-aligned as they are.

    Parameters
    ----------
    frame : the slower one
    registers : address of the rows of each register; the slower frame's are written
    edges : float64, shape (N_FRAMES, 2, LANES); set to the first row of each symbol
    span_of, last_of : int64, shape (N_FRAMES, n_sessions); the week or month of each session,
        and the last session of it
    lengths : int64, shape (LANES,); daily bars of each symbol
    end : one more than the row of the last bars
    """
    daily, slow = frame_rows(registers, DAILY), frame_rows(registers, frame)
    for lane in range(LANES):
        if lengths[lane] > 0:
            first = end - lengths[lane]
            n = merge_bars(daily, slow, lane, span_of[frame], last_of[frame], first, end)
            # Nothing is carried over slow bars: all of them are fresh, in every run.
            edges[frame, 0, lane] = end - n
            edges[frame, 1, lane] = end - n


@inner
def merge_bars(
    daily: Any, slow: Any, lane: int, span_of: Any, last_of: Any, first: int, end: int
) -> int:
    """Merge one symbol's bars by week or month; the finished ones end at row `end - 1`.

    A span is finished once a bar stands at or behind its last session. Returns how many there are.
    """
    newest = int(peek(daily[SESSION], end - 1, lane))
    row, current, n_finished = end, -1, 0
    # Backwards from the newest bar: so the answers are right-aligned without counting them first.
    for t in range(end - 1, first - 1, -1):
        session = int(peek(daily[SESSION], t, lane))
        span = span_of[session]
        if last_of[session] > newest:
            continue
        if span != current:
            current, row, n_finished = span, row - 1, n_finished + 1
            poke(slow[HIGH], row, lane, peek(daily[HIGH], t, lane))
            poke(slow[LOW], row, lane, peek(daily[LOW], t, lane))
            poke(slow[CLOSE], row, lane, peek(daily[CLOSE], t, lane))
            poke(slow[VOLUME], row, lane, 0.0)
            poke(slow[SESSION], row, lane, float(session))
        poke(slow[OPEN], row, lane, peek(daily[OPEN], t, lane))
        poke(slow[HIGH], row, lane, max(peek(slow[HIGH], row, lane), peek(daily[HIGH], t, lane)))
        poke(slow[LOW], row, lane, min(peek(slow[LOW], row, lane), peek(daily[LOW], t, lane)))
        volume = peek(slow[VOLUME], row, lane) + peek(daily[VOLUME], t, lane)
        poke(slow[VOLUME], row, lane, volume)
    return n_finished


@inner
def hold(
    code: Any, registers: Any, edges: Any, last_of: Any, lengths: Any, first: int, end: int
) -> None:
    """At each daily row, the slow series' value of the last span finished by then.

    Parameters
    ----------
    code : the instruction; its `TAIL` is the slow series' frame
    registers : address of the rows of each register
    edges : float64, shape (N_FRAMES, 2, LANES); the first row of each symbol in each frame
    last_of : int64, shape (N_FRAMES, n_sessions); the last session of each session's span
    lengths : int64, shape (LANES,); daily bars of each symbol
    first, end : the daily rows to write
    """
    slow = code[TAIL]
    series, target = rows_at(registers[code[IN]]), rows_at(registers[code[OUT]])
    session = rows_at(registers[code[FRAME] * FRAME_REGISTERS + SESSION])
    slow_session = rows_at(registers[slow * FRAME_REGISTERS + SESSION])
    for lane in range(LANES):
        begin, row = int(edges[slow, 0, lane]), end - 1
        for t in range(end - 1, max(first, end - lengths[lane]) - 1, -1):
            now = int(peek(session, t, lane))
            while row >= begin and last_of[slow, int(peek(slow_session, row, lane))] > now:
                row -= 1
            poke(target, t, lane, peek(series, row, lane) if row >= begin else NAN)


@inner
def emit(series: Any, column: Any, starts: Any, counts: Any, end: int) -> None:
    """Write the last `counts` rows of each symbol where its answers begin."""
    for lane in range(LANES):
        shift = end - counts[lane]
        for j in range(counts[lane]):
            column[starts[lane] + j] = peek(series, shift + j, lane)


@inner
def recall(state: Any, slot: int, size: int, target: Any, begins: Any, firsts: Any) -> None:
    """Put back what a fold returned at the `size` bars before the fresh ones."""
    for lane in range(LANES):
        begin, first = int(peek(begins, 0, lane)), int(peek(firsts, 0, lane))
        for j in range(size):
            row = begin - 1 - j
            if row >= first:
                poke(target, row, lane, peek(state, slot + j, lane))


@inner
def remember(state: Any, slot: int, size: int, source: Any, firsts: Any, end: int) -> None:
    """Keep what a fold returned at the last `size` bars."""
    for lane in range(LANES):
        first = int(peek(firsts, 0, lane))
        for j in range(size):
            row = end - 1 - j
            poke(state, slot + j, lane, peek(source, row, lane) if row >= first else NAN)


@inner
def keep_tails(code: Any, state: Any, registers: Any, firsts: Any, begins: Any, end: int) -> None:
    """Put back what a fold returned at old bars that are read once more, and keep its newest."""
    for j in range(code[OUTPUTS] if code[TAIL] else 0):
        tail, series = code[TAIL_SLOT] + j * code[TAIL], rows_at(registers[code[OUT + j]])
        recall(state, tail, code[TAIL], series, begins, firsts)
        remember(state, tail, code[TAIL], series, firsts, end)


@inner
def forget(state: Any, slot: int, size: int) -> None:
    """Begin from nothing, as slow frames always do."""
    for j in range(size):
        state[slot + j] = 0.0


@inner
def is_daily(frame: int) -> bool:
    """Whether an instruction works on daily bars."""
    return frame == DAILY
