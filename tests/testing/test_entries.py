"""Entry points in this process: found within the block, and forgotten after it."""

from __future__ import annotations

import pytest
from asimov.pipelines.testing import SimpleTestPipeline

from asimov import plugins
from asimov.plugins import PluginError
from asimov.testing import entry_points


class Other(SimpleTestPipeline):
    name = "other"


def test_an_added_plugin_is_found_and_forgotten() -> None:
    class Local(SimpleTestPipeline):
        name = "local"

    with entry_points({plugins.PIPELINES: {"Other": Other, "local": Local}}):
        assert plugins.load(plugins.PIPELINES, "other") is Other
        assert plugins.load(plugins.PIPELINES, "local") is Local
        assert plugins.is_known(plugins.PIPELINES, "simpletestpipeline")
        assert plugins.found(plugins.PIPELINES)["Other"].dist is None
    assert not plugins.is_known(plugins.PIPELINES, "other")
    with pytest.raises(PluginError, match="no pipeline 'local'"):
        plugins.load(plugins.PIPELINES, "local")


def test_an_added_plugin_goes_before_an_installed_one() -> None:
    plugins.load(plugins.PIPELINES, "command")
    with entry_points({plugins.PIPELINES: {"command": Other}}):
        assert plugins.load(plugins.PIPELINES, "command") is Other
    assert plugins.load(plugins.PIPELINES, "command") is not Other


def test_a_text_is_imported_on_use() -> None:
    with entry_points({plugins.PIPELINES: {"broken": "no.such.module:Name"}}):
        assert plugins.is_known(plugins.PIPELINES, "broken")
        with pytest.raises(PluginError, match="can't be loaded: ModuleNotFoundError"):
            plugins.load(plugins.PIPELINES, "broken")


def test_blocks_lie_in_each_other_and_end_with_an_error() -> None:
    with (
        pytest.raises(ZeroDivisionError),
        entry_points({plugins.PIPELINES: {"one": Other}}),
        entry_points({plugins.PIPELINES: {"two": Other}, "asimov.labellers": {"three": Other}}),
    ):
        assert plugins.is_known(plugins.PIPELINES, "one")
        assert plugins.is_known(plugins.PIPELINES, "two")
        assert plugins.is_known("asimov.labellers", "three")
        raise ZeroDivisionError
    assert not plugins.is_known(plugins.PIPELINES, "one")
