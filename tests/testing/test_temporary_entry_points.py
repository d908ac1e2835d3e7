"""Entry points in this process: found within the block, and forgotten after it."""

from __future__ import annotations

import pytest
from asimov.pipelines.testing import SimpleTestPipeline

from asimov.discovery import entrypoints
from asimov.discovery.entrypoints import PluginError
from asimov.testing import entry_points


class Other(SimpleTestPipeline):
    name = "other"


def test_an_added_plugin_is_found_and_forgotten() -> None:
    class Local(SimpleTestPipeline):
        name = "local"

    with entry_points({entrypoints.PIPELINES: {"Other": Other, "local": Local}}):
        assert entrypoints.load(entrypoints.PIPELINES, "other") is Other
        assert entrypoints.load(entrypoints.PIPELINES, "local") is Local
        assert entrypoints.is_known(entrypoints.PIPELINES, "simpletestpipeline")
        assert entrypoints.found(entrypoints.PIPELINES)["Other"].dist is None
    assert not entrypoints.is_known(entrypoints.PIPELINES, "other")
    with pytest.raises(PluginError, match="no pipeline 'local'"):
        entrypoints.load(entrypoints.PIPELINES, "local")


def test_an_added_plugin_goes_before_an_installed_one() -> None:
    entrypoints.load(entrypoints.PIPELINES, "command")
    with entry_points({entrypoints.PIPELINES: {"command": Other}}):
        assert entrypoints.load(entrypoints.PIPELINES, "command") is Other
    assert entrypoints.load(entrypoints.PIPELINES, "command") is not Other


def test_a_text_is_imported_on_use() -> None:
    with entry_points({entrypoints.PIPELINES: {"broken": "no.such.module:Name"}}):
        assert entrypoints.is_known(entrypoints.PIPELINES, "broken")
        with pytest.raises(PluginError, match="can't be loaded: ModuleNotFoundError"):
            entrypoints.load(entrypoints.PIPELINES, "broken")


def test_blocks_lie_in_each_other_and_end_with_an_error() -> None:
    with (
        pytest.raises(ZeroDivisionError),
        entry_points({entrypoints.PIPELINES: {"one": Other}}),
        entry_points({entrypoints.PIPELINES: {"two": Other}, "asimov.labellers": {"three": Other}}),
    ):
        assert entrypoints.is_known(entrypoints.PIPELINES, "one")
        assert entrypoints.is_known(entrypoints.PIPELINES, "two")
        assert entrypoints.is_known("asimov.labellers", "three")
        raise ZeroDivisionError
    assert not entrypoints.is_known(entrypoints.PIPELINES, "one")
