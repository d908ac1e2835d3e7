"""A package that ``asimov plugins new`` wrote and pip installed, and what is asked of each."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from asimov.plugins.catalogue.scaffold import write_package
from tests.plugins.catalogue.test_scaffold import ALONE, pip


class Written(NamedTuple):
    """The folder of a package, and the folder in which it is installed."""

    folder: Path
    packages: Path

    def run_its_tests(self, shell: Callable[..., Any], count: int) -> None:
        """Run the tests that it came with: so many, and all pass."""
        ran = shell(
            f"'{sys.executable}' -m pytest -W error -p no:cacheprovider",
            cwd=self.folder, PYTHONPATH=str(self.packages),
        )  # fmt: skip
        assert ran.code == 0, ran
        assert f"{count} passed" in ran.out

    def run_its_readme(self, quick_shell: Callable[..., Any], around: Path) -> str:
        """Run the last commands of its README; return what the last of them prints."""
        readme = (self.folder / "README.md").read_text()
        *_, demo = re.findall(r"^```console\n(.*?)^```$", readme, re.M | re.S)
        commands = [line.removeprefix("$ ") for line in demo.splitlines()]
        name = self.folder.name.removeprefix("asimov-").replace("-", "_")
        assert commands.pop(0) == f"mkdir ../{name}-demo && cd ../{name}-demo"
        (around / "demo with a blank").mkdir()
        (around / self.folder.name).symlink_to(self.folder)
        for command in commands:
            given = command.replace("--until-idle", "--until-idle --interval 0.5 --timeout 250")
            place = {"cwd": around / "demo with a blank", "PYTHONPATH": str(self.packages)}
            ran = quick_shell(given, **place)
            assert ran.code == 0, f"{command}: {ran}"
        return str(ran.out)

    def check_style(self) -> None:
        """Check that its authors would have written it like this."""
        for command in ("check --select E,F,I,UP,B", "format --diff"):
            done = subprocess.run(
                [sys.executable, "-m", "ruff", *command.split(), "--isolated", "--line-length=100"],
                cwd=self.folder, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout


def write(folder: Path, name: str, kind: str) -> Written:
    """Make a package of a kind, and install it into a folder of its own."""
    written = write_package(name, kind, folder)
    pip("install", *ALONE, "--target", folder / "packages", written.folder)
    return Written(written.folder, folder / "packages")
