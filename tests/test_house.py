"""The house: rooms, names and imports are what the page of the architecture says."""

from __future__ import annotations

import ast
from collections import defaultdict
from functools import cache
from pathlib import Path

import technic

SOURCE = Path(technic.__file__).parent
LAYERS = [
    ["interfaces"], ["operations"], ["research"], ["scanner"], ["compute"], ["data", "query"],
    ["indicators", "scores", "runtime"], ["market"],
]  # fmt: skip
# Participles and adjectives that say nothing of what a module holds.
INSIDERS = {
    "asking", "probing", "remembering", "recording", "spanning", "canarying", "scanning", "listed",
    "crossed", "revised", "past", "saved", "kept", "learned", "found", "told", "seen",
}  # fmt: skip

# Where files are still longer: what a digest of code covers, and what is being worked on.
LONG = ("indicators", "scores", "market", "data/ingest", "data/formats", "interfaces/cli")


@cache
def modules() -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in SOURCE.rglob("*.py")}


def name_of(path: Path) -> str:
    parts = ("technic", *path.relative_to(SOURCE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(tree: ast.Module) -> set[str]:
    """Modules that are imported when the module is: not inside functions, not for types alone."""
    out: set[str] = set()
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse
            continue
        if isinstance(node, ast.Import):
            out |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            out |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        waiting += ast.iter_child_nodes(node)
    return out


def test_the_root_holds_a_face_and_at_most_twelve_rooms():
    assert {path.stem for path in SOURCE.glob("*.py")} == {"__init__", "__main__", "errors"}
    rooms = {path.name for path in SOURCE.iterdir() if (path / "__init__.py").exists()}
    assert rooms == {room for row in LAYERS for room in row}
    assert len(rooms) <= 12


def test_nothing_imports_against_the_order():
    height = {room: -k for k, row in enumerate(LAYERS) for room in row}
    names = {name_of(path): path for path in modules()}
    for path, tree in modules().items():
        inside = path.relative_to(SOURCE).parts
        if len(inside) == 1:
            continue
        for module in imported(tree) & set(names):
            other = module.split(".")[1:2]
            if other and other[0] in height and other[0] != inside[0]:
                assert height[other[0]] < height[inside[0]], f"{name_of(path)} → {module}"


def test_no_files_import_each_other_in_a_circle():
    names = {name_of(path) for path in modules()}
    below = {name_of(path): imported(tree) & names for path, tree in modules().items()}
    for path in modules():  # a package's face imports what lies in it
        if path.name == "__init__.py":
            below[name_of(path)] = set()
    done: set[str] = set()

    def walk(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, " → ".join([*above[above.index(name) :], name])
        if name in done:
            return
        for other in sorted(below[name] - {name}):
            walk(other, (*above, name))
        done.add(name)

    for name in sorted(names):
        walk(name, ())


def test_a_class_name_stands_for_one_thing():
    places = defaultdict(list)
    for path, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(name_of(path))
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def test_a_module_is_named_by_what_it_holds():
    assert {path.stem for path in modules()} & INSIDERS == set()


def test_functions_take_few_parameters_and_are_short():
    """Signatures that are a definition or an interface may be long; at most 15 of them all."""
    many, long = [], []
    for path, tree in modules().items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            arguments = node.args
            count = len([*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs])
            body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
            lines = (node.end_lineno or 0) - body[0].lineno + 1
            if count >= 8:
                many.append(f"{name_of(path)}.{node.name} takes {count}")
            if lines > 45:
                long.append(f"{name_of(path)}.{node.name} has {lines} lines")
    assert long == []
    assert len(many) <= 15, many


def test_the_formatter_and_the_linter_are_seldom_overruled():
    texts = [path.read_text(encoding="utf-8") for path in modules()]
    assert sum(text.count("# fmt: skip") for text in texts) <= 20
    assert sum(text.count("# noqa") for text in texts) <= 60


def test_a_file_is_short_enough_to_be_read_at_once():
    long = {
        place: lines
        for path in modules()
        if not (place := path.relative_to(SOURCE).as_posix()).startswith(LONG)
        and (lines := len(path.read_text(encoding="utf-8").splitlines())) > 320
    }
    assert long == {}
