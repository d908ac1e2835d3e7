"""The table of questions is answered by its commands, in a project of 300 analyses."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import preloaded
from tests.conftest import open_folder

PAGE = Path(__file__).resolve().parent.parent / "docs" / "questions.md"
ROWS = re.findall(r"^\| ([A-Z][^|]*\?) \| `asimov ([^`]*)` \|", PAGE.read_text(), re.MULTILINE)

#: Twelve subjects with 25 analyses each. Those of the first one are run, but for the last twenty.
RUN = """
- {name: detrend, pipeline: command, executable: /bin/sh, arguments: [-c, "echo $0 > out", "2"],
   outputs: {it: out}, gain: 2}
- {name: fit, pipeline: command, executable: /bin/sh,
   arguments: [-c, "echo no disk left >&2; exit 3"], outputs: {it: out}, max resurrections: 0}
- {name: long, pipeline: command, executable: /bin/sh,
   arguments: [-c, "echo step 1; exec sleep 900"], outputs: {it: out}}
- {name: later, pipeline: command, executable: /bin/true, outputs: {it: out}, needs: [long]}
- {name: next, pipeline: command, executable: /bin/true, outputs: {it: out}, status: wait}
"""
CHANGED = """
{kind: analysis, subject: sunspots, name: detrend, pipeline: command, gain: 5,
 arguments: [-c, "echo $0 > out", "5"]}
"""


def blueprints() -> str:
    documents = []
    for number in range(12):
        first = RUN.strip("\n") if number == 0 else ""
        count = 20 if number == 0 else 25
        rest = "\n".join(
            f"- {{name: a{i:02}, pipeline: simpletestpipeline, status: wait}}" for i in range(count)
        )
        name = f"s{number:02}" if number else "sunspots"
        documents.append(f"kind: subject\nname: {name}\nanalyses:\n{first}\n{rest}\n")
    return "---\n".join(documents)


@pytest.fixture(scope="module")
def project() -> Iterator[Path]:
    with open_folder() as top, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(top / "config"))
        patch.setenv("GIT_CONFIG_GLOBAL", str(top / "gitconfig"))
        patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        root = top / "project"
        root.mkdir()
        (root / "all.yaml").write_text(blueprints())
        (root / "changed.yaml").write_text(CHANGED)
        ask(root, "init Large --scheduler local")
        ask(root, "apply -f all.yaml")
        # What most of them came to is written, not run.
        ask(root, "production set s[0-9]*/* --status finished --yes")
        ask(root, "monitor --chain")
        end = time.monotonic() + 120
        while True:
            states = {row["name"]: row for row in json.loads(ask(root, "status sunspots --json"))}
            if states["detrend"]["status"] == "uploaded" and states["fit"]["status"] == "stuck":
                break
            assert time.monotonic() < end, states
            time.sleep(0.2)
            ask(root, "monitor --chain")
        assert states["long"]["status"] == "running"
        ask(root, "apply --update -f changed.yaml")
        yield root


def ask(root: Path, command: str) -> str:
    done = preloaded.run(preloaded.ASIMOV, *command.split(), cwd=root)
    assert done.returncode == 0, done
    return str(done.stdout)


def running(out: str) -> None:
    (line,) = [line for line in out.splitlines() if "/long" in line or " long " in line]
    assert "running" in line
    assert "detrend" not in out


def failed(out: str) -> None:
    assert "sunspots/fit is stuck" in out
    assert "no disk left" in out
    assert "job.err" in out
    assert "what would change that" in out


def log(out: str) -> None:
    assert "no disk left" in out
    assert re.search(r"working/sunspots/fit/job\.err", out)


def next_ones(out: str) -> None:
    assert re.search(r"later .* ready .* long is running", out)
    assert len(re.findall(r" wait  ", out)) == 21


def how_long(out: str) -> None:
    head, line, *_ = out.splitlines()
    assert "wall time" in head
    assert re.search(r"detrend +0:0\d:\d\d ", line)


def left(out: str) -> None:
    counts = {"uploaded": 276, "stuck": 1, "running": 1, "ready": 1, "wait": 21}
    head, _, *rows = out.splitlines()
    assert rows[0].startswith("sunspots/fit ")  # what failed comes first
    for state, count in counts.items():
        assert f"{count} {state}" in head, head


def changed(out: str) -> None:
    assert re.search(r"Z  sunspots/fit  running -> stuck  .*exit code 3", out)
    assert re.search(r"Z  sunspots/detrend  running -> finished", out)


def settings(out: str) -> None:
    assert "gain: 2" in out  # the ledger says 5 meanwhile
    assert re.search(r"command +/bin/sh", out)
    assert re.search(r"products +out ", out)


def still_right(out: str) -> None:
    assert "sunspots/detrend" in out
    assert "2 -> 5" in out
    assert "sunspots/long" not in out


ANSWERS = {
    "What is running?": running,
    "What failed, and why?": failed,
    "Where is the log?": log,
    "What comes next?": next_ones,
    "How long did it take?": how_long,
    "How much is left?": left,
    "What changed since yesterday?": changed,
    "Which settings made this?": settings,
    "Is it still right?": still_right,
}


def test_every_question_has_its_row() -> None:
    assert [question for question, _ in ROWS] == list(ANSWERS)


@pytest.mark.parametrize(("question", "command"), ROWS)
def test_a_question_is_answered_by_one_command(project: Path, question: str, command: str) -> None:
    ANSWERS[question](ask(project, command))
