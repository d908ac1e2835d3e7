"""Reading and writing YAML."""

from __future__ import annotations

import math

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from asimov.errors import AsimovError
from asimov.ledger.documents import dump, read_documents
from tests.searching import sizes


def read(text):
    return read_documents(text, "f.yaml")[0].data


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", "f.yaml:3:1: the key 'a' is given twice"),
        ("a: {b: 1, c: 2, b: 3}\n", "f.yaml:1:17: the key 'b' is given twice"),
        ("a: !!python/object:os.x {}\n", "f.yaml:1:4: the YAML tag tag:yaml.org,2002:python/"),
        ("a: !!python/tuple [1]\n", "f.yaml:1:4: the YAML tag tag:yaml.org,2002:python/tuple"),
        ("a: !!set {b}\n", "f.yaml:1:4: the YAML tag tag:yaml.org,2002:set is not allowed"),
        ("a: !!binary aaaa\n", "f.yaml:1:4: the YAML tag tag:yaml.org,2002:binary is not"),
        ("a: !!timestamp 2020-01-01\n", "f.yaml:1:4: the YAML tag tag:yaml.org,2002:timestamp"),
        ("a: !mine b\n", "f.yaml:1:4: the YAML tag !mine is not allowed"),
        ("a: !!int b\n", "f.yaml:1:4: holds a value that can't be read as int"),
        ("a: !!float b\n", "f.yaml:1:4: holds a value that can't be read as float"),
        ("a: !!bool b\n", "f.yaml:1:4: holds a value that can't be read as bool"),
        (f"a: {'9' * 5000}\n", "f.yaml:1:4: holds a value that can't be read as int"),
        ("a: *b\n", "f.yaml:1:4: is not valid YAML: found undefined alias"),
        ("a: &a [*a]\n", "f.yaml: contains an alias that refers to itself"),
        ("a: &a {b: {c: *a}}\n", "f.yaml: contains an alias that refers to itself"),
        (
            "a: &a [1]\nb: &b [*a]\nc: &c [*b, *c]\n",
            "f.yaml: contains an alias that refers to itself",
        ),
        ("a:\n  b: 1\n c: 2\n", "f.yaml:3:2: is not valid YAML"),
        ("a: 1\n\tb: 2\n", "f.yaml:2:1: is not valid YAML"),
        ("a: [1, 2\nb: 3\n", "f.yaml:2:2: is not valid YAML"),
        ("a: 'b\n", "f.yaml:2:1: is not valid YAML"),
        ("? [1]\n: 2\n", "f.yaml:1:3: is not valid YAML: found unhashable key"),
        ("<<: 5\n", "f.yaml:1:5: is not valid YAML: expected a mapping"),
        ("a: b\0\n", "f.yaml:1:5: contains the character U+0000, which YAML does not allow"),
        ("ä: 日本\n\x07", "f.yaml:2:1: contains the character U+0007"),
        ("a: " + "[" * 200, "f.yaml:1:103: is nested more than 100 levels deep"),
        ("a: " + "{b: " * 100_000, "f.yaml:1:400: is nested more than 100 levels deep"),
        ("- " * 100_000, "f.yaml:1:201: is nested more than 100 levels deep"),
        ("".join(" " * i + "a:\n" for i in range(2000)), "f.yaml:101:101: is nested more than"),
    ],
)
def test_what_would_be_lost_or_harm_is_refused_with_its_place(text, said):
    with pytest.raises(AsimovError) as told:
        read_documents(text, "f.yaml")
    assert str(told.value).startswith(said)
    assert "\n" not in str(told.value)


def test_deep_text_in_quotes_is_no_nesting():
    text = "[" * 500
    assert read(f"a: '{text}'\n") == {"a": text}
    assert read("a: " + "[" * 90 + "]" * 90)["a"] is not None


