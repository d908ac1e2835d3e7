"""Importing asimov does nothing, and its help loads nothing that is heavy."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import pytest

HEAVY = (
    "yaml", "jinja2", "htcondor2", "classad2", "git", "sqlite3", "msgspec", "rich", "numpy",
    "liquid", "importlib.metadata", "logging", "configparser",
)  # fmt: skip


def child(program, *arguments, cwd):
    done = subprocess.run(
        [sys.executable, "-I", "-c", textwrap.dedent(program), *arguments],
        cwd=cwd, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


LOADED = "print(json.dumps(sorted(set(sys.modules) - before)))\n"


def test_importing_the_package_loads_next_to_nothing(tmp_path):
    said = child(
        "import sys, json; before = set(sys.modules)\nimport asimov\n" + LOADED, cwd=tmp_path
    )
    loaded = json.loads(said)
    assert not set(HEAVY) & set(loaded)
    assert {name for name in loaded if name.startswith("asimov")} == {"asimov", "asimov._version"}


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["-h"]])
def test_help_loads_nothing_that_is_heavy(tmp_path, arguments):
    program = (
        "import sys, json, os; before = set(sys.modules)\n"
        "from asimov.cli import main\nsys.stdout = open(os.devnull, 'w')\n"
        "try:\n    main()\nexcept SystemExit as left:\n    assert not left.code\n"
        "sys.stdout = sys.__stdout__\n" + LOADED
    )
    loaded = json.loads(child(program, *arguments, cwd=tmp_path))
    # What click itself loads is click's.
    by_click = "import sys, json; before = set(sys.modules)\nimport click, difflib\n" + LOADED
    by_click = set(json.loads(child(by_click, cwd=tmp_path)))
    assert not set(HEAVY[:10]) & set(loaded)
    assert not set(HEAVY) & set(loaded) - by_click
    assert {name for name in loaded if name.startswith("asimov.cli.")} == set()


def test_no_other_command_loads_what_draws_the_live_view_or_serves(tmp_path):
    program = """
        import sys, json
        from importlib import import_module
        from asimov.cli import COMMANDS
        for name in COMMANDS:
            import_module(f"asimov.cli.{name}")
        wrong = ("textual", "asimov.tui", "starlette", "uvicorn", "asimov.server")
        print(json.dumps([name for name in sys.modules if name.startswith(wrong)]))
        """
    assert json.loads(child(program, cwd=tmp_path)) == []


@pytest.mark.parametrize("name", ["manage", "monitor"])
def test_commands_that_run_all_day_load_no_other_command(tmp_path, name):
    program = """
        import sys, json
        from importlib import import_module
        import_module(f"asimov.cli.{sys.argv[1]}")
        own = ("open_project", "terminal", sys.argv[1])
        commands = [each for each in sys.modules if each.startswith("asimov.cli.")]
        other = [each for each in commands if each.split(".")[2] not in own]
        rare = ("asimov.engine.changes", "asimov.engine.repair", "asimov.report", "email.message")
        print(json.dumps(other + [each for each in sys.modules if each in rare]))
        """
    assert json.loads(child(program, name, cwd=tmp_path)) == []


def test_importing_the_package_opens_nothing_outside_it(tmp_path):
    program = """
        import sys, json, os

        seen = []
        watched = {"open", "os.listdir", "os.scandir", "os.mkdir", "os.rename", "os.remove",
                   "socket.connect", "subprocess.Popen", "sqlite3.connect", "os.fork",
                   "os.putenv", "os.chdir"}
        recording = False

        def hook(event, arguments):
            if recording and event in watched:
                seen.append([event, str(arguments[0]) if arguments else ""])

        sys.addaudithook(hook)
        recording = True
        import asimov
        recording = False
        print(json.dumps([seen, os.path.dirname(asimov.__file__), sys.path]))
        """
    seen, package, search = json.loads(child(program, cwd=tmp_path))
    strangers = [
        (event, path)
        for event, path in seen
        if not path.startswith(package)
        # Finding the package lists the folders that packages are looked for in.
        and not (event == "os.listdir" and path in search)
    ]
    assert strangers == []
    assert not list(tmp_path.iterdir())
