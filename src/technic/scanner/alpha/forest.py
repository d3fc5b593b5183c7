"""Boosted trees as arrays, evaluated as XGBoost evaluates them: the same bits, on either side.

1. `forest_of` reads the trees of a model out of XGBoost's own description of it.
2. A row walks down each tree: to the left where its value is below the split, to the right where
   it is not, and where it is unknown to the side that training chose.
3. Leaves are added tree after tree in float32, as XGBoost adds them.

A node is four numbers in one piece, and its children lie side by side, so that a step is one
addition. Rows are worked on in blocks that stay in the nearest cache while all trees pass over
them, level after level: nothing waits for a guess about where a row will go.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from os import cpu_count
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
from numba import njit

from technic.errors import ModelError
from technic.scanner.alpha.ubjson import decode

BLOCK = 64  # rows
DEEPEST = 64  # steps from a root to a leaf
CODE, THRESHOLD, CHILD, LEAF = range(4)  # what the four numbers of a node are
COLUMN, UNKNOWN_RIGHT, INNER = 0xFFFF, 1 << 29, 1 << 30  # parts of its code
Float32 = npt.NDArray[np.float32]
Int32 = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Forest:
    """Trees of one model, node after node, the two children of a node side by side.

    Attributes
    ----------
    features : names of the columns that rows must have, in this order
    roots, depths : int32, shape (n_trees,); where each tree begins, and its steps to the lowest leaf
    nodes : int32, shape (n_nodes, 4): column and flags; threshold; first child, or a leaf itself;
        value of a leaf. Threshold and value are float32, bit for bit: `numbers` shows them
    base : what the leaves are added to
    """

    features: tuple[str, ...]
    roots: Int32
    depths: Int32
    nodes: Int32
    base: float

    @property
    def numbers(self) -> Float32:
        """The same nodes, read as float32."""
        return self.nodes.view(np.float32)

    @property
    def arrays(self) -> tuple[Any, ...]:
        """What a kernel is given."""
        return (self.roots, self.depths, self.nodes, self.numbers)


def forest_of(content: bytes) -> Forest:
    """Read the trees of a model, as XGBoost writes it in UBJSON or in JSON.

    Parameters
    ----------
    content : of a model file; not trusted

    Raises
    ------
    ModelError
        If it is no such description, or its trees are not ordinary regression trees.
    """
    try:
        is_json = content[1:2] == b'"'
        learner = (orjson.loads(content) if is_json else decode(content))["learner"]
        booster = learner["gradient_booster"]
        if booster["name"] != "gbtree" or int(learner["learner_model_param"]["num_class"]) > 1:
            raise ModelError("a forest is made of plain regression trees")
        trees = booster["model"]["trees"]
        base = float(str(learner["learner_model_param"]["base_score"]).strip("[]"))
        parts = [_nodes(tree) for tree in trees]
        names = tuple(str(name) for name in learner["feature_names"])
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise ModelError(f"that is no description of boosted trees: {error}") from error
    if not parts:
        raise ModelError("a model without a tree")
    sizes = np.array([len(part) for part, _ in parts], dtype=np.int32)
    roots = (np.cumsum(sizes) - sizes).astype(np.int32)
    for (nodes, _), root in zip(parts, roots, strict=True):
        nodes[:, CHILD] += root
    depths = np.array([depth for _, depth in parts], dtype=np.int32)
    nodes = np.ascontiguousarray(np.concatenate([part for part, _ in parts]))
    if ((nodes[:, CODE] & COLUMN) >= len(names)).any():
        raise ModelError("a tree that splits on a feature that there is not")
    if not np.isfinite(nodes.view(np.float32)[:, [THRESHOLD, LEAF]]).all() or not np.isfinite(base):
        raise ModelError("a threshold or a leaf that is no number")
    return Forest(names, roots, depths, nodes, base)


def _nodes(tree: dict[str, Any]) -> tuple[Int32, int]:
    """One tree laid out breadth first, children side by side; and its depth.

    A walk visits every node once, so that a tree whose nodes lead back or out of it is found here.
    """
    if any(_listed(tree["split_type"])):
        raise ModelError("a forest splits on numbers, not on categories")
    left, right = _listed(tree["left_children"]), _listed(tree["right_children"])
    defaults, columns = _listed(tree["default_left"]), _listed(tree["split_indices"])
    conditions = _listed(tree["split_conditions"])
    order, depth, level = [0], 0, [0]
    while level := [
        child for node in level if left[node] >= 0 for child in (left[node], right[node])
    ]:
        order += level
        depth += 1
        inside = min(level) >= 0 and max(level) < len(left)
        if not inside or len(set(order)) != len(order) or depth > DEEPEST:
            raise ModelError("a tree whose nodes lead back or out of it")
    place = {node: k for k, node in enumerate(order)}
    nodes = np.zeros((len(order), 4), dtype=np.int32)
    numbers = nodes.view(np.float32)
    for k, node in enumerate(order):
        value = conditions[node]
        if left[node] < 0:
            nodes[k, CHILD], numbers[k, LEAF] = (
                k,
                value,
            )  # a leaf leads to itself, level after level
            continue
        unknown = 0 if defaults[node] else UNKNOWN_RIGHT
        nodes[k, CODE] = int(columns[node]) | unknown | INNER
        nodes[k, CHILD], numbers[k, THRESHOLD] = place[left[node]], value
    return nodes, depth


def _listed(values: Any) -> list[Any]:
    """The numbers of a JSON list or of a typed array, as Python's own."""
    return values.tolist() if isinstance(values, np.ndarray) else list(values)


