"""A project in which three analyses have run, each of which uses what the one before it made."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import preloaded
from tests.conftest import open_folder

#: A product with a name that every language has to quote.
ODD = 'z "ü.txt'
BLUEPRINTS = f"""
{{kind: subject, name: s, colour: red}}
---
kind: analysis
event: s
name: first
pipeline: command
executable: /bin/sh
arguments: [-c, "cat {{{{ project_root }}}}/data/in.txt > y"]
outputs: {{y: y}}
---
kind: analysis
event: s
name: second
pipeline: command
executable: /bin/sh
arguments: [scripts/run.sh, "{{{{ assets.y }}}}"]
needs: [first]
outputs: {{z: '{ODD}'}}
gain: 2
comment: the second one
---
kind: analysis
event: s
name: third
pipeline: command
executable: /bin/sh
arguments: [-c, 'cat "$0" > w', "{{{{ assets.z }}}}"]
needs: [second]
outputs: {{w: w}}
"""


class Chain:
    """The project, and commands in it, each in a process of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(
        self, *command: object, code: int = 0, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command, which ends with the exit code."""
        done = preloaded.run(preloaded.ASIMOV, *map(str, command), cwd=cwd or self.root)
        assert done.returncode == code, done
        return done

    def out(self, *command: object) -> str:
        """Return what a command prints."""
        return self.run(*command).stdout


def in_environment(top: Path, patch: pytest.MonkeyPatch) -> None:
    """Keep the user's own configuration out of what runs."""
    patch.setenv("XDG_CONFIG_HOME", str(top / "config"))
    patch.setenv("GIT_CONFIG_GLOBAL", str(top / "gitconfig"))
    patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture(scope="module")
def chain() -> Iterator[Chain]:
    """Tests may only read it."""
    with open_folder() as top, pytest.MonkeyPatch.context() as patch:
        in_environment(top, patch)
        made = Chain(top / "project")
        (made.root / "data").mkdir(parents=True)
        (made.root / "data" / "in.txt").write_text("in\n")
        (made.root / "scripts").mkdir()
        script = made.root / "scripts" / "run.sh"
        script.write_text(f"cp \"$1\" '{ODD}'; echo 2 >> '{ODD}'\n")
        (made.root / "chain.yaml").write_text(BLUEPRINTS)
        made.run("init", "Chain", "--scheduler", "local")
        made.run("apply", "-f", "chain.yaml")
        finish(made)
        yield made


def finish(made: Chain) -> None:
    """Run everything to its end."""
    until = ("--until-idle", "--interval", "0.1", "--timeout", "300")
    made.run("monitor", "--chain", *until)
