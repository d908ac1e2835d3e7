"""``asimov completion``, in real shells with a person who presses the tab key."""

from __future__ import annotations

import fcntl
import os
import select
import shutil
import subprocess
import sys
import termios
import time
from importlib.resources import files
from pathlib import Path

import pytest

from tests.terminals import plain, terminal

START = """\
{kind: subject, name: river}
---
{kind: analysis, name: first, subject: river, pipeline: command, status: wait}
"""
#: How each shell starts without the files of a user, and reads the script.
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], 'eval "$(asimov completion bash)"'),
    "zsh": (
        ["zsh", "-f", "-i"],
        'autoload -Uz compinit; compinit -u -D; eval "$(asimov completion zsh)"',
    ),
}


@pytest.fixture
def started(project, asimov, blueprint, monkeypatch):
    home = project.parent / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    assert asimov("apply", "-f", blueprint(START)).code == 0
    return project


def _with_terminal() -> None:
    """Make standard input the terminal of the process, as it is of a person's shell."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def typed(shell: list[str], keys: list[tuple[str, str]], cwd: Path) -> str:
    """Type into a shell; after each text wait for what it should show. Return the screen."""
    with terminal() as (ours, theirs):
        environment = {**os.environ, "TERM": "xterm", "PS1": "> "}
        started = subprocess.Popen(
            shell, cwd=cwd, stdin=theirs, stdout=theirs, stderr=theirs, env=environment,
            preexec_fn=_with_terminal,  # noqa: PLW1509
        )  # fmt: skip
        shown = ""
        try:
            for text, wanted in keys:
                os.write(ours, text.encode())
                shown, end = "", time.monotonic() + 120
                while wanted not in plain(shown):
                    assert time.monotonic() < end, (text, wanted, shown)
                    if select.select([ours], [], [], 0.1)[0]:
                        shown += os.read(ours, 65536).decode(errors="replace")
        finally:
            started.kill()
            started.wait()
        return plain(shown)


@pytest.mark.parametrize("name", SHELLS)
def test_the_tab_key_completes_commands_subjects_and_analyses(started, name):
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    shell, read = SHELLS[name]
    keys = [
        (f"{read}; echo read$((1+1))\n", "read2"),
        ("asimov w\t", "why "),
        ("riv\t", "river/first"),
        ("\x15asimov monitor ri\t", "river"),
        ("\x15asimov status --state wai\t", "wait"),
    ]  # fmt: skip
    typed(shell, keys, started)


def test_fish_gets_candidates_and_asks_for_files_itself(started):
    if shutil.which("fish") is None:
        pytest.skip("fish is not installed")
    (started / "one.yaml").touch()
    script = "asimov completion fish | source\n"
    lines = ["asimov w", "asimov why riv", "asimov why ", "asimov status --state wai"]
    lines += ["asimov apply -f on"]
    script += "".join(f"complete -C '{line}'\n" for line in lines)
    done = subprocess.run(
        ["fish", "--no-config", "-c", script], cwd=started,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = done.stdout.split()
    assert found == ["why", "river/first", "river/first", "wait", "one.yaml"]


def test_bash_gets_candidates_and_asks_for_files_itself(started):
    script = 'source /dev/stdin <<< "$(asimov completion bash)"\n'
    script += (
        'COMP_WORDS=(asimov status --state f); COMP_CWORD=3; _asimov; echo "${COMPREPLY[@]}"\n'
    )
    script += (
        'COMP_WORDS=(asimov apply -f ""); COMP_CWORD=3; _asimov; echo "none:${COMPREPLY[@]}"\n'
    )
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=started, env={**os.environ, "PATH": path},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "finished\nnone:\n"


def test_each_script_is_printed_as_it_is_packaged(started, asimov):
    for shell in (*SHELLS, "fish"):
        ran = asimov("completion", shell)
        packaged = files("asimov.templates") / "completion" / f"asimov.{shell}"
        assert ran.out == packaged.read_text()
    assert asimov("completion", "tcsh").code == 2
