"""What a pipeline's class declares is read from its source, and its package is not imported."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from asimov.plugins.declared_names import reserved_names
from asimov.testing.temporary_entry_points import entry_points
from tests.conftest import Ran

SOURCE = """
raise RuntimeError("imported")

class Given(BaseSettings):
    steps: int = 3
    needs: list[str] = []
    job_id: int = 0

class Fine(BaseSettings):
    steps: int = 3

class Walk(Pipeline):
    settings = Given

class Run(Pipeline):
    settings: ClassVar = Fine

class Bare(Pipeline):
    settings = ("steps",)
"""


@pytest.mark.usefixtures("project")
def test_names_that_a_build_refuses_are_said_at_apply(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    asimov: Callable[..., Ran],
    blueprint: Callable[..., Path],
) -> None:
    package = tmp_path / "walks_unimported"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "pipelines.py").write_text(SOURCE)
    (package / "broken.py").write_text("class Walk(:\n")
    monkeypatch.syspath_prepend(tmp_path)
    at = "walks_unimported.pipelines"
    named = {name.lower(): f"{at}:{name}" for name in ("Walk", "Run", "Bare", "Gone")}
    named |= {"broken": "walks_unimported.broken:Walk", "nowhere": "walks_nowhere.x:Walk"}
    with entry_points({"asimov.pipelines": named}):
        assert reserved_names("walk") == ("needs", "job id")
        for other in ("run", "bare", "gone", "broken", "nowhere", "unknown"):
            assert reserved_names(other) == ()
        text = "{kind: subject, name: s, analyses: [{name: a, pipeline: walk}]}"
        ran = asimov("apply", "-f", blueprint(text), "--dry-run")
        assert ran.code == 0, ran
        assert ran.err.count("declares the setting 'needs', which is a key of every analysis") == 1
        assert "'job id'" in ran.err
    assert at not in sys.modules
