"""Any package adds to asimov by entry points, as asimov's own compat does."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asimov import configuration
from asimov.discovery import extensions
from asimov.discovery.extensions import ExtensionError, Point
from asimov.ledger import fields_of_science

ROOT = Path(__file__).parents[2]

MODULE = """
from asimov.configuration import Options
from asimov.ledger.fields_of_science import Field
from asimov.rendering.dialects import Dialect, JINJA

OPTIONS = Options({"tides/table": lambda config: config.get("general", "webroot") + "/t"})
def complete(settings):
    settings["height"] = 2 * settings["tide"]

FIELD = Field(lambda settings: "tide" in settings, complete, lambda kind: None)
WORDS = Dialect(lambda text: "@@" in text, JINJA.environment, JINJA.sandbox)

class Analysis:
    name = "not replaced"
    for_templates = {"moon": "moon"}

    @property
    def moon(self):
        return f"moon of {self.name}"

    def drop_last_run(self):
        self.meta["dropped"] = True

def hint(error):
    if "tide" in str(error):
        return "wait for six hours"
    if "sun" in str(error):
        raise ValueError
"""


@pytest.fixture
def add(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Install a package with the module above and the given entry points."""

    def install(entry_points: str) -> None:
        info = tmp_path / "packages" / "tides-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Name: tides\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(entry_points)
        (info.parent / "tides_extension.py").write_text(MODULE)
        monkeypatch.syspath_prepend(info.parent)

    return install


def test_the_page_shows_the_extension_points() -> None:
    page = (ROOT / "docs" / "extending.md").read_text()
    shown = dict(re.findall(r"^\| `(asimov\.\w+)` \| (.*) \|$", page, re.MULTILINE))
    assert shown == extensions.GROUPS


def test_options_are_in_the_configuration(add: Callable[[str], None], tmp_path: Path) -> None:
    add("[asimov.options]\nx = tides_extension:OPTIONS\n")
    config = configuration.read(tmp_path)
    assert config.get("tides", "table") == "pages/t"
    assert configuration.is_added_default(config, "tides", "table")


def test_a_field_completes_settings(add: Callable[[str], None]) -> None:
    add("[asimov.fields]\nx = tides_extension:FIELD\n")
    assert fields_of_science.derived({"tide": 2}) == {"height": 4}
    assert fields_of_science.derived({"time": 2}) == {}
    assert fields_of_science.kind("simple", {"tide": 2}) is None


def test_a_dialect_is_told_by_its_text(add: Callable[[str], None], tmp_path: Path) -> None:
    from asimov.rendering.render import dialect_of, render

    add("[asimov.dialects]\nwords = tides_extension:WORDS\n")
    template = tmp_path / "t.ini"
    template.write_text("@@ {{ x }}")
    assert dialect_of(template) == "words"
    assert render(template, {"x": 1}, dialect="words") == "@@ 1"


def test_a_class_gets_attributes_that_it_does_not_have(add: Callable[[str], None]) -> None:
    class Analysis:
        name = "a"

    add("[asimov.objects]\nanalysis = tides_extension:Analysis\n")
    extensions.extend(Analysis, "analysis")
    extensions.extend(Analysis, "analysis")
    made: Any = Analysis()
    assert (made.name, made.moon) == ("a", "moon of a")
    assert made.for_templates["moon"] == "moon"


def test_a_hint_is_of_the_package_that_knows(add: Callable[[str], None]) -> None:
    add("[asimov.hints]\nx = tides_extension:hint\n")
    assert extensions.hint(ValueError("no tide")) == "wait for six hours"
    assert extensions.hint(ValueError("no sun")) is None
    assert extensions.hint(ValueError("else")) is None


def test_what_cannot_be_loaded_is_named_and_left_out_if_nothing_depends_on_it(
    add: Callable[[str], None], caplog: pytest.LogCaptureFixture
) -> None:
    add("[asimov.fields]\nx = tides_missing:FIELD\n[asimov.options]\ny = tides_missing:O\n")
    with pytest.raises(ExtensionError, match="'x' of the package tides can't be loaded") as raised:
        fields_of_science.complete({})
    assert "pip uninstall tides" in str(raised.value.hint)
    with caplog.at_level(logging.WARNING, "asimov"):
        before = len(extensions.usable(extensions.OPTIONS))
        assert len(extensions.usable(extensions.OPTIONS)) == before
    assert len([each for each in caplog.messages if "'y' of the package tides" in each]) == 1


def test_an_extension_that_exits_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tides_exits.py").write_text("raise SystemExit(3)\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ExtensionError, match="SystemExit: 3"):
        extensions.load(Point("x", "tides_exits:X", "tides"))
