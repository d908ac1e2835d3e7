"""The programs that a command starts, and the environments that these belong to."""

from __future__ import annotations

import venv
from pathlib import Path

import pytest

from asimov.engine.provenance.commands import Command
from asimov.engine.provenance.environments import Finder


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a virtual environment, and scripts with several first lines."""
    root = tmp_path_factory.mktemp("programs")
    venv.create(root / "env")
    (package,) = (root / "env" / "lib").glob("python3*/site-packages")
    (package / "foo-1.0.dist-info").mkdir()
    lines = {
        "direct": f"#!{root}/env/bin/python -u",
        "by-env": "#!/usr/bin/env python",
        "split": "#!/usr/bin/env -S A=b python -u",
        "nested": f"#!{root}/direct",
        "shell": "#!/bin/sh",
        "gone": "#!/nowhere/python",
        "loop": f"#!{root}/loop",
        "none": "print()",
    }
    for name, line in lines.items():
        (root / name).write_text(f"{line}\n")
        (root / name).chmod(0o755)
    return root


def found(place: Path, executable: str, arguments: str = "", path: str = "") -> tuple[list, dict]:  # type: ignore[type-arg]
    path = path.replace("ENV", f"{place}/env/bin")
    command = Command("job.sub", executable, arguments.replace("ENV", f"{place}/env"), path=path)
    packages, unknown = Finder(soon=0).of([command], str(place), "htcondor")
    assert set(packages) <= {f"{place}/env"}
    return next(iter(packages.values()), []), unknown


@pytest.mark.parametrize("name", ["direct", "nested", "env/bin/python"])
def test_the_environment_of_a_script_is_that_of_its_interpreter(place: Path, name: str) -> None:
    assert found(place, name, "in.txt") == (["foo==1.0"], {})


@pytest.mark.parametrize("name", ["by-env", "split"])
def test_env_looks_on_the_path_of_the_job(place: Path, name: str) -> None:
    assert found(place, name, path="/nowhere:ENV:/bin") == (["foo==1.0"], {})
    packages, unknown = found(place, name)
    assert (packages, list(unknown)) == ([], ["python"])
    assert "PATH of the job" in unknown["python"]
    assert found(place, "/usr/bin/env", "X=y PATH=ENV/bin python fit.py") == (["foo==1.0"], {})


def test_programs_that_a_shell_names_count_and_the_rest_is_said_to_be_unknown(place: Path) -> None:
    for text in ("\"-c 'ENV/bin/python fit.py > y'\"", "-c ./direct", "ENV/bin/python fit.py"):
        packages, unknown = found(place, "/bin/sh", text)
        assert (packages, unknown) == (["foo==1.0"], {"/bin/sh": "a shell may run any program"})
    packages, unknown = found(place, "shell")
    assert packages == [] and "shell" in unknown["/bin/sh"]


def test_what_can_not_be_known_is_said(place: Path) -> None:
    for name, other in (("none", "none"), ("missing", "missing"), ("loop", "loop")):
        packages, unknown = found(place, name)
        assert packages == [] and next(iter(unknown)).endswith(other), name
    assert "not on this machine" in found(place, "gone")[1]["/nowhere/python"]
    packages, unknown = found(place, "/bin/cat", "direct.txt")
    assert packages == [] and "nor in an environment" in unknown["/bin/cat"]


def test_the_same_words_in_another_folder_start_another_program(
    place: Path, tmp_path: Path
) -> None:
    (tmp_path / "direct").write_text("#!/nowhere/python\n")
    finder = Finder(soon=60)
    for words in (("direct", ""), ("/bin/sh", "-c ./direct")):
        command = Command("job.sub", *words)
        found = [
            finder.of([command], str(folder), "htcondor").packages
            for folder in (place, tmp_path, place)
        ]
        assert found[0] == found[2] == {f"{place}/env": ["foo==1.0"]}, words
        assert found[1] == {}, words


def test_an_environment_may_show_the_packages_of_another(tmp_path: Path) -> None:
    for base in ("base", "env"):
        (tmp_path / base / "bin").mkdir(parents=True)
        (tmp_path / base / "bin" / "python").touch(0o755)
        (tmp_path / base / f"lib/python3.12/site-packages/{base}-1.dist-info").mkdir(parents=True)
    settings = tmp_path / "env" / "pyvenv.cfg"
    for shown, packages in (("true", ["base==1", "env==1"]), ("false", ["env==1"])):
        settings.write_text(f"home = {tmp_path}/base/bin\ninclude-system-site-packages = {shown}\n")
        command = Command("job.sub", f"{tmp_path}/env/bin/python")
        assert Finder(soon=0).of([command], "/", "local").packages == {f"{tmp_path}/env": packages}
