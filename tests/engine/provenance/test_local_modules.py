"""Modules that scripts import from their own folder: found, recorded, compared and packed."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from asimov.engine.provenance.local_modules import LocalModules

FILES = {
    "run.py": (
        "import os, json, sys, helpers\nimport lib.deep.more as m\nfrom package import part\n"
        "from package.other import VALUE\nimport time\n"
    ),
    "helpers.py": "def f():\n    import late\nf()\n",
    "late.py": "from helpers import f\n",
    "lib/deep/more.py": "",
    "package/__init__.py": "from . import inner\n",
    "package/inner.py": "from .below import leaf\n",
    "package/part.py": "",
    "package/other.py": "VALUE = 1\n",
    "package/below/__init__.py": "",
    "package/below/leaf.py": "from .. import upper\nfrom ..part import __name__ as n\n",
    "package/upper.py": "",
    "unused.py": "",
    "time.py": "",  # the interpreter's own comes first
    "package/unused.py": "import unused\n",
}


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / "scripts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "scripts"


def test_what_python_loads_from_the_folder_of_a_script_is_found(scripts: Path) -> None:
    script = scripts / "run.py"
    program = script.with_name("listing.py")
    program.write_text(
        script.read_text() + "print(*(f for each in list(sys.modules.values()) "
        "if (f := getattr(each, '__file__', None))), sep='\\n')\n"
    )
    ran = subprocess.run(
        [sys.executable, "-B", program], capture_output=True, text=True, check=True, cwd="/"
    )
    loaded = {each for each in ran.stdout.splitlines() if each.startswith(f"{scripts}/")}
    found = LocalModules(0).of(str(script))
    assert {str(scripts / "package/below/leaf.py"), str(scripts / "late.py")} < set(found)
    assert set(found) == loaded - {str(program)}


def test_a_script_is_known_by_its_name_or_its_first_line(scripts: Path, tmp_path: Path) -> None:
    for name, line, expected in (
        ("named", "#!/usr/bin/env python3", True),
        ("plain", "#!/usr/bin/python3 -u", True),
        ("shell", "#!/bin/sh", False),
        ("data", "no first line", False),
        ("broken.py", "this is no Python", False),
        ("null.py", "\0", False),
    ):
        (scripts / name).write_text(f"{line}\nimport late\n")
        found = LocalModules(0).of(str(scripts / name))
        assert bool(found) is expected, name
    # As for Python, the folder is that of the file to which a link leads.
    link = tmp_path / "link.py"
    link.symlink_to(scripts / "named")
    assert LocalModules(0).of(str(link)) == [str(scripts / "helpers.py"), str(scripts / "late.py")]
    installed = tmp_path / "lib" / "site-packages"
    os.renames(scripts, installed)
    assert LocalModules(0).of(str(installed / "run.py")) == []
    assert LocalModules(0).of(str(tmp_path / "none.py")) == []


def test_an_edited_module_is_neither_reused_nor_current_and_is_packed(
    lab: Any, tmp_path: Path
) -> None:
    inside, outside = lab.root / "scripts", tmp_path / "outside"
    for folder in (inside, outside):
        folder.mkdir()
        (folder / "run.py").write_text("import helpers\nopen('y', 'w').write(helpers.VALUE)\n")
        (folder / "helpers.py").write_text("VALUE = '1'\n")

    def analysis(name: str, script: Path | str) -> str:
        return (
            f"{name}, pipeline: command, executable: {sys.executable}, outputs: {{y: y}}, "
            f"reuse: true, arguments: ['{script}']"
        )

    script = "{{ project_root }}/scripts/run.py"
    lab.apply(analysis("one", script), analysis("out", outside / "run.py"))
    lab.finish()
    lab.run("package", "s/one", "-o", tmp_path / "one.zip")
    lab.run("package", "s/out", "-o", tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "one.zip") as crate:
        assert crate.read("project/scripts/helpers.py") == b"VALUE = '1'\n"
    with zipfile.ZipFile(tmp_path / "out.zip") as crate:  # where the script imports it
        places = {each.rpartition("/")[::2] for each in crate.namelist() if "outside/" in each}
    assert {name for _, name in places} == {"run.py", "helpers.py"}
    assert len({folder for folder, _ in places}) == 1
    # The same script with another module is another program. (Python takes a compiled module for
    # current whose source has the same size and second: the size is another here.)
    (inside / "helpers.py").write_text("VALUE = 'two'\n")
    rows = lab.rows()
    assert rows["one"]["outdated"] == ["scripts/helpers.py has changed"]
    assert rows["out"]["outdated"] == []
    assert "code: scripts/helpers.py has changed" in lab.run("why", "s/one").out
    lab.apply(analysis("two", script))
    lab.finish()
    assert (lab.root / "results" / "s" / "two" / "y").read_text() == "two"
