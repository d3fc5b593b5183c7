"""What is public says what it does: every section is there, and every example runs."""

from __future__ import annotations

import ast
import doctest
import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest

import technic
from technic.data.ingest import FileStore
from technic.data.simulated import simulate

SOURCE = Path(technic.__file__).parent
FUNCTIONS = [name for name in technic.__all__ if inspect.isfunction(getattr(technic, name))]
# Words of the glossary that mean the same everywhere.
PLAIN = frozenset(
    [
        "name",
        "symbol",
        "symbols",
        "as_of",
        "simulated",
        "store",
        "store_version",
        "view",
        "settings",
    ]
)
FEW = 2  # fields that need no list: the first line names them
OPTIONAL = {
    "technic.runtime.cache.redis",
    "technic.runtime.executors.ray",
    "technic.scanner.alpha.cuda",
}


def name_of(path: Path) -> str:
    parts = ("technic", *path.relative_to(SOURCE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def classes() -> list[tuple[str, ast.ClassDef]]:
    """Every public class of the package, with its full name."""
    return [
        (f"{name_of(path)}.{node.name}", node)
        for path in sorted(SOURCE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]


def texts_of(nodes: list[ast.expr]) -> str:
    return " ".join(ast.unparse(node) for node in nodes)


def section(doc: str, title: str) -> str:
    """The lines below a title of a docstring; empty if it has none."""
    found = re.search(rf"^{title}\n-+\n(.*?)(?=^\w[\w ]*\n-+\n|\Z)", doc, re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


def lines_of(doc: str | None) -> list[str]:
    return (doc or "").strip().splitlines() or [""]


def lacks_of_first_line(doc: str | None) -> list[str]:
    first = lines_of(doc)[0]
    ends_well = first.endswith((".", "?", ":")) or len(lines_of(doc)) > 1
    return [] if first[:1].strip() and ends_well else ["a first line that is a sentence"]


def lacks_of_function(function) -> list[str]:
    """What a public function does not say."""
    doc = inspect.getdoc(function) or ""
    lacks = lacks_of_first_line(doc)
    signature = inspect.signature(function)
    described = section(doc, "Parameters")
    lacks += [
        f"the parameter {name}"
        for name in signature.parameters
        if not re.search(rf"^[\w, ]*\b{name}\b[\w, ]* :", described, re.MULTILINE)
    ]
    if signature.return_annotation not in {None, "None"} and not section(doc, "Returns"):
        lacks.append("Returns")
    lacks += [title for title in ("Raises", "Examples") if not section(doc, title)]
    return lacks


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_public_function_describes_what_it_takes_returns_and_raises(name):
    assert lacks_of_function(getattr(technic, name)) == []


def test_every_protocol_describes_its_members():
    lacking = []
    for name, node in classes():
        if "Protocol" not in texts_of(node.bases):
            continue
        lacks = lacks_of_first_line(ast.get_docstring(node))
        for member in node.body:
            if isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef):
                doc = ast.get_docstring(member) or ""
                lacks += [f"{member.name}: {lack}" for lack in lacks_of_first_line(doc)]
                count = len([*member.args.posonlyargs, *member.args.args, *member.args.kwonlyargs])
                if count > FEW and not section(doc, "Parameters"):
                    lacks.append(f"{member.name}: Parameters")
        lacking += [f"{name} lacks {lack}" for lack in lacks]
    assert lacking == [], "\n".join(lacking)


def test_every_value_describes_its_fields():
    lacking = []
    for name, node in classes():
        if not re.search(r"\bdataclass\b", texts_of(node.decorator_list)):
            continue
        doc = ast.get_docstring(node) or ""
        lacks = lacks_of_first_line(doc)
        fields = [
            field.target.id
            for field in node.body
            if isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and not field.target.id.startswith("_")
            and "ClassVar" not in ast.unparse(field.annotation)
            # An option of a command is described by its help, which another test asks for.
            and not re.search(r"Option|Argument", ast.unparse(field.annotation))
        ]
        if len(fields) > FEW:
            lacks += [f for f in fields if f not in PLAIN and not re.search(rf"\b{f}\b", doc)]
        lacking += [f"{name} lacks {lack}" for lack in lacks]
    assert lacking == [], "\n".join(lacking)


@pytest.fixture(scope="module")
def demo(tmp_path_factory, kernels):
    """A folder with the store that examples open: `technic.open_store("demo")`."""
    folder = tmp_path_factory.mktemp("examples")
    market = simulate(seed=7, size=120, sessions=300)
    store = FileStore(folder / "demo")
    store.import_bars(market.bars, simulated=market.about)
    store.import_listings(market.listings)
    return folder


def run_examples(examples: list[doctest.DocTest]) -> list[str]:
    """What an example gave that is not what it says."""
    out: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    for example in examples:
        runner.run(example, out=out.append)
    return out


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_example_of_a_public_function_runs(name, demo, monkeypatch):
    monkeypatch.chdir(demo)
    doc = inspect.getdoc(getattr(technic, name)) or ""
    assert "doctest: +SKIP" not in doc
    test = doctest.DocTestParser().get_doctest(doc, {}, f"technic.{name}", None, 0)
    assert test.examples
    assert run_examples([test]) == []


MODULES_WITH_EXAMPLES = [
    name_of(path)
    for path in sorted(SOURCE.rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8") and name_of(path) not in OPTIONAL
]


@pytest.mark.parametrize("module", MODULES_WITH_EXAMPLES)
def test_the_examples_of_a_module_run(module, demo, monkeypatch):
    monkeypatch.chdir(demo)
    own = import_module(module)
    public = {f"{module}.{name}" for name in FUNCTIONS}  # run above, once
    examples = [test for test in doctest.DocTestFinder().find(own) if test.examples]
    assert run_examples([test for test in examples if test.name not in public]) == []
