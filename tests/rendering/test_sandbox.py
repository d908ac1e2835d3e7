"""Templates of a project: what they can't do, how much they may compute, what they see."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest

from asimov.errors import AsimovError
from asimov.rendering import bounds
from asimov.rendering.access import reads
from asimov.rendering.dialects import dialect_of_text
from asimov.rendering.origins import Origins, package_folders, resolved
from asimov.rendering.render import EXCEEDED, REFUSED, render, render_text
from asimov.rendering.views import View, viewed
from tests.searching import first


class Thing:
    """An object of a package, as templates see it."""

    for_templates = reads("look", "worth", "others", "_named", work="_harmless")
    plain = (1, ["a"])

    def __init__(self) -> None:
        self.done: list[str] = []
        self.held = {"a": 1}
        self.module = datetime
        self.others: list[Thing] = []

    def __repr__(self) -> str:
        return "<Thing>"

    @property
    def worth(self) -> str:
        return "p"

    @property
    def hidden(self) -> str:
        self.done.append("hidden")
        return "h"

    def look(self, *what: str) -> str:
        return f"looked {what}"

    def act(self) -> None:
        self.done.append("act")

    def work(self) -> str:
        self.done.append("work")
        return "worked"

    def _harmless(self) -> str:
        return "harmless"

    def _named(self) -> str:
        return "named"


#: One operation on a large value, again and again.
LOOP = (
    "{% set s = 'a' * 100000 %}{% set t = 'a' * 99999 + 'b' %}{% set l = [0] * 20000 %}"
    "{% for i in range(2000) %}DO{% endfor %}"
)


@pytest.fixture(params=["jinja", "liquid"])
def rendered(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., str]:
    def call(text: str, origins: Origins | None = None, **names: Any) -> str:
        template = tmp_path / "t.ini"
        template.write_text(text)
        return render(template, names, dialect=request.param, origins=origins)

    return call


@pytest.mark.parametrize(
    "text",
    first(16, [
        "{{ 'a' * 10**10 }}",
        "{{ [1] * 10**10 }}",
        "{{ 10**(10**8) }}",
        "{{ 2 ** 9999 ** 9999 }}",
        "{% for i in range(10**12) %}{% endfor %}",
        "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
        "{% set r = range(99999) %}{% for i in r %}{% for j in r if no %}{% endfor %}{% endfor %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% macro m(n) %}{% if n %}{{ m(n-1) }}{{ m(n-1) }}{% endif %}{% endmacro %}{{ m(30) }}",
        "{% include 't.ini' %}",
        "{{ '%99999999999d' % 1 }}",
        "{{ '%*d' % (10**9, 1) }}",
        "{{ '{:9999999999}'.format(1) }}",
        "{{ '{:{}}'.format(1, 10**9) }}",
        "{{ '%(a)s' * 3000 % {'a': 'a' * 100000} }}",
        "{{ 'a' | center(10**10) }}",
        "{{ 'a'.ljust(10**10) }}",
        "{{ ('a' * 99999) | replace('a', 'b' * 99999) }}",
        "{{ ('a' * 99999).replace('a', 'b' * 99999) }}",
        "{{ ('b' * 99999).join('a' * 99999) }}",
        "{{ (['a'] * 99999) | join('b' * 99999) }}",
        "{{ 'a\\na' | indent(10**9) }}",
        "{{ 1.5 | round(10**9) }}",
        "{{ [1] | batch(10**9, 1) | list }}",
        "{{ {'a': 1} | tojson(indent=10**9) }}",
        "{% set a = 'aaaaaaaaaa' %}" + "{% set a = a ~ a %}" * 40,
        "{% set a = 'aaaaaaaaaa' %}" + "{% set a = a + a %}" * 40,
        "{% set a %}aaaaaaaaaa{% endset %}" + "{% set a %}{{ a }}{{ a }}{% endset %}" * 40,
        "{% set a = [1] %}" + "{% set a = [a, a, a, a] %}" * 20 + "{{ a }}",
        "{% set a = {'a': 1} %}" + "{% set a = {'a': a, 'b': a, 'c': a} %}" * 20 + "{{ a == a }}",
        "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
        "{{ " + "+".join(["1"] * 5000) + " }}",
        "{{ " + "-" * 5000 + "1 }}",
        "{% for i in range(3000) %}" + "a" * 100000 + "{% endfor %}",
        "a" * 300_000,
        "{% set l = [0] * 100000 %}{{ l | select('in', l + [1]) | list | length }}",
        "{% set l = [[1]] * 100000 %}{{ l | sum(start=[]) | length }}",
        "{% set l = ['ab'] * 40000 %}{{ l | join(l) }}",
    ]),
    ids=lambda text: text[:40],
)  # fmt: skip
def test_a_template_ends_within_bounds(rendered: Callable[..., str], text: str) -> None:
    with pytest.raises(AsimovError) as raised:
        rendered(text)
    assert len(str(raised.value).splitlines()) == 1
    assert len(str(raised.value)) < 500


@pytest.mark.parametrize(
    "text",
    ["{#", "{%", "{{ ", "{% raw %}", "{% comment %}", "{{* ", "{{ a[", "{% if 1 %}", "{{ 1|upper"],
)
def test_what_is_never_closed_is_not_looked_for_again_and_again(
    rendered: Callable[..., str], tmp_path: Path, text: str
) -> None:
    many = text * (200_000 // len(text))
    dialect_of_text(many)
    with pytest.raises(AsimovError):
        rendered(many)


@pytest.mark.parametrize(
    "operation",
    [
        "{% set x = s.upper() %}",
        "{% set x = s | wordcount %}",
        "{% if s == t %}{% endif %}",
        "{% if 'ab' in s %}{% endif %}",
        "{% if s is upper %}{% endif %}",
        "{% set x = l.count(1) %}",
        "{% if 1 in l %}{% endif %}",
        "{% set x = s | sort %}",
    ],
)
def test_what_an_operation_reads_counts(
    rendered: Callable[..., str], monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    monkeypatch.setattr(bounds, "STEPS", 150_000)  # none of these is worth more of one's time
    with pytest.raises(AsimovError, match="takes more than 150000 steps"):
        rendered(LOOP.replace("DO", operation))


def test_a_large_configuration_is_within_bounds(rendered: Callable[..., str]) -> None:
    settings = {f"setting {n}": {"value": n, "path": "/data/" + "x" * 200} for n in range(1000)}
    text = (
        "{% for name in meta.keys() %}{{ name }} = {{ meta.get(name).path }}"
        "{% if 'value' in meta[name] and name != 'a' %} {{ meta[name].value }}{% endif %}\n"
        "{% endfor %}{{ long }}"
    )
    printed = rendered(text, meta=settings, long="y" * 500_000)
    assert printed.count("\n") == 1000
    assert printed.endswith("y" * 500_000)


def test_what_was_exceeded_is_told(tmp_path: Path) -> None:
    template = tmp_path / "t.ini"
    template.write_text("\n\n{{ 'a' * 10**10 }}")
    with pytest.raises(AsimovError) as raised:
        render(template, {})
    assert str(raised.value) == (
        f"{template}:3: the template uses a value of over 1000000 characters or elements"
    )
    assert raised.value.hint == EXCEEDED


def test_what_was_refused_is_told_with_file_and_line(tmp_path: Path) -> None:
    template = tmp_path / "t.ini"
    template.write_text("\n{{ thing.look() }}\n{{ thing.act() }}")
    with pytest.raises(AsimovError) as raised:
        render(template, {"thing": Thing()})
    assert str(raised.value) == f"{template}:3: a project's template may not read 'act' of <Thing>"
    assert raised.value.hint == REFUSED


def test_a_setting_is_data(tmp_path: Path) -> None:
    with pytest.raises(AsimovError, match=r"^x\.yaml: a: .*may not read '__class__'") as raised:
        render_text("{{ ''.__class__ }}", {}, "x.yaml: a")
    assert raised.value.hint == REFUSED


def test_a_view_shows_what_is_named_and_plain_data(rendered: Callable[..., str]) -> None:
    thing = Thing()
    thing.others = [Thing()]
    text = (
        "{{ t }} {{ [t] }} {{ t.look('a') }} {{ t.worth }} {{ t['held'].a }} {{ t.plain }} "
        "{{ t.work() }} {{ t._named() }} {{ t.others }} "
        "{{ t.others[0].look() }} {{ t.no | default(1) }}"
    )
    assert rendered(text, t=thing) == (
        "<Thing> [<Thing>] looked ('a',) p 1 (1, ['a']) harmless named [<Thing>] looked () 1"
    )
    assert thing.done == []


@pytest.mark.parametrize(
    "name", ["act", "hidden", "module", "done.append", "__class__", "_harmless", "held.update"]
)
@pytest.mark.parametrize("form", ["{{{{ t.{0} }}}}", "{{{{ t.{0} | default(1) }}}}"])
def test_the_rest_of_an_object_is_closed(
    rendered: Callable[..., str], name: str, form: str
) -> None:
    thing = Thing()
    with pytest.raises(AsimovError, match="may not read"):
        rendered(form.format(name), t=thing)
    assert thing.done == []


def test_data_is_copied_for_a_template() -> None:
    thing = Thing()
    given = {"a": [thing], "b": (1, {"c"})}
    seen = viewed(given)
    assert seen == {"a": [View(thing)], "b": (1, {"c"})}
    assert seen["a"] is not given["a"]
    assert isinstance(seen["a"][0], View)


def test_a_configuration_is_read_as_published_templates_do(rendered: Callable[..., str]) -> None:
    config = ConfigParser()
    config.read_dict({"condor": {"user": "albert", "cpus": "3"}})
    text = (
        "{{ config['condor']['user'] }} {{ config.get('condor', 'user') }} "
        "{{ config['condor'].get('no', 'x') }} {{ config.getint('condor', 'cpus') }} "
        "{{ config.get('no', 'no', fallback='y') }} {% if 'condor' in config %}in{% endif %} "
        "{{ config.sections() }} {% for o in config['condor'] %}{{ o }} {% endfor %}"
    )
    assert rendered(text, config=config) == "albert albert x 3 y in ['condor'] user cpus "
    with pytest.raises(AsimovError, match="may not read 'set'"):
        rendered("{{ config.set('condor', 'user', 'x') }}", config=config)


#: What templates do that only write a configuration.
HARMLESS = [
    "{{ meta }} {{ meta.a.b }} {{ meta['a'].get('z', 5) }} {{ meta.keys() }} {{ meta.items() }}",
    "{% for k, v in meta.a.items() %}{{ loop.index }}/{{ loop.length }}{{ k }}{{ v }}{% endfor %}",
    "{{ [1, 2] | join('x') }} {{ 'x'.join(['a', 'b']) }} {{ 'a b'.split() }} {{ 'a'.upper() }}",
    "{{ 'aa' | replace('a', 'b') }} {{ '%s-%03d' % ('a', 3) }} {{ 'x{:>5}{a}'.format(1, a=2) }}",
    "{{ 2**10 }} {{ 7 // 2 }} {{ 7 / 2 }} {{ 'a' ~ 1 ~ none }} {{ (1, 2) }} {{ {'a': [1, 2.0]} }}",
    "{% macro f(a, b=2) %}<{{ a }}{{ b }}>{% endmacro %}{{ f(1) }}{{ f(b=1, a=3) }}",
    "{% macro f() %}<{{ caller() }}>{% endmacro %}{% call f() %}in{% endcall %}",
    "{% block x %}X{% endblock %}{{ self.x() }}",
    "{% for x in [1, [2, [3]]] recursive %}{% if x is iterable %}({{ loop(x) }}){% else %}{{ x }}"
    "{% endif %}{% endfor %}",
    "{% set ns = namespace(a=1) %}{% for x in [1, 2] %}{% set ns.a = ns.a + x %}{% endfor %}"
    "{{ ns.a }}",
    "{{ x | default('d') }} {{ [3, 1, 2] | sort }} {{ [1, 2] | sum }} {{ [1, 2] | first }}",
    "{{ 3.14159 | round(2) }} {{ '3' | int + 1 }} {{ [1, [2]] | to_yaml }} {{ meta | length }}",
    "{% filter upper %}a{{ 1 }}{% endfilter %} {% raw %}{{ x }}{% endraw %}{# no #}",
    "{% if 'a' in meta and meta.a is mapping %}yes{% elif 1 %}no{% endif %} {{ 1 if 0 else 2 }}",
    "{{ 'abc'[1:] }} {{ [1, 2, 3][-1] }} {{ range(3) | list }} {{ dict(a=1) }} {{ '<&>' }}",
    "{{ when.year }} {{ when.strftime('%d') }} {{ path }} {{ path.name }} {{ [path] }} {{ true }}",
]


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_reads_renders_as_a_package_s_template_does(
    rendered: Callable[..., str], tmp_path: Path, text: str
) -> None:
    names = {
        "meta": {"a": {"b": 1, "c d": [1.0, None]}},
        "when": datetime.date(2026, 11, 21),
        "path": Path("/a/b.c"),
    }
    assert rendered(text, **names) == rendered(text, Origins(packages=resolved(tmp_path)), **names)


# --- where a template lies


@pytest.fixture
def places(tmp_path: Path) -> Origins:
    for name in ("project", "package", "given", "elsewhere", "project/venv/package"):
        (tmp_path / name).mkdir(parents=True)
    return Origins(
        project=(tmp_path / "project",),
        packages=(tmp_path / "package", tmp_path / "project/venv/package"),
        given=(tmp_path / "given", tmp_path / "project"),
    )


@pytest.mark.parametrize(
    ("path", "code", "read"),
    [
        ("project/t.ini", False, True),
        ("package/t.ini", True, True),
        ("given/t.ini", True, True),
        ("elsewhere/t.ini", False, False),
        ("project/venv/package/t.ini", True, True),
        ("project/venv/other/t.ini", False, True),
        ("project/../elsewhere/t.ini", False, False),
        ("package/../project/t.ini", False, True),
    ],
)
def test_the_place_of_a_template_says_whether_it_is_code(
    places: Origins, tmp_path: Path, path: str, code: bool, read: bool
) -> None:
    assert (places.is_code(tmp_path / path), places.may_read(tmp_path / path)) == (code, read)


def test_a_link_counts_by_where_it_leads(places: Origins, tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / "t.ini").write_text("x")
    (tmp_path / "project" / "t.ini").write_text("x")
    out, inside = tmp_path / "project" / "link.ini", tmp_path / "package" / "link.ini"
    out.symlink_to(tmp_path / "elsewhere" / "t.ini")
    inside.symlink_to(tmp_path / "project" / "t.ini")
    assert not places.may_read(out)
    assert not places.is_code(inside)


def test_a_project_within_a_package_is_data(tmp_path: Path) -> None:
    origins = Origins(project=(tmp_path / "package" / "project",), packages=(tmp_path / "package",))
    assert not origins.is_code(tmp_path / "package" / "project" / "t.ini")
    assert origins.is_code(tmp_path / "package" / "t.ini")


def test_the_folder_of_a_class_is_that_of_its_outermost_package() -> None:
    from asimov.pipelines.command import Command

    import asimov

    assert Path(str(asimov.__file__)).parent.resolve() in package_folders(Command)


@pytest.mark.parametrize("name", ["part.ini", "{0}/project/part.ini"])
def test_what_a_package_s_template_includes_of_a_project_is_data(
    places: Origins, tmp_path: Path, name: str
) -> None:
    thing = Thing()
    template = tmp_path / "package" / "t.ini"
    part = tmp_path / "project" / "part.ini"
    template.write_text(
        "{% set mine = t %}{{ t.work() }} {% include '" + name.format(tmp_path) + "' %}"
    )

    def run() -> str:
        return render(template, {"t": thing}, [tmp_path / "project"], origins=places)

    part.write_text("{{ t.look() }} {{ mine.held }} {{ t.work() }}")
    assert run() == "worked looked () {'a': 1} harmless"
    for text in ("{{ mine.act() }}", "{{ lipsum.__globals__ }}", "{{ cycler.__init__ }}"):
        part.write_text(text)
        with pytest.raises(AsimovError, match=r"part\.ini:1: "):
            run()
    part.write_text("{% macro m(x) %}{{ x.act() }}{% endmacro %}")
    template.write_text("{% from 'part.ini' import m %}{{ m(t) }}")
    with pytest.raises(AsimovError, match="may not read 'act'"):
        run()
    part.write_text("{% block b %}{{ t.act() }}{% endblock %}")
    template.write_text("{% extends 'part.ini' %}{% set mine = t %}")
    with pytest.raises(AsimovError, match="may not read 'act'"):
        run()
    assert thing.done == ["work"] * 4


@pytest.mark.parametrize("dialect", ["jinja", "liquid"])
def test_a_project_s_template_that_a_package_s_one_extends_sees_views(
    places: Origins, tmp_path: Path, dialect: str
) -> None:
    thing = Thing()
    template, part = tmp_path / "package" / "t.ini", tmp_path / "project" / "part.ini"
    template.write_text(
        "{% extends 'part.ini' %}{% set mine = t %}"
        "{% block b %}{{ super() }}, {{ t.work() }}{% endblock %}"
    )
    head = "{{ t.work() }} {{ t.held.a }} {% for i in range(2) %}{{ i }}{% endfor %} "

    def run(text: str) -> str:
        part.write_text(text)
        return render(template, {"t": thing}, [tmp_path / "project"], dialect, places)

    assert run(head + "{% block b %}{{ t.work() }}{% endblock %}") == (
        "harmless 1 01 harmless, worked"
    )
    for text in (
        "{{ t.act() }}", "{% block b %}{{ t.act() }}{% endblock %}", "{{ mine.act() }}",
        "{% block c %}{{ mine.act() }}{% endblock %}", "{% macro m() %}{{ t.act() }}{% endmacro %}"
        "{{ m() }}", "{{ t.__class__ }}", "{{ range.__call__ }}",
    ):  # fmt: skip
        with pytest.raises(AsimovError, match=r"part\.ini:1: .* may not (read|call) "):
            run(text)
    assert thing.done == ["work"]


@pytest.mark.parametrize("dialect", ["jinja", "liquid"])
@pytest.mark.parametrize("tag", ["include", "extends", "import"])
@pytest.mark.parametrize("name", ["{0}/elsewhere/x.ini", "../elsewhere/x.ini", "link.ini"])
def test_a_project_s_template_reads_no_file_from_elsewhere(
    places: Origins, tmp_path: Path, tag: str, name: str, dialect: str
) -> None:
    secret = tmp_path / "elsewhere" / "x.ini"
    secret.write_text("secret")
    (tmp_path / "project" / "link.ini").symlink_to(secret)
    template = tmp_path / "project" / "t.ini"
    end = " as x %}" if tag == "import" else " %}"
    template.write_text(f"{{% {tag} '{name.format(tmp_path)}'{end}")
    with pytest.raises(AsimovError, match="is neither in the project nor in a folder"):
        render(template, {}, dialect=dialect, origins=places)
