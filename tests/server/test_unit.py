"""The unit for systemd that docs/service.md shows."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest

from asimov.cli import cli
from asimov.cli.serve import command

PAGE = Path(__file__).parents[2] / "docs" / "service.md"
UNIT = re.search(r"^```ini\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)[1]


def test_systemd_accepts_the_unit(tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    program = tmp_path / "asimov"
    program.touch(mode=0o755)
    unit = tmp_path / "asimov-serve.service"
    unit.write_text(re.sub(r"(?<=ExecStart=)\S+", str(program), UNIT))
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", unit], capture_output=True, text=True, check=False,
        env={"XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert "asimov-serve" not in done.stdout + done.stderr, done
    unit.write_text(unit.read_text().replace("Restart=on-failure", "Restart=mostly"))
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", unit], capture_output=True, text=True, check=False,
        env={"XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert "service restart" in done.stderr  # so it would have been seen


def test_the_unit_s_command_is_one(tmp_path):
    unit = ConfigParser(interpolation=None)
    unit.optionxform = str
    unit.read_string(UNIT)
    _, *words = shlex.split(unit["Service"]["ExecStart"])
    words[words.index("--project") + 1] = str(tmp_path)
    assert cli.make_context("asimov", [*words]).params["project"] == str(tmp_path)
    assert command.make_context("serve", words[words.index("serve") + 1 :]).params["monitor"]
