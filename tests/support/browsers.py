"""A browser of the system, as tests drive it, and texts that mean harm."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from time import monotonic

from support.needs import lacking

PAYLOADS = (
    "<script>window.hacked=1</script>", "<img src=x onerror=window.hacked=1>",
    "<svg onload=window.hacked=1>", "javascript:window.hacked=1", "';window.hacked=1;//",
    '";window.hacked=1;//', "`;window.hacked=1;//", "{{constructor.constructor('window.hacked=1')()}}",
    "${window.hacked=1}", "</script><script>window.hacked=1</script>", "<iframe srcdoc='<script>top.hacked=1</script>'>",
    "<a href=javascript:window.hacked=1>x</a>", "<style>*{display:none}</style>", '=HYPERLINK("http://e.example")',
    "\u202e\u2066txt", "\u2028window.hacked=1\u2029", "__proto__", "constructor", "%3Cscript%3Ewindow.hacked=1%3C/script%3E",
    "&lt;script&gt;window.hacked=1&lt;/script&gt;",
)  # fmt: skip
FRAMES = (
    "{}", "Acme {} Inc", "{} {}", " {}", "{}\t", '"{}"', "'{}'", "<b>{}</b>", "<!--{}-->", "]]>{}",
    "{}\u0000x", "A&B {}", "\\{}", "{}\\", "<{}", "{}>", "/*{}*/", "\u200b{}", "ＡＢＣ{}", "{}" + "x" * 200,
)  # fmt: skip


def hostile(count: int = 400) -> list[str]:
    """Texts that a page must show and not obey; NUL stays out, as no vendor's row may have it."""
    made = [frame.replace("{}", text) for text in PAYLOADS for frame in FRAMES]
    return [text.replace("\0", "") for text in made][:count]


def chromium() -> str:
    """The browser; missing, it fails in CI and skips elsewhere."""
    found = (
        shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )
    if found is None:
        lacking("no chromium: apt-get install chromium")
    return found


class Watched:
    """A page, and everything it did that it should not have."""

    def __init__(self, page, base):
        self.page, self.base = page, base
        self.console, self.foreign = [], []
        page.on(
            "console",
            lambda m: self.console.append(m.text) if m.type in {"error", "warning"} else None,
        )
        page.on("pageerror", lambda error: self.console.append(str(error)))
        page.on("dialog", lambda dialog: (self.console.append("dialog"), dialog.dismiss()))
        page.on("request", lambda request: self._asked(request.url))

    def _asked(self, url):
        if not url.startswith((self.base, "data:", "blob:")):
            self.foreign.append(url)

    def open(self, view):
        """Go to a view, and wait until it is there."""
        self.page.goto(f"{self.base}/#/{view}")
        name = view.split("/")[0].split("?")[0]
        self.page.wait_for_selector(f"main[data-view={name}]", timeout=20_000)

    def until(self, claim):
        """Wait until a claim in the page's own language holds; its policy forbids the usual way."""
        end = monotonic() + 20
        while not self.page.evaluate(claim):
            assert monotonic() < end, claim
            self.page.wait_for_timeout(20)

    def clean(self):
        """Nothing was run, nobody else was asked."""
        assert self.page.evaluate("window.hacked") is None
        assert self.console == []
        assert self.foreign == []


@contextmanager
def browsing(base, width=1440, height=950, scheme="light"):
    """A page of a headless browser on a server of ours."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
        page.set_default_timeout(20_000)
        try:
            yield Watched(page, base)
        finally:
            browser.close()