def predict(forest: Forest, rows: Float32, threads: int | None = None) -> Float32:
    """Forecast each row by the sum of the leaves that it falls into.

    Parameters
    ----------
    forest : the trees
    rows : float32, shape (n_rows, n_features), C order; NaN is unknown
    threads : how many blocks are worked on at once; never changes the answer

    Returns
    -------
    Float32
        float32, shape (n_rows,); standard deviations of the label.

    Raises
    ------
    ModelError
        If rows have another number of columns than the model.
    """
    if rows.shape[1] != len(forest.features):
        raise ModelError(f"rows have {rows.shape[1]} columns, the model {len(forest.features)}")
    rows = np.ascontiguousarray(rows, dtype=np.float32)
    out = np.empty(len(rows), dtype=np.float32)
    workers = threads or cpu_count() or 1
    bounds = [len(rows) * k // workers // BLOCK * BLOCK for k in range(workers)] + [len(rows)]

    base = np.float32(forest.base)

    def walk_stretch(first: int, last: int) -> None:
        _walk(rows[first:last], *forest.arrays, base, out[first:last])

    if workers == 1 or len(rows) < 8 * BLOCK:
        walk_stretch(0, len(rows))
        return out
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(walk_stretch, bounds[:-1], bounds[1:]))
    return out


@njit(nogil=True)  # type: ignore[untyped-decorator]
def _walk(
    rows: Float32,
    roots: Int32,
    depths: Int32,
    nodes: Int32,
    numbers: Float32,
    base: np.float32,
    out: Float32,
) -> None:
    """Step 2 and 3: a block of rows at a time, level after level.

    No branch depends on a row, so that the processor never guesses wrong about where one goes.
    """
    at = np.empty(BLOCK, dtype=np.int32)
    for begin in range(0, len(rows), BLOCK):
        n = min(BLOCK, len(rows) - begin)
        for i in range(n):
            out[begin + i] = base
        for k in range(len(roots)):
            for i in range(n):
                at[i] = roots[k]
            for _ in range(depths[k]):
                for i in range(n):
                    node = at[i]
                    code = nodes[node, 0]
                    value = rows[begin + i, code & COLUMN]
                    # Only NaN, which is unknown, differs from itself.
                    unknown_right = (value != value) & ((code & UNKNOWN_RIGHT) != 0)  # noqa: PLR0124
                    right = (value >= numbers[node, 1]) | unknown_right
                    at[i] = nodes[node, 2] + (right & ((code & INNER) != 0))
            for i in range(n):
                out[begin + i] += numbers[at[i], 3]
