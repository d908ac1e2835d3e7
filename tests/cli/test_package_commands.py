"""Commands that packages add: named without being imported, and broken at their own expense."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PACKAGE = """
import click
from pathlib import Path
Path(__file__).with_name("imported").touch()

@click.group()
def greet():
    "Greet people."

@greet.command()
@click.argument("name")
@click.option("--loud", is_flag=True)
def person(name, loud):
    "Greet a person."
    click.echo(f"hello {name.upper() if loud else name}")

@click.command()
def raises():
    raise ValueError("what it did\\nand more")

@click.command()
def leaves():
    raise SystemExit(7)

@click.command()
def refuses():
    raise click.UsageError("not like this")

@click.command()
def status():
    click.echo("not asimov's")

@click.command()
def count():
    from asimov.project.workspace import Workspace
    global opened
    opened = Workspace.open()
    click.echo(len([key for key in opened.contents.entries if key.subject == "s"]))

number = 3
"""

#: Has a thread from its import on.
THREADS = """
import click, queue, threading

asked, answered = queue.SimpleQueue(), queue.SimpleQueue()
threading.Thread(target=lambda: answered.put(asked.get()), daemon=True).start()

@click.command()
def command():
    asked.put("heard")
    click.echo(answered.get(timeout=120))
"""

POINTS = """
[asimov.commands]
greet = greetings:greet
raises = greetings:raises
leaves = greetings:leaves
refuses = greetings:refuses
status = greetings:status
number = greetings:number
count = greetings:count
absent = greetings:absent
broken = greetings_broken:command
exits = greetings_exits:command
threads = greetings_threads:command
"""


@pytest.fixture(scope="session")
def greetings(tmp_path_factory: pytest.TempPathFactory, installed_package: Any) -> Path:
    broken = {"greetings_broken.py": "import nothing_of_that_name", "greetings_exits.py": "exit(0)"}
    files = {"greetings.py": PACKAGE, "greetings_threads.py": THREADS, **broken}
    found: Path = installed_package("greetings", files, POINTS)
    return found


@pytest.fixture
def run(greetings: Path, shell: Callable[..., Any]) -> Callable[[str], Any]:
    return lambda command: shell(command, PYTHONPATH=str(greetings))


def test_help_names_commands_of_packages_without_importing_them(
    run: Callable[[str], Any], greetings: Path
) -> None:
    (greetings / "imported").unlink(missing_ok=True)
    told = run("asimov --help")
    assert told.code == 0, told
    lines = told.out.split("Commands of installed packages:")[1].split()
    assert lines[:5] == ["absent", "From", "the", "package", "greetings."]
    assert {"broken", "exits", "greet"} < set(lines)
    assert "status" not in lines  # asimov's own
    assert not (greetings / "imported").exists()


def test_a_command_of_a_package_runs_with_its_own_help_and_options(
    run: Callable[[str], Any],
) -> None:
    assert run("asimov greet person ada --loud").out == "hello ADA\n"
    told = run("asimov greet --help")
    assert "Greet people." in told.out
    assert "person" in told.out
    assert run("asimov greet persn").code == 2


def test_threads_that_a_package_starts_when_it_is_imported_are_there(
    run: Callable[[str], Any],
) -> None:
    told = run("asimov threads")
    assert (told.code, told.out) == (0, "heard\n"), told


def test_a_command_of_asimovs_own_is_never_replaced(run: Callable[[str], Any]) -> None:
    told = run("asimov status")
    assert "not asimov's" not in told.out
    assert told.code == 1  # there is no project


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("broken", 1, "'broken' of the package greetings can't be loaded: ModuleNotFoundError"),
        ("exits", 1, "'exits' of the package greetings can't be loaded: SystemExit"),
        ("absent", 1, "'absent' of the package greetings can't be loaded: AttributeError"),
        ("number", 1, "'number' of the package greetings is not a click command, but int"),
        ("raises", 1, "'raises' of the package greetings raised ValueError: what it did\n"),
        ("leaves", 7, ""),
        ("refuses", 2, "not like this"),
        ("gret", 2, "there is no command 'gret'; did you mean 'greet'?"),
    ],
)
def test_a_broken_command_says_so_in_a_line(
    run: Callable[[str], Any], command: str, code: int, words: str
) -> None:
    told = run(f"asimov {command}")
    assert told.code == code
    assert words in told.err
    assert "Traceback" not in told.err + told.out


def test_an_exception_of_a_command_is_in_the_projects_log(
    run: Callable[[str], Any], tmp_path: Path
) -> None:
    told = run("asimov init p --scheduler local && asimov raises")
    assert "bug in asimov" not in told.err
    (log,) = tmp_path.rglob("asimov.log")
    assert "ValueError: what it did" in log.read_text()


def test_a_command_of_a_package_warns_of_what_is_missing_from_the_ledger(
    run: Callable[[str], Any], tmp_path: Path
) -> None:
    (tmp_path / "b.yaml").write_text(
        "{kind: subject, name: s, analyses: [{name: a, pipeline: command}]}"
    )
    told = run(
        "asimov init p --scheduler local && asimov apply -f b.yaml "
        "&& echo 'name: s' > ledger/subjects/s.yaml && asimov count"
    )
    assert told.out.endswith("0\n"), told
    assert "WARNING: 1 analysis that the journal knows is missing" in told.err
    assert told.err.count("WARNING") == 1


def test_without_packages_help_says_nothing_of_them(asimov: Callable[..., Any]) -> None:
    assert "installed packages" not in asimov("--help").out
    assert "greetings" not in sys.modules
