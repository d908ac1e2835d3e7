"""The documentation is true: its commands run, its blueprints apply, its tables are the code's.

A block marked ``console`` is run, command by command, in a folder that holds a copy of
``ledger-examples`` as a clone does. A line ``$ command`` is followed by all that it prints. A
command ends with exit code 0, unless the next one is ``echo $?``. In what is shown, a line ``...``
stands for any lines and ``...`` in a line for any text; times, lengths of time, job numbers, hashes
and the width of gaps are those of one run; the folder is called ``/home/ada/asimov``.

"Save this as `NAME`:" in front of a block has it written to that file. A block marked
``yaml-wrong`` is wrong on purpose. Blocks marked ``text`` are not run.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest
import yaml

from asimov import configuration, states
from asimov.cli import cli
from asimov.scheduler import default_commands
from tests import containers
from tests.ports import kept_port

TOP = Path(__file__).resolve().parent.parent
DOCS = TOP / "docs"
#: These are the text of a package, which has tests of its own.
OF_PACKAGE = {"extending.md", "hooks.md", "writing-a-pipeline.md", "pipelines.md", "qhana.md"}
PAGES = [TOP / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")]
PAGES += sorted(page for page in DOCS.glob("*.md") if page.name not in OF_PACKAGE)
PAGES += sorted((TOP / "ledger-examples").glob("*/README.md"))
FOLDER = "/home/ada/asimov"
#: Pages whose commands run containers.
WITH_CONTAINERS = [DOCS / "containers.md", TOP / "ledger-examples" / "container" / "README.md"]
#: Pages whose commands serve a project at this port; they take one that is free.
SERVING = [DOCS / "service.md", DOCS / "platipy.md", TOP / "ledger-examples/service/README.md"]
PORT = "8642"
#: Pages that run for seconds what other pages or tests run too.
REPEATED = [
    *(
        DOCS / f"{name}.md"
        for name in ("containers", "getting-started", "phases", "platipy", "service")
    ),
    DOCS / "testing-a-pipeline.md",
    *(
        TOP / "ledger-examples" / name / "README.md"
        for name in ("container", "phases", "quickstart")
    ),
]


def told(page: Path) -> str:
    return page.relative_to(TOP).as_posix()


class Block(NamedTuple):
    language: str
    text: str
    line: int
    file: str | None


def blocks(page: Path) -> list[Block]:
    found = []
    above = ""
    fence: tuple[str, int] | None = None
    inside: list[str] = []
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if fence is None and line.startswith("```"):
            fence, inside = (line[3:].strip(), number), []
        elif fence is not None and line == "```":
            saved = re.search(r"[Ss]ave this as `([^`]+)`:$", above)
            text = "".join(f"{each}\n" for each in inside)
            found.append(Block(*fence[:1], text, fence[1], saved[1] if saved else None))
            fence, above = None, ""
        elif fence is not None:
            inside.append(line)
        elif line.strip():
            above = line
    assert fence is None, f"{page.name}: a block is not closed"
    return found


def commands(block: Block) -> list[tuple[str, list[str]]]:
    found: list[tuple[str, list[str]]] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


@pytest.fixture
def free_port() -> Iterator[str]:
    """Return a port for a service that a page's commands start."""
    with kept_port() as port:
        yield str(port)


_STATE = "|".join(states.STATES)


