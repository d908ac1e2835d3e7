"""Rendering: what an error says, and what a template may do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from asimov.errors import AsimovError
from asimov.rendering.origins import Origins, resolved
from asimov.rendering.render import render, render_text


@pytest.fixture(params=["data", "code"], autouse=True)
def origins(request: pytest.FixtureRequest, tmp_path: Path) -> Origins | None:
    """Both kinds of templates do the same as far as they only read."""
    return None if request.param == "data" else Origins(packages=resolved(tmp_path))


@pytest.fixture
def rendered(tmp_path: Path, origins: Origins | None) -> Callable[..., str]:
    def call(text: str, **names: Any) -> str:
        template = tmp_path / "t.ini"
        template.write_text(text)
        return render(template, names, origins=origins)

    return call


@pytest.fixture
def failure(tmp_path: Path, rendered: Callable[..., str]) -> Callable[..., str]:
    def call(text: str, **names: Any) -> str:
        with pytest.raises(AsimovError) as raised:
            rendered(text, **names)
        return str(raised.value).replace(f"{tmp_path}/", "")

    return call


def test_values_print_as_they_are_and_the_last_newline_stays(rendered: Callable[..., str]) -> None:
    text = "a = {{ a }}\nb = {{ b }}\nc = {{ c }}\nd = {{ '<&>' }}\n"
    assert rendered(text, a=1.0, b=[1, "x"], c=True) == (
        "a = 1.0\nb = [1, 'x']\nc = True\nd = <&>\n"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("\n{{ nosuch }}\n", "t.ini:2: 'nosuch' is undefined"),
        ("\n\nx = {{ meta.speed }}", "t.ini:3: 'dict object' has no attribute 'speed'"),
        ("{{ meta['a b'].c }}", "t.ini:1: 'dict object' has no attribute 'a b'"),
        ("{% for x in nosuch %}{% endfor %}", "t.ini:1: 'nosuch' is undefined"),
        ("\n{% if %}", "t.ini:2: is not a valid template: Expected an expression, got 'end of"),
        ("{{ meta | nosuch }}", "t.ini:1: is not a valid template: No filter named 'nosuch'"),
        ("\n\n{{ 1 / 0 }}", "t.ini:3: ZeroDivisionError: division by zero"),
        ("\n{{ 'a' + 1 }}", "t.ini:2: TypeError: "),
        ("{% include 'nosuch.ini' %}", "t.ini: there is no template 'nosuch.ini'"),
    ],
)
def test_an_error_tells_template_line_and_name(
    failure: Callable[..., str], text: str, told: str
) -> None:
    assert failure(text, meta={}).startswith(told)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{{ meta.speeed }}", "; did you mean 'speed'?"),
        ("{{ met.speed }}", "; did you mean 'meta'?"),
        ("{{ meta.quality.depth }}", "; it is in 'meta: likelihood'"),
        ("{{ meta.colour }}", ""),
    ],
)
def test_what_is_nearly_there_or_elsewhere_is_pointed_out(
    failure: Callable[..., str], text: str, told: str
) -> None:
    meta = {"speed": 1, "quality": {}, "likelihood": {"depth": 2}}
    said = failure(text, meta=meta)
    assert said.partition(";")[1:] == told.partition(";")[1:], said


def test_what_can_not_be_resolved_lists_what_there_is(tmp_path: Path) -> None:
    template = tmp_path / "t.ini"
    meta = {"speed": 1, "likelihood": {"depth": 2}}
    for text, there in (
        ("{{ meta.nosuch }}", "the settings in 'meta' are speed, likelihood, likelihood: depth"),
        ("{{ nosuch }}", "a template can use meta, name"),
    ):
        template.write_text(text)
        with pytest.raises(AsimovError) as told:
            render(template, {"name": "a", "meta": meta})
        assert told.value.hint == there


def test_an_error_in_an_included_template_tells_that_one(
    failure: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "part.ini").write_text("\n\n\n{{ nosuch }}")
    assert failure("\n{% include 'part.ini' %}").startswith("part.ini:4: ")


def test_a_default_covers_what_is_not_defined(rendered: Callable[..., str]) -> None:
    text = "{{ meta.speed | default(3) }} {% if meta.x is defined %}x{% else %}no x{% endif %}"
    assert rendered(text, meta={}) == "3 no x"


def test_a_template_that_has_changed_is_read_anew(rendered: Callable[..., str]) -> None:
    assert rendered("one") == "one"
    assert rendered("two and more") == "two and more"


def test_templates_include_from_other_folders(origins: Origins | None, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "head.ini").write_text("[head]\n")
    template = tmp_path / "t.ini"
    template.write_text("{% include 'head.ini' %}[tail]")
    assert render(template, {}, [shared], origins=origins) == "[head]\n[tail]"


def test_settings_are_written_as_yaml(rendered: Callable[..., str]) -> None:
    meta = {"b": [1, 2], "a": {"c": "x: y"}}
    assert yaml.safe_load(rendered("{{ meta | to_yaml }}", meta=meta)) == meta


def test_a_value_of_the_ledger_is_rendered_and_named_in_errors() -> None:
    assert render_text("--speed={{ meta.speed }}", {"meta": {"speed": 3}}, "arguments") == (
        "--speed=3"
    )
    assert render_text("no braces", {}, "arguments") == "no braces"
    with pytest.raises(AsimovError) as raised:
        render_text("{{ nosuch }}", {}, "arguments")
    assert str(raised.value) == "arguments: '{{ nosuch }}': 'nosuch' is undefined"
    with pytest.raises(AsimovError, match=r"environment: .*ZeroDivisionError"):
        render_text("{{ 1 // 0 }}", {}, "environment")
