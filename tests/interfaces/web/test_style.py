"""The files of the pages: none is unreachable, none is missing, none has lines that run on."""

from __future__ import annotations

import posixpath
import re

from technic.interfaces.http.static import assets

WIDTH = 110
IMPORTED = re.compile(
    r'^(?:import\b[^;"]*|export\s*(?:\*|\{[^}]*\})\s*from\s*)"([^"]+)"', re.MULTILINE
)
LINKED = re.compile(r'(?:href|src)="/assets/\{version\}/([^"]+)"')


def texts():
    return {name: page.body.decode() for name, page in assets()[1].items()}


def imports(name, text):
    """The files that a module imports, by their paths."""
    folder = posixpath.dirname(name)
    return {posixpath.normpath(posixpath.join(folder, path)) for path in IMPORTED.findall(text)}


def test_an_import_is_seen_however_it_is_broken_into_lines():
    text = (
        'import { a } from "./a.js";\nimport {\n  b,\n  c,\n} from "../b.js";\nimport "./c.js";\n'
    )
    assert IMPORTED.findall(text) == ["./a.js", "../b.js", "./c.js"]
    assert IMPORTED.findall('export { d } from "./d.js";\nexport const E = "./e.js";\n') == [
        "./d.js"
    ]


def test_no_line_of_a_script_or_a_style_runs_on():
    written = {name: text for name, text in texts().items() if name.endswith((".js", ".css"))}
    assert len(written) > 50
    for name, text in written.items():
        for number, line in enumerate(text.splitlines(), 1):
            assert len(line) <= WIDTH, f"{name}:{number}"


def test_every_module_that_is_imported_is_there():
    for name, text in texts().items():
        if name.endswith(".js"):
            assert imports(name, text) <= texts().keys(), name
            assert all(path.startswith(("./", "../")) for path in IMPORTED.findall(text)), name


def test_every_file_is_reached_from_the_page_itself():
    found = texts()
    reached, waiting = {"index.html"}, set(LINKED.findall(found["index.html"]))
    while waiting:
        name = waiting.pop()
        reached.add(name)
        if name.endswith(".js"):
            waiting |= imports(name, found[name]) - reached
    assert reached == found.keys()
