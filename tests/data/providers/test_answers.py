"""What vendors answer is read strictly, and what they ask for is done if it makes sense."""

from __future__ import annotations

import pytest

from technic.data.providers.answers import seconds_to_wait, strict_json
from technic.errors import PageError


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("3", 3.0),
        ("0", 0.0),
        ("-7", None),
        ("1e999", None),
        ("soon", None),
        ("", None),
        ("nan", None),
    ],
)
def test_retry_after_is_honoured_if_it_makes_sense(told, seconds):
    assert seconds_to_wait({"retry-after": told}) == seconds


def test_retry_after_as_a_date():
    assert seconds_to_wait({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) is None
    assert seconds_to_wait({"retry-after": "Wed, 21 Oct 2099 07:28:00 GMT"}) > 1e6


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xef\xbb\xbf{}",
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b'{"a": 1, "a": 2}',
        b'{"r": [{"c": 1, "c": 2}]}',
        b"{",
        b"\xff",
    ],
)
def test_json_is_strict(body):
    with pytest.raises(PageError):
        strict_json(body, "vendor")


def test_json_that_only_looks_doubled_is_fine():
    assert strict_json(b'{"a": "say \\":\\" twice", "b": [{"c": {"d": 1}}]}', "vendor")["b"]
