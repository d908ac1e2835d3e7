"""``asimov plugins new``: what it writes installs, passes its own tests and runs as it stands."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asimov.errors import AsimovError
from asimov.plugins.catalogue import scaffold
from asimov.plugins.catalogue.scaffold import KINDS, names_of, rendered, write_package
from tests.searching import first

#: For packages that need nothing from elsewhere: asimov and setuptools are there.
PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
ALONE = ["--no-deps", "--no-build-isolation"]


def pip(*arguments: object) -> None:
    done = subprocess.run([*PIP, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module", params=KINDS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Make a package of a kind, and install it into a folder of its own."""
    folder = tmp_path_factory.mktemp(request.param)
    written = write_package(f"my-{request.param}", request.param, folder)
    pip("install", *ALONE, "--target", folder / "packages", written.folder)
    return request.param, written.folder, folder / "packages"


@pytest.fixture(scope="module")
def environment(made: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the package editably into an environment that has what this one has."""
    _, folder, _ = made
    path = tmp_path_factory.mktemp("environment")
    venv.create(path, symlinks=True)
    own = f"import site; site.addsitedir({str(sysconfig.get_path('purelib'))!r})"
    where = sysconfig.get_path("purelib", "venv", {"base": str(path)})
    Path(where, "own.pth").write_text(own)
    python = path / "bin" / "python"
    done = subprocess.run(
        [python, *PIP[1:], "install", *ALONE, "--editable", f"{folder}[test]"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return path


@pytest.mark.parametrize("made", first(1, KINDS), indirect=True)
def test_it_passes_its_own_tests(made: Any, environment: Path, shell: Callable[..., Any]) -> None:
    """What its README says: ``pip install --editable '.[test]'``, then ``pytest``."""
    _, folder, _ = made
    pytest_script = Path(sysconfig.get_path("scripts"), "pytest")
    ran = shell(f"'{environment}/bin/python' '{pytest_script}' -W error", cwd=folder)
    assert ran.code == 0, ran
    assert " passed" in ran.out
    assert "skipped" not in ran.out


@pytest.mark.parametrize("made", first(1, KINDS), indirect=True)
def test_the_installed_package_is_the_one_that_is_tested(
    made: Any, environment: Path, shell: Callable[..., Any], tmp_path: Path
) -> None:
    kind, folder, _ = made
    ran = shell(
        f"'{environment}/bin/python' -c 'import asimov_my_{kind} as p; print(p.__file__)'",
        cwd=tmp_path,
    )
    assert Path(ran.out.strip()).parent == folder / f"asimov_my_{kind}"


@pytest.mark.parametrize("made", first(1, KINDS), indirect=True)
def test_its_blueprint_runs_by_the_commands_of_its_readme(
    made: Any, quick_shell: Callable[..., Any], tmp_path: Path
) -> None:
    kind, folder, packages = made
    *_, demo = re.findall(
        r"^```console\n(.*?)^```$", (folder / "README.md").read_text(), re.M | re.S
    )
    commands = [line.removeprefix("$ ") for line in demo.splitlines()]
    assert commands.pop(0) == f"mkdir ../my_{kind}-demo && cd ../my_{kind}-demo"
    (tmp_path / "demo with a blank").mkdir()
    (tmp_path / folder.name).symlink_to(folder)
    for command in commands:
        given = command.replace("--until-idle", "--until-idle --interval 0.5 --timeout 250")
        ran = quick_shell(given, cwd=tmp_path / "demo with a blank", PYTHONPATH=str(packages))
        assert ran.code == 0, f"{command}: {ran}"
    summary = json.loads(ran.out)
    if kind == "simple":
        assert summary["variance"] == pytest.approx(100, rel=0.25)
    else:
        assert summary["mean"] == 50.5
        assert sorted(summary["means"].values()) == [25.5, 75.5]


@pytest.mark.parametrize("made", first(1, KINDS), indirect=True)
def test_it_is_found_and_shown_with_all_that_it_declares(
    made: Any, quick_shell: Callable[..., Any]
) -> None:
    kind, _, packages = made
    ran = quick_shell(f"asimov plugins show my_{kind} --json", PYTHONPATH=str(packages))
    assert ran.code == 0, ran
    told = json.loads(ran.out)
    assert told["analyses"] == kind
    assert told["package"] == f"asimov-my-{kind}"
    assert told["template"]["exists"]
    assert told["template"]["dialect"] == "jinja"
    assert told["settings"]
    assert all(row["description"] for row in told["settings"])
    assert told["inputs"]
    assert told["outputs"]
    again = quick_shell(f"asimov plugins new My-{kind}", PYTHONPATH=str(packages))
    assert again.code == 1
    assert f"there is already a pipeline 'my_{kind}' of the package asimov-my-{kind}" in again.err


@pytest.mark.parametrize("made", first(1, KINDS), indirect=True)
def test_settings_that_it_refuses_are_refused_by_apply(
    made: Any, quick_shell: Callable[..., Any], tmp_path: Path
) -> None:
    kind, folder, packages = made
    text = (folder / "blueprint.yaml").read_text()
    wrong = "stepps: 3" if kind == "simple" else "confidence: 3"
    (tmp_path / "wrong.yaml").write_text(f"{text.rstrip()}\n{wrong}\n")
    ran = quick_shell(
        "asimov init --scheduler local X && asimov apply -f wrong.yaml",
        cwd=tmp_path,
        PYTHONPATH=str(packages),
    )
    assert wrong.partition(":")[0] in ran.err
    assert ("did you mean 'steps'" if kind == "simple" else "below 1") in ran.err


@pytest.mark.parametrize("made", first(1, KINDS), indirect=True)
def test_a_dry_run_of_it_writes_nothing(
    made: Any, quick_shell: Callable[..., Any], tmp_path: Path
) -> None:
    _, folder, packages = made
    ran = quick_shell(
        f"asimov init --scheduler local X && asimov apply -f {folder}/blueprint.yaml && "
        "asimov manage build && asimov manage submit --dry-run",
        cwd=tmp_path,
        PYTHONPATH=str(packages),
    )
    assert ran.code == 0, ran
    assert not (tmp_path / "working").exists() or not list((tmp_path / "working").rglob("*.sub"))


@pytest.mark.parametrize("made", first(1, KINDS), indirect=True)
def test_what_is_written_is_as_its_authors_would_have_it(made: Any) -> None:
    _, folder, _ = made
    for command in ("check --select E,F,I,UP,B", "format --diff"):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command.split(), "--isolated", "--line-length=100"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


# --- names, and what goes wrong


@pytest.mark.parametrize(
    ("name", "plain", "distribution", "class_name"),
    [
        ("walk", "walk", "asimov-walk", "Walk"),
        ("mypipeline", "mypipeline", "asimov-mypipeline", "Mypipeline"),
        ("Random-Walk", "random_walk", "asimov-random-walk", "RandomWalk"),
        ("RandomWalk", "randomwalk", "asimov-randomwalk", "RandomWalk"),
        ("random walk", "random_walk", "asimov-random-walk", "RandomWalk"),
        (" a.b_c ", "a_b_c", "asimov-a-b-c", "ABC"),
        ("asimov-walk", "walk", "asimov-walk", "Walk"),
        ("asimov", "asimov", "asimov-asimov", "Asimov"),
        ("pipeline", "pipeline", "asimov-pipeline", "PipelinePipeline"),
        ("path", "path", "asimov-path", "PathPipeline"),
    ],
)
def test_names_are_made_from_one(name: str, plain: str, distribution: str, class_name: str) -> None:
    names = names_of(name)
    assert (names.name, names.distribution, names.class_name) == (plain, distribution, class_name)
    assert names.package == distribution.replace("-", "_")


@pytest.mark.parametrize(
    "name", ["", " ", "-", "2walks", "a/b", "../a", "a;b", "größe", "class", "a" * 101, "a\nb=c"]
)
def test_what_can_not_be_a_name_is_refused_and_nothing_is_written(
    name: str, asimov: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if name == "a\nb=c":
        with pytest.raises(AsimovError):
            names_of(name)
    ran = asimov("plugins", "new", "--", name)
    assert ran.code == 1, ran
    assert ran.err.startswith("error: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["command", "Command", "SimpleTestPipeline"])
def test_the_name_of_an_installed_pipeline_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(
        AsimovError, match=r"there is already a pipeline '\w+' of the package asimov"
    ):
        write_package(name, "simple", tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("there", ["folder", "file", "link to nothing"])
def test_what_is_there_is_left_as_it_is(there: str, tmp_path: Path) -> None:
    path = tmp_path / "asimov-walk"
    if there == "folder":
        path.mkdir()
    elif there == "file":
        path.write_text("mine")
    else:
        path.symlink_to("nothing")
    with pytest.raises(AsimovError, match="already exists"):
        write_package("walk", "simple", tmp_path)
    assert list(tmp_path.iterdir()) == [path]
    assert there != "file" or path.read_text() == "mine"


def test_a_folder_that_is_not_there_is_told(asimov: Callable[..., Any], tmp_path: Path) -> None:
    ran = asimov("plugins", "new", "walk", "--into", tmp_path / "nowhere")
    assert ran.code == 1
    assert "nowhere: this folder does not exist" in ran.err


def test_it_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = rendered

    def too_long(*arguments: Any) -> dict[str, str]:
        return {**real(*arguments), "x" * 300: ""}  # no file system takes such a name

    monkeypatch.setattr(scaffold, "rendered", too_long)
    with pytest.raises(AsimovError, match="can't be created: File name too long"):
        write_package("walk", "simple", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AsimovError):
        write_package("walk", "simple", tmp_path / "file")


def test_others_may_read_what_is_written(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        made = write_package("walk", "simple", tmp_path)
    finally:
        os.umask(before)
    assert made.folder.stat().st_mode & 0o777 == 0o755
    assert {(made.folder / each).stat().st_mode & 0o777 for each in made.files} == {0o644}
