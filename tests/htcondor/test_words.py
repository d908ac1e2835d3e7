"""A job's words and inputs on the pool: nothing in them is a macro or the end of a list."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.htcondor.conftest import OnAPool
from tests.odd_words import as_told, odd_words

pytestmark = pytest.mark.htcondor

TELL = """
import json, os, sys
files = [open(each).read() for each in sys.argv[1:] if each.startswith("../")]
told = {"arguments": sys.argv[1:], "environment": dict(os.environ), "files": files}
json.dump(told, open("out.json", "w"))
"""


def told(project: OnAPool, files: str, arguments: list[str], **settings: Any) -> dict[str, Any]:
    """Return what a job is told, and the content of its inputs."""
    (project.root / "tell.py").write_text(TELL)
    program = "tell.py" if files == "shared" else str(project.root / "tell.py")
    analysis = {
        "kind": "analysis", "subject": "s", "name": "a", "pipeline": "command", "files": files,
        "executable": sys.executable, "arguments": [program, *arguments],
        "outputs": {"out": "out.json"}, **settings,
    }  # fmt: skip
    project.apply("{kind: subject, name: s}\n---\n" + json.dumps(analysis))
    project.finish()
    assert project.states() == {"s/a": "uploaded"}, project.run("why", "s", "a").out
    answer: dict[str, Any] = json.loads((project.root / "results/s/a/out.json").read_text())
    return answer


@pytest.mark.parametrize("files", ["shared", "transfer"])
def test_arguments_and_variables_reach_the_program_as_they_are_written(
    on_a_pool: OnAPool, files: str
) -> None:
    words = odd_words(200)
    environment = {f"V{number}": word for number, word in enumerate(words)}
    answer = told(on_a_pool, files, words, environment=environment)
    assert answer["arguments"] == as_told(words)
    assert {name: answer["environment"][name] for name in environment} == dict(
        zip(environment, as_told(words), strict=True)
    )


def test_inputs_with_odd_names_are_the_ones_that_are_sent(on_a_pool: OnAPool) -> None:
    folder = on_a_pool.root / "data"
    folder.mkdir()
    words = {each for each in odd_words(150, seed=2) if "$(Process)" not in each}
    names = sorted(words - {"", ".", ".."})
    for name in names:
        (folder / name).write_text(name)
    answer = told(on_a_pool, "transfer", [f"data/{each}" for each in names])
    assert [Path(each).name for each in answer["arguments"]] == names
    assert answer["files"] == names


def test_a_folder_whose_path_htcondor_would_change_is_refused_by_the_build(
    pool: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asimov: Callable[..., Any]
) -> None:
    root = tmp_path / "p$$(OpSys)"
    root.mkdir()
    monkeypatch.chdir(root)
    project = OnAPool(root, asimov)
    project.run("init", "Odd", "--scheduler", "htcondor")
    project.apply(
        "{kind: subject, name: s}\n---\n{kind: analysis, subject: s, name: a, pipeline: command, "
        "executable: ls, outputs: {o: o}}"
    )
    assert (
        "HTCondor can't run a job in a folder with '$$(' in its path" in project.finish(code=3).out
    )
    assert project.states() == {"s/a": "ready"}
    assert project.attempts("s", "a") == []
