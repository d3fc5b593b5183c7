#!/usr/bin/env bash
# what: lazy_loader.attach_stub on a stub that renames: `from .shapes import area as surface`
# expected: the package offers `surface`, as type checkers read the stub, and no `area`
# seen: the package offers `area` and no `surface`: the name after `as` is dropped without a word
# versions: lazy_loader 0.6
# matters: editors and mypy accept code that fails at run time. technic's stub renames nothing, and a
#          test holds the names of the stub against those that the package offers
# source: the package's README: "the stub file is parsed to infer submodules and attributes"
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check lazy_loader==0.6
mkdir "$work/figures"
printf 'import lazy_loader as lazy\n__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)\n' >"$work/figures/__init__.py"
printf 'from .shapes import area as surface\n' >"$work/figures/__init__.pyi"
printf 'def area(side):\n    return side * side\n' >"$work/figures/shapes.py"
cd "$work"
"$work/venv/bin/python" - <<'PY'
import figures

offered = dir(figures)
print("offered:", offered)
assert offered == ["area"], "the name after `as` is honoured now: this finding is past"
assert figures.area(3) == 9
try:
    figures.surface
except AttributeError as error:
    print("figures.surface:", error)
else:
    raise SystemExit("`surface` is there now: this finding is past")
PY
