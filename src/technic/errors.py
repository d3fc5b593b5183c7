"""Every error technic raises on purpose.

TechnicError
├── ConfigError          a setting or a scan file is missing something, or contradicts itself
├── SchemaError          a table lacks columns, or holds what its schema forbids
│   └── UnknownSymbolError  a symbol that the store has never heard of
├── SessionError         a date is no session, or lies outside the table of sessions
├── StoreError           the store is missing, empty, foreign, read-only or newer than this version
│   ├── SpanError        a session lies outside what the store holds
│   └── UnlistedError    a symbol is not listed on the session that is asked about
├── ProviderError        a vendor did not give what was asked for
│   ├── AccessError      the key is missing, unknown, or does not allow it; asking again is vain
│   ├── RateError        too many calls; asking later helps
│   └── PageError        an answer is cut short, garbled or contradicts itself
├── IndicatorError       a definition or its parameters are wrong
├── ModelError           a model's file, card or age forbids its use
├── QuestionError        a question cannot be understood; knows where in its text
├── DeliveryError        an alert was not taken; sending it again may help
│   └── RefusedError     an address that nothing is sent to; trying again is vain
├── StoppedError         work was stopped before it was done: its time was up, or it was called off
└── VerifyError          a manifest's answer was not reproduced

Each message is one line that names the object, the cause, and what to do next.
"""

from __future__ import annotations

from datetime import date
from unicodedata import category

MOVING = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # control, format, half of a pair, separators
SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
LAST_OF_PLANE = 0xFFFF  # beyond it JSON writes two


class TechnicError(Exception):
    """Root of the tree. Caught at the interfaces, nowhere else."""


class ConfigError(TechnicError):
    """A setting or a scan file is missing something, or contradicts itself."""


class SchemaError(TechnicError):
    """A table lacks columns, or holds what its schema forbids."""


class ForeignError(SchemaError):
    """A file holds nothing of what it was read as; among others it is left out, and no fault."""


class UnknownSymbolError(SchemaError):
    """A symbol that the store has never heard of."""


class SessionError(TechnicError):
    """A date is no session, or lies outside the table of sessions."""


class StoreError(TechnicError):
    """The store is missing, empty, foreign, read-only or newer than this version."""


class SpanError(StoreError):
    """A session lies outside what the store holds."""


class UnlistedError(StoreError):
    """A symbol is not listed on the session that is asked about.

    Attributes
    ----------
    last : the last session before it on which the symbol was listed; None if there is none
    """

    def __init__(self, message: str, last: date | None = None) -> None:
        super().__init__(message)
        self.last = last


class ProviderError(TechnicError):
    """A vendor did not give what was asked for."""


class AccessError(ProviderError):
    """The key is missing, unknown, or does not allow it; asking again is vain."""


class RateError(ProviderError):
    """Too many calls; asking later helps.

    Attributes
    ----------
    wait : seconds the vendor asks to wait; None if it does not say
    """

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class PageError(ProviderError):
    """An answer is cut short, garbled or contradicts itself; it counts as no answer."""


class IndicatorError(TechnicError):
    """A definition contradicts itself, or was given parameters it cannot take."""


class ModelError(TechnicError):
    """A model cannot be used: its file, its card, its age or its universe forbids it."""


class DeliveryError(TechnicError):
    """An alert was not taken; sending it again may help."""


class RefusedError(DeliveryError):
    """An address that nothing is sent to; trying again is vain."""


class StoppedError(TechnicError):
    """Work was stopped before it was done: its time was up, or it was called off."""


class VerifyError(TechnicError):
    """A manifest's answer was not reproduced."""


class QuestionError(TechnicError):
    """A question cannot be understood.

    Attributes
    ----------
    why : what is wrong, in one line
    text : the question's text; empty if it did not come from text
    start : offset of the offending character in `text`, or -1
    hint : what the reader may have meant; may be empty
    """

    def __init__(self, why: str, *, text: str = "", start: int = -1, hint: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.text = text
        self.start = start
        self.hint = hint

    def at(self, text: str) -> QuestionError:
        """The same error, knowing the text that it points into."""
        return QuestionError(self.why, text=self.text or text, start=self.start, hint=self.hint)

    def __str__(self) -> str:
        """The reason; below it the offending line with a caret, and the hint."""
        if self.start < 0 or not self.text:
            return f"question: {self.why}" + (f"\n{self.hint}" if self.hint else "")
        line = self.text.count("\n", 0, self.start) + 1
        begin = self.text.rfind("\n", 0, self.start) + 1
        shown = self.text[begin:].split("\n", 1)[0]
        column = self.start - begin
        lines = [
            f"question:{line}:{column + 1}  {self.why}",
            f"  {shown}",
            "  " + " " * column + "^",
        ]
        return "\n".join([*lines, self.hint] if self.hint else lines)


def printable(text: str, keep: str = "") -> str:
    r"""Text from outside as it may be shown: what moves, hides or breaks other text is written out.

    Control characters, escape sequences, marks that turn the direction of writing, line and paragraph
    separators and half characters become `\u001b` and the like, as JSON has them: inside a JSON text
    the meaning stays the same.

    Parameters
    ----------
    text
        A company's name, an exception's or a vendor's word: anything.
    keep
        Characters that are left as they are.

    Examples
    --------
    >>> printable("ACME\x1b[2J Inc."), printable("été 株式会社 😀")
    ('ACME\\u001b[2J Inc.', 'été 株式会社 😀')
    """
    if text.isprintable():
        return text
    return "".join(c if c in keep or category(c) not in MOVING else _written_out(c) for c in text)


def counted(count: int, noun: str, nouns: str = "") -> str:
    """A number and what it counts.

    Parameters
    ----------
    noun, nouns
        Of one, and of several: with an s, or -ies for -y, if that is not given.

    Examples
    --------
    >>> counted(1, "row"), counted(1200, "row"), counted(2, "new company"), counted(2, "day")
    ('1 row', '1,200 rows', '2 new companies', '2 days')
    """
    if count == 1:
        return f"1 {noun}"
    if not nouns:
        ends = noun.endswith("y") and noun[-2:-1] not in "aeiou"
        nouns = f"{noun[:-1]}ies" if ends else f"{noun}s"
    return f"{count:,} {nouns}"


def _written_out(character: str) -> str:
    if character in SHORT:
        return SHORT[character]
    if ord(character) <= LAST_OF_PLANE:
        return f"\\u{ord(character):04x}"
    pair = character.encode("utf-16-be").hex()
    return f"\\u{pair[:4]}\\u{pair[4:]}"


def first_line(error: BaseException) -> str:
    """The first line of what an error says, as it may be shown; its kind, where it says nothing."""
    said = str(error).strip()
    return printable(said.splitlines()[0]) if said else type(error).__name__


def install_hint(extra: str = "") -> str:
    """How to install technic, or what one of its extras needs.

    The name on the package index belongs to an unrelated project, so the hint names the checkout.
    """
    wanted = f"'.[{extra}]'" if extra else "."
    return f"pip install {wanted} in a checkout of technic"


def not_installed(error: ImportError, extra: str, subject: str = "") -> ConfigError:
    """The refusal for a library that an extra would have brought.

    Parameters
    ----------
    error
        What the import raised; its `name` is the missing library.
    extra
        The extra of technic that installs it.
    subject
        What was asked for, said before the reason; may be empty.
    """
    before = f"{subject}: " if subject else ""
    return ConfigError(f"{before}{error.name} is not installed: {install_hint(extra)}")
