"""Modules and names that packages add to asimov."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from asimov.discovery import entrypoints, extensions

Package = Callable[..., Path]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Package]:
    """Put a package onto the search path: ``package(entry_points, **modules)``."""
    before = set(sys.modules)

    def write(entry_points: str, **modules: str) -> Path:
        folder = tmp_path / "packages"
        info = folder / "extra-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Name: extra\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(entry_points)
        for name, text in modules.items():
            (folder / f"{name}.py").write_text(text)
        monkeypatch.syspath_prepend(folder)
        return folder

    yield write
    for name in set(sys.modules) - before:
        if name.rpartition(".")[2].startswith("extra"):
            del sys.modules[name]


POINTS = """
[asimov.names]
asimov.extra = extra_module
asimov.report.extra = extra_module
asimov.extra_value = extra_module:VALUE
asimov.scheduler.ExtraScheduler = extra_module:Scheduler.Inner
asimov.text = extra_module
asimov.scheduler.Scheduler = extra_module:Scheduler
asimov.extra_broken = extra_broken
"""
MODULE = "VALUE = 7\nclass Scheduler:\n    class Inner: pass\n"


def test_a_package_adds_a_module_which_is_one_module_by_two_names(package: Package) -> None:
    package(POINTS, extra_module=MODULE)
    added = importlib.import_module("asimov.extra")
    own = importlib.import_module("extra_module")
    assert added is own is importlib.import_module("asimov.report.extra")
    assert own.__name__ == "extra_module"
    assert own.__spec__ is not None
    assert own.__spec__.name == "extra_module"
    assert importlib.reload(own) is own


def test_a_package_adds_names(package: Package) -> None:
    package(POINTS, extra_module=MODULE)
    own = importlib.import_module("extra_module")
    assert importlib.import_module("asimov").extra_value == 7
    scheduler = importlib.import_module("asimov.scheduler")
    assert scheduler.ExtraScheduler is own.Scheduler.Inner


def test_what_asimov_has_is_not_replaced(package: Package) -> None:
    package(POINTS, extra_module=MODULE)
    from asimov import text
    from asimov.scheduler import Scheduler

    assert text.__name__ == "asimov.text"
    assert Scheduler.__module__ == "asimov.scheduler.contract"


def test_an_error_in_an_added_module_is_its_own(package: Package) -> None:
    package(POINTS, extra_broken="import nonexistent_module_x\n")
    with pytest.raises(ModuleNotFoundError, match="nonexistent_module_x"):
        importlib.import_module("asimov.extra_broken")


def test_names_that_nobody_adds_are_missing(package: Package) -> None:
    package(POINTS)
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'asimov\.nothing'"):
        importlib.import_module("asimov.nothing")
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        exec("from asimov.pipeline import nothing")


def test_of_two_copies_of_a_package_the_first_on_the_path_counts(
    package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package("[asimov.names]\nasimov.extra = older\n[asimov.extra_group]\nold = a:b\n")
    other = tmp_path / "other" / "extra-2.0.dist-info"
    other.mkdir(parents=True)
    (other / "entry_points.txt").write_text("[asimov.extra_group]\n# no = x\nnew = a:c\n")
    monkeypatch.syspath_prepend(other.parent)
    assert extensions.points("asimov.extra_group") == [("new", "a:c", "extra")]
    assert entrypoints.names("asimov.extra_group") == {"new": "extra"}