def masked(line: str) -> str:
    line = re.sub(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME", line)
    line = re.sub(r"\bjob \d+", "job N", line)
    line = re.sub(r"\b[0-9a-f]{7}\b", "HASH", line)
    line = re.sub(rf"\b({_STATE})\s+\d+(?=\s)", r"\1 N", line)
    line = re.sub(r"\b\d+[smh]\b", "AGE", line)
    line = re.sub(r"\b\d+:\d\d:\d\d\b", "LENGTH", line)
    return " ".join(line.split())


def shown(expected: list[str]) -> re.Pattern[str]:
    pattern = ""
    for line in expected:
        if line == "...":
            pattern += r"(?:[^\n]*\n)*?"
        else:
            parts = (re.escape(part) for part in masked(line).split("..."))
            pattern += "[^\n]*".join(parts) + r"\n"
    return re.compile(pattern)


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        (["a", "...", "c"], "a\nb\nb\nc\n", True),
        (["a", "...", "c"], "a\nb\n", False),
        (["job 1 ended: ... missing"], "job 22 ended: x missing\n", True),
        (["job 1 ended"], "job 22 began\n", False),
        (["4 running"], "5 running\n", False),
        (["a  running  7  3s"], "a  running  12  1m\n", True),
        (["a  running  7"], "a  stuck    7\n", False),
        ([], "surprise\n", False),
    ],
)
def test_what_is_shown_is_compared_with_what_is_printed(
    expected: list[str], printed: str, same: bool
) -> None:
    actual = "".join(f"{masked(line)}\n" for line in printed.splitlines())
    assert bool(shown(expected).fullmatch(actual)) is same


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "clone"
    shutil.copytree(TOP / "ledger-examples", folder / "ledger-examples")
    yield folder
    for file in folder.rglob("serve.pid"):  # of a page that failed before it ended its service
        process = Path("/proc", file.read_text().strip())
        with suppress(OSError):
            if b"serve" in (process / "cmdline").read_bytes():
                os.kill(int(process.name), signal.SIGTERM)
    runners = subprocess.run(
        ["pgrep", "-f", f"asimov.scheduler.local.runner {folder}"],
        capture_output=True,
        text=True,
        check=False,
    )
    for line in runners.stdout.split():
        with suppress(ProcessLookupError):  # it ends by itself
            os.kill(int(line), signal.SIGTERM)


