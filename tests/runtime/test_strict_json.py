"""JSON is read as one thing or refused, whatever stands between its signs."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from technic.runtime.strict_json import DEEPEST, read_json

TEXT = st.text(st.sampled_from('ab\\":,{}[] é\n'), max_size=6)


class Pairs(dict):
    """An object that is written as it stands, keys twice and all."""

    def __init__(self, pairs):
        super().__init__(enumerate(pairs))


CONTENT = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXT,
    lambda inner: (
        st.lists(inner, max_size=3) | st.lists(st.tuples(TEXT, inner), max_size=4).map(Pairs)
    ),
    max_leaves=12,
)


def written(content, gap):
    if isinstance(content, Pairs):
        pairs = [f"{json.dumps(k)}{gap}:{gap}{written(v, gap)}" for k, v in content.values()]
        return "{" + f",{gap}".join(pairs) + "}"
    if isinstance(content, list):
        return "[" + f"{gap},".join(written(one, gap) for one in content) + "]"
    return json.dumps(content, ensure_ascii=False)


def repeats(content):
    if isinstance(content, Pairs):
        names = [name for name, _ in content.values()]
        return len(set(names)) < len(names) or any(repeats(v) for _, v in content.values())
    return isinstance(content, list) and any(map(repeats, content))


@given(CONTENT, st.sampled_from(["", " ", "\n\t"]))
def test_a_key_twice_in_one_object_is_found_wherever_it_stands(content, gap):
    text = written(content, gap)
    if repeats(content):
        with pytest.raises(ValueError, match="twice"):
            read_json(text.encode())
    else:
        assert read_json(text.encode()) == json.loads(text)


@pytest.mark.parametrize(
    "body",
    [
        b'{"plan":{"risk" :0.01,"risk" :0.5},"top":1}',
        b'{"top" :1,"top":2,"where":"close > 1"}',
        b'{"a":1,"\\u0061":2,"b":":"}',
        b'[[{"a":{},"a":{}}]]',
    ],
)
def test_keys_that_blanks_or_escapes_hide_are_found(body):
    with pytest.raises(ValueError, match="twice"):
        read_json(body)


@pytest.mark.parametrize("deep", [1_000, 100_000])
@pytest.mark.parametrize(("before", "after"), [(b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":', b"}]")])
def test_no_depth_overflows_a_stack(before, after, deep):
    with pytest.raises(ValueError, match=r"deep|depth"):
        read_json(before * deep + b"1" + after * deep)


def test_what_nests_to_the_bound_is_read():
    assert read_json("[" * DEEPEST + "]" * DEEPEST) is not None
    with pytest.raises(ValueError, match="deeper"):
        read_json("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1))