@pytest.mark.parametrize(
    "bomb",
    [
        "a0: &a0 [1, 2]\n" + "".join(
            f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 9)
        ),
        "a0: &a0 {x: 1}\n" + "".join(
            f"a{i}: &a{i} {{{', '.join(f'k{j}: *a{i - 1}' for j in range(10))}}}\n"
            for i in range(1, 9)
        ),
    ],
    ids=["lists", "mappings"],
)  # fmt: skip
def test_aliases_that_multiply_are_refused(bomb):
    with pytest.raises(AsimovError, match=r"values once its aliases \(\*NAME\) are expanded"):
        read(bomb)


def test_merges_that_multiply_stay_small():
    text = "a0: &a0 {x: 1, y: 2}\n" + "".join(
        f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 10)}]}}\n" for i in range(1, 13)
    )
    assert read(text)["a12"] == {"x": 1, "y": 2}


def test_a_merge_key_gives_way_to_keys_of_its_own_wherever_it_is_used_again():
    text = "b: &b {k: 1, l: 1}\nx: {y: {z: &m {<<: *b, k: 2}}}\ntop: {<<: *m, l: 3}\n"
    assert read(text)["x"]["y"]["z"] == {"k": 2, "l": 1}
    assert read(text)["top"] == {"k": 2, "l": 3}


@pytest.mark.parametrize("text", ["2020-01-01", "2020-01-01T10:00:00Z", "2001-12-14 21:59:43.10"])
def test_dates_stay_the_text_that_was_written(text):
    assert read(f"a: {text}\n") == {"a": text}


def test_plain_values_have_their_types():
    text = "a: [1, 2.5, true, null, x, 0x10, .inf, '1', {}, []]\n"
    assert read(text) == {"a": [1, 2.5, True, None, "x", 16, math.inf, "1", {}, []]}


def test_empty_documents_are_left_out_and_the_others_know_their_lines():
    documents = read_documents("---\n---\na: 1\n---\n# only a comment\n---\n\nb: 2\n", "f.yaml")
    assert [(each.data, each.line) for each in documents] == [({"a": 1}, 3), ({"b": 2}, 8)]
    assert str(documents[1].place(["b"])) == "f.yaml:8:1"


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ([], "1:1"),
        (["a"], "1:1"),
        (["a", "b"], "2:3"),
        (["a", "b", 1], "4:5"),
        (["a", "b", 1, "c"], "4:5"),
        (["a", "b", 7], "2:3"),
        (["a", "no"], "1:1"),
        (["no"], "1:1"),
        (["5"], "5:1"),
        ([5], "5:1"),
        (["a", "b", "c"], "2:3"),
    ],
)
def test_the_place_of_a_key_or_of_what_is_around_it(path, place):
    (document,) = read_documents("a:\n  b:\n  - x\n  - c: 1\n5: y\n", "f.yaml")
    assert str(document.place(path)) == f"f.yaml:{place}"


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False)
    | st.text(st.characters(blacklist_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@pytest.mark.parametrize("size", sizes())
def test_what_is_written_is_read_back_the_same(size):
    @settings(max_examples=int(100 * size))
    @given(st.dictionaries(st.text(min_size=1, max_size=5), plain, min_size=1, max_size=4))
    def search(data):
        assert read(dump(data)) == data

    search()


def test_shared_values_are_written_out():
    shared = [1]
    assert dump({"a": shared, "b": shared}) == "a:\n- 1\nb:\n- 1\n"


def test_places_of_many_keys_are_found_in_one_reading(monkeypatch):
    composed = []
    real = yaml.compose_all
    monkeypatch.setattr(yaml, "compose_all", lambda *a, **k: composed.append(1) or real(*a, **k))
    documents = read_documents("".join(f"---\nk{i}: 1\n" for i in range(200)), "many.yaml")
    places = [str(each.place([f"k{i}"])) for i, each in enumerate(documents)]
    assert places == [f"many.yaml:{2 * i + 2}:1" for i in range(200)]
    assert len(composed) == 1