@pytest.mark.parametrize(
    "page",
    [pytest.param(each, marks=pytest.mark.long if each in REPEATED else ()) for each in PAGES],
    ids=told,
)
def test_the_commands_of_a_page_print_what_it_shows(
    page: Path,
    clone: Path,
    quick_shell: Callable[..., Any],
    shell: Callable[..., Any],
    free_port: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run, port = quick_shell, PORT
    if page in SERVING:  # a signal to a command has to reach it
        run, port = shell, free_port
    if page in WITH_CONTAINERS:
        monkeypatch.setenv("PATH", f"{containers.programs()}{os.pathsep}{os.environ['PATH']}")
    here, code, told = str(clone), 0, ""
    for block in blocks(page):
        if block.file:
            Path(here, block.file).write_text(block.text)
        if block.language != "console":
            continue
        for command, expected in commands(block):
            assert not code or command == "echo $?", told
            after = clone.parent / "folder"
            given = command.replace(PORT, port).replace("--retry 30 ", "--retry 300 ")
            script = f"exec 2>&1; (exit {code})\n{given}\nend=$?; pwd > {after}; exit $end"
            ran = run(script, cwd=Path(here), LOGNAME="ada", COLUMNS="400")
            here, code = after.read_text().strip(), ran.code
            out = ran.out.replace(str(clone), FOLDER).replace(port, PORT)
            told = f"{page.name}:{block.line}: $ {command}\n{out}(exit code {code})"
            actual = "".join(f"{masked(line)}\n" for line in out.splitlines())
            assert shown(expected).fullmatch(actual), told
    assert not code, told


@pytest.mark.parametrize("page", [*PAGES, *(DOCS / name for name in sorted(OF_PACKAGE))], ids=told)
def test_yaml_in_the_pages_is_yaml(page: Path) -> None:
    for block in blocks(page):
        if block.language == "yaml":
            assert list(yaml.safe_load_all(block.text)), f"{page.name}:{block.line}"


@pytest.mark.parametrize("page", PAGES, ids=told)
def test_blueprints_in_the_pages_are_accepted(
    page: Path, project: Path, asimov: Callable[..., Any]
) -> None:
    for block in blocks(page):
        documents = list(yaml.safe_load_all(block.text)) if block.language == "yaml" else []
        documents = [each for each in documents if isinstance(each, dict) and "kind" in each]
        if not documents:
            continue
        there = {each["name"] for each in documents if each["kind"] in {"subject", "event"}}
        named = {each.get("subject", each.get("event")) for each in documents} - {None}
        named |= {name for each in documents for name in each.get("subjects", [])}
        stubs = [{"kind": "subject", "name": name} for name in sorted(named - there)]
        (project / "block.yaml").write_text(block.text)
        (project / "stubs.yaml").write_text(yaml.safe_dump_all(stubs))
        ran = asimov("apply", "--dry-run", "-f", "stubs.yaml", "-f", "block.yaml")
        assert ran.code == 0, f"{page.name}:{block.line}: {ran}"
        assert "Would be" in ran.out


def test_pages_made_from_the_code_are_up_to_date() -> None:
    made = subprocess.run(
        [sys.executable, TOP / "tools" / "make-docs-pages", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr


def every_command() -> dict[str, click.Command]:
    found: dict[str, click.Command] = {}

    def walk(command: click.Command, path: str) -> None:
        found[path] = command
        if isinstance(command, click.Group):
            context = click.Context(command, **cli.context_settings)
            for name in command.list_commands(context):
                inner = command.get_command(context, name)
                assert inner is not None
                walk(inner, f"{path} {name}")

    walk(cli, "asimov")
    return found


def shown_options(command: click.Command) -> list[str]:
    """Return the options in a command's help; a hidden one only says what took its place."""
    options = [each for each in command.params if isinstance(each, click.Option)]
    return [name for each in options if not each.hidden for name in each.opts]


def test_every_command_and_option_stands_in_the_page_of_commands() -> None:
    sections = {}
    for part in re.split(r"^##+ ", (DOCS / "commands.md").read_text(), flags=re.MULTILINE):
        title, _, text = part.partition("\n")
        sections[title] = text
    for path, command in every_command().items():
        assert path in sections
        for name in shown_options(command):
            assert f"`{name}`" in sections[path], f"{path} {name}"


def test_examples_in_the_help_are_commands_that_are_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sunspots").mkdir()  # a folder and a file that examples name
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    (tmp_path / "project" / "smallest.yaml").touch()
    examples = {
        re.split(r" [|>] ", line.strip())[0]
        for command in every_command().values()
        for line in (command.help or "").splitlines()
        if line.strip().startswith("asimov ")
    }
    assert len(examples) > 20
    for example in examples:
        command: click.Command = cli
        _, *words = shlex.split(example)
        while isinstance(command, click.Group) and not command.chain:
            inner = command.get_command(
                click.Context(command, **cli.context_settings), words.pop(0)
            )
            assert inner is not None, example
            command = inner
        if isinstance(command, click.Group):
            starts = [number for number, word in enumerate(words) if word in command.commands]
            for start, end in pairwise([*starts, len(words)]):
                command.commands[words[start]].make_context(
                    "asimov", words[start + 1 : end], **cli.context_settings
                )
        else:
            command.make_context("asimov", words, **cli.context_settings)


def test_the_page_of_configuration_has_every_option_with_its_value() -> None:
    page = (DOCS / "configuration.md").read_text()
    rows = dict(re.findall(r"^\| `([^`]+/[^`]+)` \| ([^|]+) \|", page, flags=re.MULTILINE))
    read = set()
    # The importers read the configuration of another program.
    ours = (each for each in (TOP / "asimov").rglob("*.py") if each.parent.name != "importing")
    for path in [*ours, *(TOP / "pipelines").rglob("*.py")]:
        asked = r'(?:config\.get\w*|option|number|_whole)\((?:\s*[\w.]+,)?\s*"(\w+)",\s*"([\w ]+)"'
        found = re.findall(asked, path.read_text())
        read |= {f"{section}/{option}" for section, option in found}
    read |= {f"condor/{option}" for option in default_commands._COMMANDS if "_" not in option}
    assert len(read) > 15
    assert not read - set(rows)
    for section, options in configuration.BUILT_IN.items():
        for option, value in options.items():
            assert rows[f"{section}/{option}"].strip() == f"`{value}`"


@pytest.mark.long
def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path / "site"],
        cwd=TOP,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},  # an announcement of the theme's authors
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    assert "WARNING" not in built.stderr
    assert (tmp_path / "site" / "commands" / "index.html").exists()
    for html in (tmp_path / "site").rglob("*.html"):
        loaded = re.findall(r'<(?:script|link)[^>]+(?:src|href)="(https?:[^"]+)"', html.read_text())
        assert not [each for each in loaded if "canonical" not in each], html
        assert 'class="mermaid"' not in html.read_text()  # the theme would fetch a script for it
