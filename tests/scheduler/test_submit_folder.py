"""The folder that a DAG or a submit file is submitted from: files beside it are found."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from asimov.errors import AsimovError
from asimov.scheduler.submit_folder import folder_of_dag, folder_of_submit_file


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's folder, in which plugin methods start, with a run directory."""
    (tmp_path / "working" / "a" / "inner").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: str, text: str = "executable = /bin/true\nqueue\n") -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "JOB a n.sub\n",
        "JOB a n.sub\nJOB b later.sub\nPARENT a CHILD b\n",
        "JOB a n.sub DIR inner\n",
        "JOB a {\n executable = /bin/true\n}\n",
        "JOB a $(which).sub\n",
        "INCLUDE n.sub\nSPLICE s n.sub\nSUBDAG EXTERNAL d n.sub\n",
        "",
    ],
)
def test_a_dag_is_submitted_from_its_own_folder(home: Path, text: str) -> None:
    for folder in ("working/a", "working/a/inner"):
        write(f"{folder}/n.sub")
    write("working/a/x.dag", text)
    assert folder_of_dag(Path("working/a/x.dag"), home) == home / "working" / "a"


@pytest.mark.parametrize(
    "text",
    [
        "JOB a working/a/n.sub\n",
        "JOB a n.sub DIR working/a\n",
        "SPLICE s working/a/n.sub\n",
        "SUBDAG EXTERNAL s working/a/n.sub\n",
        "INCLUDE working/a/n.sub\n",
    ],
)
def test_a_dag_that_names_files_as_seen_from_the_project_is_submitted_there(
    home: Path, text: str
) -> None:
    write("working/a/n.sub")
    write("working/a/x.dag", text)
    assert folder_of_dag(Path("working/a/x.dag"), home) == home


def test_a_folder_that_a_plugin_has_gone_to_is_kept(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("working/a/submit/x.dag", f"JOB a {home}/working/a/submit/n.sub\n")
    write("working/a/submit/n.sub")
    monkeypatch.chdir("working/a")
    assert folder_of_dag(Path("submit/x.dag"), home) == home / "working" / "a"
    # Unless what the DAG names is beside it alone.
    write("submit/x.dag", "JOB a n.sub\n")
    assert folder_of_dag(Path("submit/x.dag"), home) == home / "working" / "a" / "submit"


@pytest.mark.parametrize(
    ("line", "folder"),
    [
        ("output = job.out", "working/a"),
        ("executable = run.sh", "working/a"),
        ("executable = working/a/run.sh", "."),
        ("output = working/a/job.out", "."),
        ("initialdir = working/a", "."),
        ("error = $(Process).err", "working/a"),
    ],
)
def test_paths_in_a_submit_file_begin_where_they_are_found(
    home: Path, line: str, folder: str
) -> None:
    write("working/a/run.sh")
    write("working/a/n.sub", f"{line}\nqueue\n")
    assert folder_of_submit_file(Path("working/a/n.sub"), home) == home / folder
    write("working/a/x.dag", f"JOB a {home}/working/a/n.sub\n")
    assert folder_of_dag(Path("working/a/x.dag"), home) == home / folder


def test_what_a_submit_file_names_weighs_less_than_the_file_itself(home: Path) -> None:
    text = "executable = made.sh\ninput = made.in\noutput = made/out\nqueue\n"  # by a PRE script
    write("working/a/n.sub", text)
    write("working/a/x.dag", "JOB a n.sub\n")
    assert folder_of_dag(Path("working/a/x.dag"), home) == home / "working" / "a"


def test_whatever_is_there_the_folder_is_one_that_has_the_most_of_it(home: Path) -> None:
    """Every way in which two nodes may be found, beside the DAG or from the project."""
    for number, (a, b) in enumerate(itertools.product(("own", "home", "both", "none"), repeat=2)):
        folder = Path(f"working/{number}")
        for name, where in (("a", a), ("b", b)):
            if where in ("own", "both"):
                write(f"{folder}/{number}-{name}.sub")
            if where in ("home", "both"):
                write(f"{number}-{name}.sub")
        write(f"{folder}/x.dag", f"JOB a {number}-a.sub\nJOB b {number}-b.sub\n")
        chosen = folder_of_dag(folder / "x.dag", home)
        found = {
            place: sum((place / f"{number}-{name}.sub").is_file() for name in "ab")
            for place in (home / folder, home)
        }
        assert found[chosen] == max(found.values())
        if len(set(found.values())) == 1:
            assert chosen == home / folder


@pytest.mark.parametrize("place", ["own", "home", "none"])
def test_of_a_dag_of_many_nodes_a_sample_is_looked_for(
    home: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    folder = Path("working/a")
    nodes = 5000
    write(
        f"{folder}/x.dag", "".join(f"JOB n{n} n{n}.sub\nJOB m{n} same.sub\n" for n in range(nodes))
    )
    for number in range(nodes) if place != "none" else ():
        write(f"{folder if place == 'own' else '.'}/n{number}.sub")
    asked: list[str] = []
    really = os.stat

    def stat(path: object, *arguments: object, **named: object) -> os.stat_result:
        asked.append(str(path))
        return really(path, *arguments, **named)  # type: ignore[call-overload,no-any-return]

    monkeypatch.setattr(os, "stat", stat)
    chosen = folder_of_dag(folder / "x.dag", home)
    monkeypatch.undo()
    os.chdir(home)
    assert chosen == (home if place == "home" else home / folder)
    submit_files = [path for path in asked if path.endswith(".sub")]
    assert len(submit_files) < 500  # of 10,000 nodes


def test_a_folder_that_lacks_nothing_is_taken_before_another_is_looked_at(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("working/a/x.dag", "JOB a n.sub\n")
    write("working/a/n.sub")
    looked: list[Path] = []
    really = Path.is_file
    monkeypatch.setattr(Path, "is_file", lambda path: looked.append(path) or really(path))
    assert folder_of_dag(Path("working/a/x.dag"), home) == home / "working" / "a"
    assert {path.parent for path in looked} == {home / "working" / "a"}


@pytest.mark.parametrize("folder_of", [folder_of_dag, folder_of_submit_file])
def test_a_named_pipe_is_not_waited_for(home: Path, folder_of: Callable[..., Path]) -> None:
    os.mkfifo("working/a/x.dag")
    with pytest.raises(AsimovError, match="is a named pipe"):
        folder_of(Path("working/a/x.dag"), home)
