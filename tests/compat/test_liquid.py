"""Templates in Liquid: which file is one, and what published templates rely on in them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asimov.compat.liquid import is_liquid
from asimov.errors import AsimovError
from asimov.rendering import render as templating
from asimov.rendering.origins import Origins, resolved
from asimov.rendering.render import dialect_of, render


@pytest.fixture(params=["data", "code"])
def origins(request: pytest.FixtureRequest, tmp_path: Path) -> Origins | None:
    """Both kinds of templates do the same as far as they only read."""
    return None if request.param == "data" else Origins(packages=resolved(tmp_path))


@pytest.fixture
def rendered(tmp_path: Path, origins: Origins | None) -> Callable[..., str]:
    def call(text: str, **names: Any) -> str:
        template = tmp_path / "t.ini"
        template.write_text(text)
        return render(template, names, dialect="liquid", origins=origins)

    return call


@pytest.fixture
def failure(tmp_path: Path, rendered: Callable[..., str]) -> Callable[..., str]:
    def call(text: str, **names: Any) -> str:
        with pytest.raises(AsimovError) as raised:
            rendered(text, **names)
        return str(raised.value).replace(f"{tmp_path}/", "")

    return call


@pytest.mark.parametrize(
    "text",
    [
        "{% assign x = 1 %}",
        "{%- assign x = 1 -%}",
        "{{ x | default: 3 }}",
        "{{ x |  plus : 3 }}",
        "{{ d['a | b'] | default: 3 }}",
        "{% if d contains 'x' %}{% endif %}",
        '{% if d["a"]["b"] contains x[0] %}{% endif %}',
        "{% if d.size > 0 %}{% endif %}",
        "{% if d['a'].size == 0 %}{% endif %}",
        "{% if a %}{% elsif b %}{% endif %}",
        "{% unless a %}{% endunless %}",
        "{% case a %}{% when 1 %}{% endcase %}",
        "{% capture a %}{% endcapture %}",
        "{% comment %}{% endcomment %}",
        "{% increment a %}",
        "{% if a != nil %}{% endif %}",
        "{% for a in b limit:2 %}{% endfor %}",
        "{% for a in (1..3) %}{% endfor %}",
        "{% for a in b %}{{ forloop.index }}{% endfor %}",
        "{# jinja #}\n{{ a.b }}\n{{ a\n | default: 3 }}",
    ],
)
def test_a_template_with_liquid_syntax_is_liquid(text: str) -> None:
    assert is_liquid(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "assign x | default: 3",
        "{{ x | default(3) }}",
        "{{ x | default({'a': 1}) }}",
        "{{ 'a | b: c' }}",
        '{{ "x contains y" }}',
        "{{ x['a | b: c'] }}",
        "{{ x[n | int: m | int] }}",
        "{{ {'a': 1} }}",
        "{% set assign = 1 %}{{ assign }}",
        "{{ meta.size }} {% if meta.size > 3 %}{% endif %}",
        "{# {% assign x = 1 %} #}",
        "{% raw %}{% assign x = 1 %}{% endraw %}",
        "{% for a in b %}{{ loop.index }}{% endfor %}",
        "{% if a is defined and 'x' in a %}{% elif b %}{% endif %}",
        "{% set contains = 3 %}",
        "model: {{ model }}",
    ],
)
def test_a_template_without_is_jinja(text: str) -> None:
    assert not is_liquid(text)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("{{ d['x'] | default: 3 }}", "3"),
        ("{{ nosuch | default: 3 }}", "3"),
        ("{{ d['none'] | default: 3 }}", "3"),
        ("{{ d['empty'] | default: 3 }}", "3"),
        ("{{ d['false'] | default: 3 }}", "False"),
        ("{{ d['list'] | default: 3 }}", "[]"),
        ("{{ d['zero'] | default: 3 }}", "0"),
    ],
)
def test_a_default_is_for_what_is_undefined_none_or_empty_text(
    rendered: Callable[..., str], text: str, result: str
) -> None:
    d = {"none": None, "empty": "", "false": False, "list": [], "zero": 0}
    assert rendered(text, d=d) == result


def test_a_default_that_is_undefined_is_nothing(rendered: Callable[..., str]) -> None:
    assert rendered("[{{ d['x'] | default: nosuch }}]", d={}) == "[]"


def test_a_default_of_a_default(rendered: Callable[..., str]) -> None:
    text = "{{ d['x'] | default: d['y'] | default: 4 }}"
    assert rendered(text, d={}) == "4"


def test_round_keeps_a_float(rendered: Callable[..., str]) -> None:
    assert rendered("{{ x | round }} {{ y | round }}", x=4096.4, y=4096) == "4096.0 4096"


def test_a_subscript_of_what_is_undefined_raises(failure: Callable[..., str]) -> None:
    told = failure("a\n{% assign s = d['x'] %}\n{{ s['y'] | default: 3 }}\n", d={})
    assert told == "t.ini:3: 'dict object' has no attribute 'x'"


def test_contains_of_what_is_undefined_raises(failure: Callable[..., str]) -> None:
    told = failure("\n{% if nosuch contains 'a' %}{% endif %}")
    assert told == "t.ini:2: 'nosuch' is undefined"


@pytest.mark.parametrize("value", [None, 3])
def test_contains_of_what_can_not_contain_raises(
    failure: Callable[..., str], value: object
) -> None:
    told = failure("\n{% if x contains 'a' %}{% endif %}", x=value)
    assert told == f"t.ini:2: TypeError: {value} can't contain 'a'"


def test_contains_is_of_lists_texts_and_mappings(rendered: Callable[..., str]) -> None:
    text = "{% if x contains 'a' %}yes{% else %}no{% endif %}"
    assert [rendered(text, x=x) for x in (["a"], "cat", {"a": 1}, {"b": "a"})] == [
        "yes", "yes", "yes", "no",
    ]  # fmt: skip


def test_the_size_of_what_is_undefined_is_nothing(rendered: Callable[..., str]) -> None:
    text = "{% if d['x'].size > 0 %}some{% else %}none{% endif %}"
    assert rendered(text, d={}) == "none"
    assert rendered(text, d={"x": {}}) == "none"
    assert rendered(text, d={"x": {"a": 1}}) == "some"


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("{% if 'x' in d %}yes{% endif %}", "yes"),
        ("{% if nosuch %}a{% elif d %}b{% endif %}", "b"),
        ("{% for i in [1, 2] %}{{ i }}{% if not loop.last %},{% endif %}{% endfor %}", "1,2"),
        ("{% for i in [1, 2, 3] if i > 1 %}{{ i }}{% endfor %}", "23"),
        ("{{ d.get('a', {}).get('b') }}", "None"),
        ("{{ 'a' + 'b' }} {{ 1 + 2 }}", "ab 3"),
        ("{{ 'a-b'.split('-', 1)[1] }}", "b"),
        ("{% for k in d.keys() %}{{ k }}{% endfor %}", "x"),
        ("{{ x | plus: 2 | minus: 4 }}", "1126259460.4"),
        ("{{ 'a b' | replace: ' ', '_' | prepend: '-' }}", "-a_b"),
        ("{% unless nosuch %}a{% endunless %}", "a"),
        ("{% case 2 %}{% when 1 %}a{% when 2 %}b{% endcase %}", "b"),
        ("{% capture a %}b{% endcapture %}{{ a }}{{ a }}", "bb"),
        ("a{% comment %}{{ nosuch['x'] }}{% endcomment %}b", "ab"),
        ("{{ d['x'] | to_yaml }}", "y: 1\n"),
        ("{% set a = d.x %}{% assign b = a['y'] | default: 3 %}{{ b }}", "1"),
    ],
)
def test_both_dialects_may_be_mixed(rendered: Callable[..., str], text: str, result: str) -> None:
    assert rendered(text, d={"x": {"y": 1}}, x=1126259462.4) == result


def test_an_assign_in_a_loop_does_not_leave_it(rendered: Callable[..., str]) -> None:
    text = "{% assign z = 0 %}{% for i in [1, 2] %}{% assign z = i %}{% endfor %}{{ z }}"
    assert rendered(text) == "0"


def test_values_print_as_python_prints_them(rendered: Callable[..., str]) -> None:
    text = "{{ a }} {{ b }} {{ c }} {{ d }}"
    names = {"a": ["H1", "L1"], "b": {"H1": 20}, "c": True, "d": None}
    assert rendered(text, **names) == "['H1', 'L1'] {'H1': 20} True None"


def test_numbers_keep_the_type_that_they_had_in_yaml(rendered: Callable[..., str]) -> None:
    assert rendered("{{ a }} {{ b }} {{ c }}", a=4096, b=4096.0, c="4096") == ("4096 4096.0 4096")


def test_the_last_newline_goes(rendered: Callable[..., str]) -> None:
    assert rendered("a\n\n") == "a\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("\n{% assign %}", "t.ini:2: is not a valid template: "),
        ("\n\n{% if a %}{% elsif %}", "t.ini:3: is not a valid template: "),
        ("\n{{ a | nosuch: 3 }}", "t.ini:2: is not a valid template: No filter named 'nosuch'"),
        ("\n\n{{ 'a' | plus: 3 }}", "t.ini:3: TypeError: "),
        ("\n{{ '%(x)s' % d }}", "t.ini:2: KeyError: 'x'"),
    ],
)
def test_an_error_is_one_line_with_file_and_line(
    failure: Callable[..., str], text: str, told: str
) -> None:
    assert failure(text, d={}).startswith(told)


def test_a_template_includes_another_of_its_dialect(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "part.ini").write_text("{{ x | default: 3 }}")
    template = tmp_path / "t.ini"
    template.write_text("{% assign y = 1 %}{% include 'part.ini' %}")
    assert render(template, {}, [shared]) == "3"
    template.write_text(f"{{% assign y = 1 %}}{{% include '{shared}/part.ini' %}}")
    assert render(template, {}, [shared]) == "3"
    template.write_text("{% assign y = 1 %}\n{% include 'nosuch.ini' %}")
    with pytest.raises(AsimovError, match=r"there is no template 'nosuch.ini'"):
        render(template, {})


def test_the_dialect_is_the_file_s_unless_it_is_given(tmp_path: Path) -> None:
    template = tmp_path / "t.ini"
    template.write_text("[{{ nosuch }}]")
    assert dialect_of(template) == "jinja"
    with pytest.raises(AsimovError, match="'nosuch' is undefined"):
        render(template, {})
    assert render(template, {}, dialect="liquid") == "[]"
    template.write_text("{% assign x = nosuch %}[{{ x }}]")
    assert dialect_of(template) == "liquid"
    assert render(template, {}) == "[]"
    with pytest.raises(AsimovError, match="unknown tag 'assign'"):
        render(template, {}, dialect="jinja")


def test_a_dialect_that_there_is_not_is_told(tmp_path: Path) -> None:
    template = tmp_path / "t.ini"
    template.write_text("x")
    with pytest.raises(AsimovError, match="there is no dialect 'Liquid' of templates") as raised:
        render(template, {}, dialect="Liquid")
    assert raised.value.hint == "'template_dialect' of a pipeline is one of: jinja, liquid"


def test_a_template_that_is_no_text_is_told(tmp_path: Path) -> None:
    template = tmp_path / "t.ini"
    template.write_bytes(b"\xff\xfe")
    with pytest.raises(AsimovError, match="is not text"):
        render(template, {})


def test_without_liquidpy_it_is_named(
    rendered: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "liquid", None)
    templating._data.cache_clear()
    templating._code.cache_clear()
    with pytest.raises(AsimovError, match="templates in Liquid can't be rendered: ") as raised:
        rendered("x")
    assert raised.value.hint == "install liquidpy"
