"""What the fused kernel does to a block besides running definitions.

Within a block the last bars of all eight symbols stand in the same row, `end - 1`, so that one
vector instruction evaluates a window for all of them. A block whose symbols have lived equally
long is read where it lies; another one is first copied, pushed to the right.
"""

from __future__ import annotations

from typing import Any

from technic.indicators.lanes import inner, peek, poke
from technic.indicators.series import DAILY
from technic.market.panel import FIELDS, LANES

N_FIELDS = len(FIELDS)
OPEN, HIGH, LOW, CLOSE, VOLUME, SESSION, VWAP = range(N_FIELDS)
BENCHMARK = N_FIELDS  # stands behind the fields of each frame
FRAME_REGISTERS = N_FIELDS + 1
N_FRAMES = 3
FIRST_FREE = N_FRAMES * FRAME_REGISTERS
NAN = float("nan")


# One instruction is a row of these columns.
OP, FRAME, REACH, BACK, BEFORE, PARAM, STATE, CARRIES, TAIL, TAIL_SLOT, PLAIN, OUTPUTS = range(12)
IN, OUT, WIDTH = 12, 18, 24
MOST_PARAMS = 4

# Instructions that are no definitions; definitions follow.
EMIT, CONSTANT, ALIGN, RESAMPLE, HOLD, FIRST_DEFINITION = range(6)


@inner
def first_row_wanted(code: Any, end: int, fresh: int) -> int:
    """The first row that anybody reads of what this instruction writes."""
    row: int = max(0, min(end - code[BACK], fresh - code[BEFORE]))
    return row


@inner
def push_right(source: Any, target: Any, lengths: Any, end: int, first: int) -> None:
    """Copy rows from `first` on of a ragged block so that every run ends at row `end - 1`."""
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
def resample(
    opens: Any,
    highs: Any,
    lows: Any,
    closes: Any,
    volumes: Any,
    sessions: Any,
    open_: Any,
    high_: Any,
    low_: Any,
    close_: Any,
    volume_: Any,
    session_: Any,
    lane: int,
    span_of: Any,
    last_of: Any,
    first: int,
    end: int,
) -> int:
    """Merge one symbol's bars by week or month; the finished ones end at row `end - 1`.

    `span_of` numbers the span of each session, `last_of` holds its last session. A span is
    finished once a bar stands at or behind its last session. Returns how many there are.

    Walks backwards from the newest bar, so that the answers are right-aligned as they come.
    """
    newest = int(peek(sessions, end - 1, lane)) if end > first else 0
    row, current, made = end, -1, 0
    for t in range(end - 1, first - 1, -1):
        session = int(peek(sessions, t, lane))
        span = span_of[session]
        if last_of[session] > newest:
            continue
        if span != current:
            current, row, made = span, row - 1, made + 1
            poke(high_, row, lane, peek(highs, t, lane))
            poke(low_, row, lane, peek(lows, t, lane))
            poke(close_, row, lane, peek(closes, t, lane))
            poke(volume_, row, lane, 0.0)
            poke(session_, row, lane, float(session))
        poke(open_, row, lane, peek(opens, t, lane))
        poke(high_, row, lane, max(peek(high_, row, lane), peek(highs, t, lane)))
        poke(low_, row, lane, min(peek(low_, row, lane), peek(lows, t, lane)))
        poke(volume_, row, lane, peek(volume_, row, lane) + peek(volumes, t, lane))
    return made


@inner
def hold(
    slow: Any,
    slow_session: Any,
    last_of: Any,
    session: Any,
    target: Any,
    lane: int,
    slow_first: int,
    first: int,
    end: int,
) -> None:
    """At each daily row, the slow series' value of the last span finished by then."""
    row = end - 1
    for t in range(end - 1, first - 1, -1):
        now = int(peek(session, t, lane))
        while row >= slow_first and last_of[int(peek(slow_session, row, lane))] > now:
            row -= 1
        poke(target, t, lane, peek(slow, row, lane) if row >= slow_first else NAN)


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
def forget(state: Any, slot: int, size: int) -> None:
    """Begin from nothing, as slow frames always do."""
    for j in range(size):
        state[slot + j] = 0.0


@inner
def is_daily(frame: int) -> bool:
    """Whether an instruction works on daily bars."""
    return frame == DAILY
