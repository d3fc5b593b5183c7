"""Pages whose commands are run as they are printed.

A page of the tutorial or the guides is read from top to bottom. Its first paragraph says where it
starts (`STARTS`); from there every block is run in one fresh folder, in order:

sh        by bash, in the page's folder; variables that it exports carry over to the next block
python    as a program of its own; one that begins `# name.py` is saved under that name instead
toml      one that begins `# name.toml` is saved under that name
text      right behind a block that runs: what it must print, `…` for anything, a line `…` for any
          lines

Comments, which no reader sees, say what a page cannot:

<!-- not run: REASON -->              this block is shown only
<!-- exit: 1 -->                      this block ends so
<!-- background: 8600 -->             a server: started, and ended with the page; it listens there
<!-- background: 6399 WORDS -->       the same, ready once it has printed these words; or WORDS alone
<!-- stand-in: TEXT = SERVICE -->     wherever the page has TEXT, a real server of that kind is
<!-- needs: MODULE -->                an optional dependency

Ports of the page are exchanged for free ones. Lines that install (`pip install '.[web]'`,
`make demo`) are checked instead: the extra and the target exist; `make demo` is `technic demo`, and
a package of the page's own (`pip install ./mine`) is laid beside the page with its entry points.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from support.servers import free_port

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    *sorted(ROOT.glob("docs/tutorial/*.md")),
    *sorted(ROOT.glob("docs/guides/*.md")),
]
STARTS = {
    "This page uses the simulated market of `technic demo`": "demo",
    "This runs on the simulated market of `make demo`": "demo",
    "This page begins without a store": "empty",
    "This page needs no store": "empty",
}
COMMENTS = {"not run", "exit", "background", "stand-in", "needs"}
RUN, SAVED, SHOWN = {"sh", "python"}, {"toml"}, {"text", "json"}
FILE = re.compile(r"# ([\w./-]+\.(?:py|toml))\n")
INSTALLS = re.compile(
    r"\s*(?:(?:\S*/)?pip install .*|python3 -m venv \S+|make [a-z-]+( .*)?|(?:source|\.) \S*/activate)"
)
PATIENCE = 240.0


class PageError(AssertionError):
    """A page that does not do what it prints."""


@dataclass(frozen=True)
class Block:
    """A fenced block, its comments, and what the block behind it says it prints."""

    line: int
    language: str
    text: str
    comments: dict[str, str]
    printed: str | None = None

    @property
    def file(self) -> str | None:
        """The name under which it is saved, if it is."""
        found = FILE.match(self.text)
        return found[1] if found and self.language in SAVED | {"python"} else None

    @property
    def runs(self) -> bool:
        """Whether it is run."""
        return self.language in RUN and self.file is None and "not run" not in self.comments

    @property
    def commands(self) -> int:
        """How many commands it holds: lines, but for comments, what they go on with, and files."""
        if self.language == "python":
            return 0 if self.file else 1
        if self.language != "sh":
            return 0
        count, until, goes_on = 0, None, False
        for line in self.text.splitlines():
            if until is not None:
                until = None if line.strip() == until else until
                continue
            if line.strip() and not line.strip().startswith("#") and not goes_on:
                count += 1
            goes_on = line.endswith("\\")
            here = re.search(r"<<-?\s*'?(\w+)'?", line)
            until = here[1] if here else None
        return count


@dataclass(frozen=True)
class Page:
    """A page: where it starts, its comments that stand for the whole of it, its blocks."""

    path: Path
    start: str
    blocks: tuple[Block, ...]
    stand_ins: dict[str, str]
    needs: tuple[str, ...]

    @property
    def not_run(self) -> list[Block]:
        """Commands that are shown only."""
        return [b for b in self.blocks if b.language in RUN and "not run" in b.comments]


def read(path: Path) -> Page:
    """A page.

    Raises
    ------
    PageError
        If it does not keep to the rules of this module.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    blocks: list[Block] = []
    comments: dict[str, str] = {}
    whole: dict[str, list[str]] = {"stand-in": [], "needs": []}
    at, behind = 0, False  # behind: nothing but empty lines since the last block
    while at < len(lines):
        line = lines[at]
        if found := re.fullmatch(r"<!-- ([a-z -]+?)(?:: (.*?))? -->", line.strip()):
            if found[1] not in COMMENTS:
                raise PageError(f"{path.name}:{at + 1}: no such comment: {found[1]}")
            if found[1] in whole:
                whole[found[1]].append(found[2] or "")
            else:
                comments[found[1]] = found[2] or ""
        elif found := re.match(r"(\s*)```(\w*)\s*$", line):
            end = next(k for k in range(at + 1, len(lines)) if lines[k].strip() == "```")
            body = [text.removeprefix(found[1]) for text in lines[at + 1 : end]]
            text = "".join(f"{one}\n" for one in body)
            made = Block(at + 1, found[2], text, comments)
            if made.language not in RUN | SAVED | SHOWN:
                raise PageError(f"{path.name}:{at + 1}: a block of {made.language or 'nothing'}")
            if made.language == "text" and not comments:
                if not (behind and blocks and blocks[-1].runs):
                    raise PageError(f"{path.name}:{at + 1}: no command prints this")
                last = blocks.pop()
                made = Block(last.line, last.language, last.text, last.comments, text)
            blocks.append(made)
            comments, behind, at = {}, True, end
        elif line.strip():
            comments, behind = {}, False
        at += 1
    head = " ".join(lines)
    start = next((kind for text, kind in STARTS.items() if text in head), None)
    if start is None:
        raise PageError(f"{path.name}: does not say where it starts; see STARTS")
    for block in blocks:
        if block.comments.get("not run") == "":
            raise PageError(f"{path.name}:{block.line}: not run, without a reason")
    stand_ins = dict(one.rsplit(" = ", 1) for one in whole["stand-in"])
    return Page(path, start, tuple(blocks), stand_ins, tuple(whole["needs"]))


