"""Templates of published packages: how they are found, what they may use, where they are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.lab import Lab

#: Both dialects in one file, as published templates have them.
MIXED = """
{%- if production.event.repository -%}
{%- assign repo_dir = production.event.repository.directory -%}
{%- else -%}
{%- assign repo_dir = "." -%}
{%- endif -%}
{%- assign data = production.meta['data'] -%}
{%- assign likelihood = production.meta['likelihood'] -%}
{%- assign ifos = production.meta['interferometers'] %}
[analysis]
detectors = {{ ifos }}
files = {% if data['data files'].size > 0 %}some{% else %}None{% endif %}
channels = { {% for ifo in ifos %}{{ifo}}:{{data['channels'][ifo]}},{% endfor %} }
rate = {{ likelihood['sample rate'] | round }}
start = {{ production.meta['event time'] | minus: data['segment length'] | plus: 2 }}
{%- if likelihood contains 'roq' %}
roq = {{ likelihood['roq'] }}
{%- elsif 'kwargs' in likelihood %}
kwargs = {{ likelihood.get('kwargs', {}).get('a') }}
{%- endif %}
distance = {{ likelihood['marginalization']['distance'] | default: "True" }}
boundary = {{ likelihood['boundary'] | default: reflective }}
label = {{ production.name + ".npz" }}
user = {{ config['condor']['user'] }}
web = {{ config['general']['webroot'] }}/{{ production.event.name }}
flag = {{ pipeline.flags("x", 2) }}
same = {{ production.name == analysis.name }}
"""

EVENT = """
kind: event
name: s
interferometers: [H1, L1]
event time: 1126259462.4
data: {channels: {H1: a, L1: b}, segment length: 4}
likelihood: {sample rate: 2048.0, kwargs: {a: 1.0}}
"""


@pytest.fixture
def built(lab: Lab, simple: Any) -> Any:
    """Return what builds the analysis ``a`` with a template, and returns what was made."""

    def build(
        text: str, suffix: str = ".ini", *, code: int = 0, settings: str = "", **attributes: Any
    ) -> str:
        template = lab.root.parent / "package" / f"packaged{suffix}"
        template.parent.mkdir(exist_ok=True)
        template.write_text(text)
        given = {"config_template": str(template), "flags": lambda self, *of: list(of)}
        lab.register("published", type("Published", (simple,), {**given, **attributes}))
        path = lab.root / "blueprint.yaml"
        path.write_text(
            f"{EVENT}---\n{{kind: analysis, event: s, name: a, pipeline: published{settings}}}\n"
        )
        lab.run("apply", "-f", path)
        told = lab.run("manage", "build", code=code)
        return lab.config("a").read_text() if code == 0 else str(told.out + told.err)

    return build


def test_both_dialects_mixed_in_one_file_are_rendered(lab: Lab, built: Any) -> None:
    lab.run("configuration", "update", "condor/user", "albert.einstein")
    assert built(MIXED) == (
        "\n[analysis]\n"
        "detectors = ['H1', 'L1']\n"
        "files = None\n"
        "channels = { H1:a,L1:b, }\n"
        "rate = 2048.0\n"
        "start = 1126259460.4\n"
        "kwargs = 1.0\n"
        "distance = True\n"
        "boundary = \n"
        "label = a.npz\n"
        "user = albert.einstein\n"
        "web = pages/s\n"
        "flag = ['x', 2]\n"
        "same = True"
    )


@pytest.mark.parametrize("suffix", [".ini", ".yaml", ".yml", ".toml"])
def test_the_rendered_file_ends_in_ini_whatever_the_template_does(
    lab: Lab, built: Any, suffix: str
) -> None:
    assert built("{% assign x = 3 %}x = {{ x }}", suffix) == "x = 3"
    assert [path.name for path in lab.config("a").parent.iterdir()] == ["a.ini"]


def test_a_template_is_also_a_path_object_or_a_property(lab: Lab, built: Any) -> None:
    other = lab.root / "other.ini"
    other.write_text("other")
    assert built("x", config_template=property(lambda self: Path(other))) == "other"


def test_a_template_is_also_set_while_the_pipeline_is_made(
    lab: Lab, simple: Any, built: Any
) -> None:
    other = lab.root / "other.ini"
    other.write_text("other")

    def init(self: Any, production: Any) -> None:
        simple.__init__(self, production)
        self.config_template = other

    assert built("x", config_template=None, __init__=init) == "other"


def test_an_error_is_one_line_with_the_template_s_file_and_line(lab: Lab, built: Any) -> None:
    told = built("{% assign x = production.meta['nosuch'] %}\n\n{{ x['y'] }}", code=1)
    place = f"{lab.root.parent}/package/packaged.ini:3"
    (line,) = [each for each in told.splitlines() if each.startswith("s/a: ")]
    assert line.startswith(f"s/a: {place}: 'dict object' has no attribute 'nosuch' (the settings")
    assert lab.states()["a"] == "ready"


def test_the_setting_template_goes_before_the_pipeline_s(lab: Lab, built: Any) -> None:
    (lab.root / "templates").mkdir(exist_ok=True)
    (lab.root / "templates" / "mine.yml").write_text("{{ nosuch | default: 'mine' }}")
    assert built("x", ".yml", settings=", template: mine") == "mine"


def test_the_setting_template_may_have_its_suffix(lab: Lab, built: Any) -> None:
    (lab.root / "mine.toml").write_text("mine = {{ name }}")
    assert built("x", settings=", template: mine.toml") == "mine = a"


def test_a_folder_of_templates_may_be_configured(lab: Lab, built: Any) -> None:
    folder = lab.root / "configured"
    folder.mkdir()
    (folder / "published.yaml").write_text("mine")
    lab.run("configuration", "update", "templating/directory", "configured")
    assert built("x", ".yaml") == "mine"


def test_a_package_may_render_into_a_file_of_its_choice(lab: Lab, built: Any) -> None:
    built("{% assign x = 1 %}packaged")
    folder = lab.root / "given"
    folder.mkdir()
    (folder / "other.ini").write_text("given")
    analysis = lab.open().analysis(("s", "a"))
    path = lab.root / "made.ini"
    analysis.make_config(str(path))
    assert path.read_text() == "packaged"
    path.unlink()
    analysis.make_config(str(path), dryrun=True)
    assert not path.exists()
    analysis.meta["template"] = "other"
    analysis.make_config(str(path), template_directory=str(folder))
    assert path.read_text() == "given"


@pytest.mark.parametrize(("dialect", "text"), [("liquid", "[]"), ("jinja", None)])
def test_a_pipeline_may_say_the_dialect(built: Any, dialect: str, text: str | None) -> None:
    if text is None:
        assert "'nosuch' is undefined" in built("[{{ nosuch }}]", code=1, template_dialect=dialect)
    else:
        assert built("[{{ nosuch }}]", template_dialect=dialect) == text


def test_a_misspelt_dialect_is_told(built: Any) -> None:
    told = built("x", code=1, template_dialect="Jinja2")
    assert "there is no dialect 'Jinja2' of templates" in told
    assert "'template_dialect' of a pipeline is one of: jinja, liquid" in told


def test_an_input_that_raises_harms_only_a_template_that_asks_it(lab: Lab, simple: Any) -> None:
    class Raising(simple):  # type: ignore[misc]
        def collect_assets(self, absolute: bool = False) -> Any:
            raise RuntimeError("no assets")

    class Using(simple):  # type: ignore[misc]
        config_template = str(lab.root / "using.ini")

    lab.register("raising", Raising)
    lab.register("using", Using)
    template = lab.root / "using.ini"
    template.write_text("{% assign x = 1 %}{{ production.dependencies }}")
    lab.apply("a, pipeline: raising", "b, pipeline: using, needs: [a]")
    analysis = lab.open().analysis(("s", "b"))
    assert analysis.make_config(lab.root / "x", dryrun=True) == "['a']"
    template.write_text("{% assign x = production._previous_assets() %}")
    with pytest.raises(Exception, match=r"raising.collect_assets raised RuntimeError: no assets"):
        analysis.make_config(lab.root / "x", dryrun=True)