def installed_only(text: str) -> str:
    """A block without the lines that install, which are held against what there is.

    Raises
    ------
    PageError
        If one names an extra or a target that does not exist.
    """
    kept = []
    for line in text.splitlines():
        if not INSTALLS.fullmatch(line.split("  #")[0].rstrip()):
            kept.append(line)
            continue
        words = line.split("#")[0].split()
        if "install" in words:
            check_install(line)
        elif words[0] == "make":
            makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
            if not re.search(rf"^{words[1]}:", makefile, re.MULTILINE):
                raise PageError(f"{line}: no such target")
            if words[1] == "demo":
                recipe = makefile.split("\ndemo:")[1].split("\n")[1]
                if not recipe.endswith("$(BIN)/technic demo"):
                    raise PageError(f"make demo does something else: {recipe}")
                kept.append("technic demo")
    return "\n".join(kept) + "\n"


def check_install(line: str) -> None:
    """Whether what a line installs is this checkout, with extras that exist."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    if re.search(r"pip install \./\S+$", line):
        return
    found = re.search(r"pip install (?:'?\.(?:\[([\w,-]+)\])?'?)(?:\s|$)", line)
    if found is None:
        raise PageError(f"{line}: install from the checkout: pip install '.[…]'")
    if strange := set((found[1] or "").split(",")) - {"", *project["optional-dependencies"]}:
        raise PageError(f"{line}: no such extra: {', '.join(strange)}")


def matches(printed: str, output: str) -> str:
    """Empty if the output is what the page prints; else where they part."""
    wanted = [line.rstrip() for line in printed.rstrip("\n").splitlines()]
    given = [line.rstrip() for line in output.rstrip("\n").splitlines()]
    if _fits(wanted, given):
        return ""
    k = next((k for k in range(len(wanted) + 1) if not _fits([*wanted[:k], "…"], given)), 0)
    return f"the page's line {k}: {wanted[k - 1]!r}\nprinted:\n{output}"


def _fits(wanted: list[str], given: list[str]) -> bool:
    """Whether the lines are those wanted; `reached` holds how many lines may be used up so far."""
    reached = {0}
    for line in wanted:
        if line.strip() == "…":
            reached = set(range(min(reached), len(given) + 1)) if reached else reached
        else:
            reached = {k + 1 for k in reached if k < len(given) and _is_line(line, given[k])}
    return len(given) in reached


def _is_line(wanted: str, given: str) -> bool:
    """Whether a line is the one wanted: `…` is anything, spaces are any number of spaces."""
    parts = (r"\s+".join(map(re.escape, part.split())) for part in wanted.split("…"))
    return re.fullmatch(r"\s*" + r".*?".join(parts) + r"\s*", given) is not None


@dataclass
class Runner:
    """One page being run.

    Attributes
    ----------
    folder : where its commands run
    home : TECHNIC_HOME of its commands
    exchanged : text of the page, and what stands for it here
    """

    page: Page
    folder: Path
    home: Path
    exchanged: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    servers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def run(self) -> Iterator[Block]:
        """Run its blocks one after another; yields each once it is done.

        Raises
        ------
        PageError
            If a command ends otherwise than the page says, or prints something else.
        """
        from support.services import serving

        with ExitStack() as stack:
            stack.callback(self._end)
            for text, kind in self.page.stand_ins.items():
                self.exchanged[text] = stack.enter_context(serving(kind, self.environment))
            for block in self.page.blocks:
                if "not run" in block.comments:
                    continue
                if block.file is not None:
                    path = self.folder / block.file
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(self._here(block.text), encoding="utf-8")
                elif "background" in block.comments:
                    self._begin(block)
                elif block.runs:
                    self._run(block)
                yield block

    def _run(self, block: Block) -> None:
        for name in re.findall(r"^pip install (\./\S+)$", block.text, re.MULTILINE):
            self._install(self.folder / name)
        text = installed_only(block.text) if block.language == "sh" else block.text
        code, output = self._execute(self._here(text), block.language)
        where = f"{self.page.path.name}:{block.line}"
        if code != int(block.comments.get("exit", 0)):
            raise PageError(f"{where}: exit code {code}\n{block.text}\n{output}")
        if block.printed is not None and (trouble := matches(self._here(block.printed), output)):
            raise PageError(f"{where}: {trouble}")

    def _install(self, package: Path) -> None:
        """Lay modules and entry points where Python looks for them, as pip would."""
        project = tomllib.loads((package / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        site = self.folder.parent / "site"
        about = site / f"{project['name']}-{project['version']}.dist-info"
        about.mkdir(parents=True)
        for module in package.glob("*.py"):
            (site / module.name).write_bytes(module.read_bytes())
        (about / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
        )
        points = "".join(
            f"[{group}]\n" + "".join(f"{name} = {where}\n" for name, where in offered.items())
            for group, offered in project["entry-points"].items()
        )
        (about / "entry_points.txt").write_text(points)
        paths = [str(site), os.environ.get("PYTHONPATH", "")]
        joined = os.pathsep.join(filter(None, paths))
        with (self.folder.parent / "variables").open("a", encoding="utf-8") as kept:
            kept.write(f"export PYTHONPATH={shlex.quote(joined)}\n")

    def _execute(self, text: str, language: str) -> tuple[int, str]:
        kept = self.folder.parent / "variables"
        if language == "python":
            (self.folder.parent / "block.py").write_text(text, encoding="utf-8")
            text = f"{sys.executable} ../block.py\n"
        script = (
            f"[ ! -e {kept} ] || . {kept}\n"
            f"trap 'code=$?; export -p > {kept}; exit $code' EXIT\n"
            f"set -eo pipefail\n{text}"
        )
        started = subprocess.Popen(
            ["bash", "-c", script], cwd=self.folder, env=self._environment(),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        try:
            output, _ = started.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(started.pid, signal.SIGKILL)
            output, _ = started.communicate()
            return 124, output.decode(errors="replace")
        return started.returncode, output.decode(errors="replace")

    def _begin(self, block: Block) -> None:
        """Start a server, and wait until it listens, or says what it should."""
        named, words = re.fullmatch(r"(\d*) ?(.*)", block.comments["background"]).groups()
        port = free_port() if named else 0
        if port:
            self.exchanged[named] = str(port)
        command = self._here(installed_only(block.text)).strip().split("  #")[0].rstrip()
        if port and str(port) not in command:
            command += f" --port {port}"
        kept = self.folder.parent / "variables"
        log = self.folder.parent / f"server-{len(self.servers)}.txt"
        with log.open("wb") as out:
            started = subprocess.Popen(
                ["bash", "-c", f"[ ! -e {kept} ] || . {kept}\nexec {command}"], cwd=self.folder,
                env=self._environment(), stdin=subprocess.DEVNULL, stdout=out,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        self.servers.append(started)
        where = f"{self.page.path.name}:{block.line}"
        until = time.monotonic() + PATIENCE
        while not (words in _text(log) if words else _listens(port)):
            if started.poll() is not None or time.monotonic() > until:
                raise PageError(f"{where}: does not listen\n{_text(log)}")
            time.sleep(0.1)
        if block.printed is not None:
            time.sleep(0.5)  # what it says comes right before or after
            if trouble := matches(self._here(block.printed), _text(log)):
                raise PageError(f"{where}: {trouble}")

    def _end(self) -> None:
        for server in self.servers:
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGTERM)
        for server in self.servers:
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait()

    def _here(self, text: str) -> str:
        for ours, theirs in self.exchanged.items():
            text = re.sub(rf"(?<!\d){re.escape(ours)}(?!\d)", lambda _, t=theirs: t, text)
        return text

    def _environment(self) -> dict[str, str]:
        """The caller's own, without settings of technic's but the home, and of no vendor's."""
        mine = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("TECHNIC_", "MASSIVE_", "POLYGON_", "APCA_", "AWS_"))
            and name not in {"DATABASE_URL", "CI"}
        }
        return {
            **mine,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "TECHNIC_HOME": str(self.home), "COLUMNS": "100", "NO_COLOR": "1",
            "PYTHONUTF8": "1", "LC_ALL": "C.UTF-8", **self.environment,
        }  # fmt: skip


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 0.2).close()
    except OSError:
        return False
    return True


def _text(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")


def main() -> None:
    """Print what is run of each page, and what is not, and why."""
    total = [0, 0, 0]
    for path in PAGES:
        page = read(path)
        lines = [line for b in page.blocks if b.runs for line in b.text.splitlines()]
        checked = sum(bool(INSTALLS.fullmatch(line.split("  #")[0].rstrip())) for line in lines)
        counts = [
            sum(b.commands for b in page.blocks if b.runs) - checked,
            checked,
            sum(b.commands for b in page.not_run),
        ]
        total = [a + b for a, b in zip(total, counts, strict=True)]
        print("{:4} run {:3} checked {:3} shown".format(*counts), path.relative_to(ROOT))
        for block in page.not_run:
            print(f"     line {block.line}: {block.comments['not run']}")
    print("{:4} run {:3} checked {:3} shown".format(*total))


if __name__ == "__main__":
    main()
