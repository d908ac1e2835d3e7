"""No message echoes more than 200 characters of a value, wherever the value was given.

A value of 100 kB is put at every place of every kind of document, of the files that people edit,
of every argument and option of every command, and into what pipelines and templates say.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest

from asimov import cli
from asimov.ledger.documents import dump
from asimov.ledger.schema import KINDS
from tests.searching import in_turn

#: One that has no space in it, one of words, one of quotes, one of lines.
LONG = {
    "unbroken": "q" * 100_000,
    "words": "qv wz " * 16_000,
    "quotes": "q'v\" " * 20_000,
    "names": "q/v, " * 20_000,
}
MOST = 200
#: What is too long of a value, as it is and as Python writes it.
BEGINNINGS = [
    beginning
    for value in LONG.values()
    for beginning in (value[: MOST + 1], repr(value)[1 : MOST + 12])
]


def check(said: str, what: object) -> None:
    """Look for a part of the values that is too long."""
    for line in said.split("\n"):
        assert len(line) <= 1500, (what, len(line), line[:2000])
        for beginning in BEGINNINGS:
            assert beginning not in line, (what, line[:1500])


Run = Callable[..., Any]


def messages(ran: Any) -> str:
    """Return what of a command's output are messages: all of it, where it ended with an error."""
    assert "bug in asimov" not in ran.err, str(ran)[:3000]
    assert "Traceback" not in ran.err, str(ran)[:3000]
    return str(ran.err)


# --- documents


def places(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value inside some data."""
    items = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in items:
        yield (*path, key)
        if isinstance(value, (dict, list)):
            yield from places(value, (*path, key))


def replaced(data: Any, path: tuple[Any, ...], put: Any) -> Any:
    """Return data with another value at a path, or another key where `put` is a function."""
    step, *rest = path
    if isinstance(data, list):
        if callable(put) and not rest:
            return data
        new = replaced(data[step], tuple(rest), put) if rest else put
        return [*data[:step], new, *data[step + 1 :]]
    made = {}
    for key, value in data.items():
        if key != step:
            made[key] = value
        elif rest:
            made[key] = replaced(value, tuple(rest), put)
        elif callable(put):
            made[put(key)] = value
        else:
            made[key] = put
    return made


def documents() -> list[Any]:
    """Return a document of each kind, with all that the kind may have."""
    common = {
        "comment": "x", "status": "wait", "needs": ["a", {"status": "finished"}, ["b", {"c": "d"}]],
        "template": "detrend.ini", "executable": "python3", "labels": ["x"], "refreshable": True,
        "scheduler": {"request memory": 1}, "holds": {"memory": {"act": "release"}},
        "max resurrections": 1, "resurrection pause": 1, "review": {"status": "approved"},
    }  # fmt: skip
    run = {"name": "one", "pipeline": "command", **common, "strategy": {"a.b": [1, 2]}}
    made: list[Any] = [
        {"kind": "analysis", "event": "s", **run},
        {"kind": "projectanalysis", "subjects": ["s"], **run},
        {"kind": "subject", "name": "t", "repository": "r", "analyses": [run]},
        {"kind": "event", "name": "t", "productions": [{"two": {"pipeline": "command"}}]},
        {"kind": "analysisbundle", "subject": "s", "analyses": ["file", run]},
        {"kind": "configuration", "pipelines": {"command": {"a": 1}},
         "hooks": {"postmonitor": {"x": {}}, "applicator": ["y"]}, "scheduler": {"a": 1}},
        {"kind": "postprocessing", "subject": "s", "postprocessing": {"x": {"y": 1}}},
    ]  # fmt: skip
    assert {each["kind"] for each in made} == set(KINDS)
    return made


@pytest.fixture
def here(project: Path, asimov: Run, blueprint: Callable[..., Path]) -> Path:
    """A project with a subject."""
    assert asimov("apply", "-f", blueprint("kind: subject\nname: s\n")).code == 0
    return project


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_at_every_place_of_a_document(kind: str, here: Path, asimov: Run) -> None:
    (document,) = [each for each in documents() if each["kind"] == kind]
    for number, path in enumerate(places(document)):
        value = list(LONG.values())[number % len(LONG)]
        forms = (value, [value], {value: 1}, lambda _, value=value: value)
        for put in in_turn(number + number // len(LONG), forms):
            text = dump(replaced(document, path, put))
            Path("long.yaml").write_text(text)
            ran = asimov("apply", "-n", "-f", "long.yaml")
            check(messages(ran), (path, put if callable(put) else type(put)))


def test_as_what_yaml_alone_knows(here: Path, asimov: Run) -> None:
    long = LONG["unbroken"]
    for text in (
        f"!{long} a",
        f"a: !{long} b",
        f"a: *{long}",
        f"a: &{long} [*{long}]",
        f"%TAG ! {long}\n---\n",
        f"%{long}\n---\na: b",
        f"'{long}",
        f'"{long}',
        f"{long}: 1\n{long}: 2",
        f"? {long}\n: 1",
        f"? {long}\n: 1\n? {long}\n: 2",
        f"a: !!int {long}",
        f"a: !!float {long}",
        f"a: 0x{'f' * 99999}",
        f"a: !!bool {long}",
        f"{long}",
        f"[{long}",
        f"a: {long}: b",
        f"--- |\n {long}",
        f"a: `{long}",
        f"a: b\n {long}",
        f"'{long}': 1\n'{long}': 2",
        f"a: !!map {long}",
        f"<<: {long}",
        f"a: !<{long}> b",
        f"%YAML {'9' * 1000}.1\n---\n",
        f'a: "\\{long}"',
        f"a: !x!{long} b",
    ):
        Path("long.yaml").write_text(text)
        check(messages(asimov("apply", "-f", "long.yaml")), text[:40])


# --- files that people edit


def test_in_files_of_the_ledger(here: Path, asimov: Run) -> None:
    for value in LONG.values():
        for name, texts in {
            "project.yaml": [
                f"? {dump(value)}",
                dump({"holds": {value: {}}}),
                dump({"pipelines": value}),
            ],
            "subjects/s.yaml": [
                dump({"name": value}),
                dump({"name": "s", "analyses": [{value: 1}]}),
            ],
            "subjects/u.yaml": [
                dump({"name": "u", "analyses": [{"name": value, "pipeline": "x"}]})
            ],
            "analyses/a.yaml": [dump({"name": "a", "pipeline": value}), dump({"name": value})],
        }.items():
            file = here / "ledger" / name
            kept = file.read_text() if file.exists() else None
            for text in texts:
                file.parent.mkdir(exist_ok=True)
                file.write_text(text)
                for command in (["status"], ["manage", "build"], ["monitor"]):
                    check(messages(asimov(*command)), (name, text[:80], command))
            if kept is None:
                file.unlink()
            else:
                file.write_text(kept)


def test_in_the_configuration(here: Path, asimov: Run) -> None:
    file = here / ".asimov" / "asimov.conf"
    kept = file.read_text()
    for value in LONG.values():
        lines = (
            f"[monitor]\ninterval = {value}",
            f"[scheduler]\ntype = {value}",
            f"[{value}",
            f"{value}",
            f"[{value}]\n{value}",
            f"[local]\nprocesses = {value}",
            f"[ledger]\nlocation = {value}",
            f"[logging]\nlocation = {value}",
            f"[general]\nrundir_default = {value}",
            f"[general]\ngit_default = {value}",
            f"[general]\nwebroot = {value}",
            f"[monitor]\n{value} = 1\n{value} = 2",
            f"[monitor]\nmax active = {value}",
            f"[storage]\ndirectory = {value}",
            f"[templating]\ndirectory = {value}",
        )
        for place, line in enumerate(lines):
            if value not in in_turn(place, LONG.values()):
                continue
            section = line.partition("]")[0] + "]"
            file.write_text(
                kept.replace(section, f"{line}\n[x]", 1) if section in kept else kept + line
            )
            for command in (["status"], ["monitor"], ["manage", "build"]):
                check(messages(asimov(*command)), (line[:60], command))
    file.write_text(kept)


# --- the command line


def commands() -> Iterator[tuple[list[str], click.Command]]:
    """Yield every command with the words that call it."""
    for name in cli.COMMANDS:
        command = import_module(f"asimov.cli.{name}").command
        if isinstance(command, click.Group):
            context = click.Context(command, **cli.cli.context_settings)
            for each in command.list_commands(context):
                inner = command.get_command(context, each)
                assert inner is not None
                yield [name, each], inner
        else:
            yield [name], command


#: Options that have a command go on until it is stopped.
_FLAGS_THAT_GO_ON = {"watch", "until_idle", "follow"}


@pytest.fixture
def taken() -> Iterator[list[str]]:
    """Take a port, so that a service that is given it ends."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield ["--port", str(listening.getsockname()[1])]


@pytest.mark.parametrize(
    ("words", "command"),
    [
        pytest.param(*each, id=" ".join(each[0]), marks=pytest.mark.long if place % 3 else ())
        for place, each in enumerate(commands())
    ],
)
def test_as_each_argument_and_option(
    words: list[str], command: click.Command, here: Path, asimov: Run, taken: list[str]
) -> None:
    always = taken if words == ["serve"] else []
    needed = [each for each in command.params if isinstance(each, click.Argument)]
    for place, parameter in enumerate(command.params):
        if parameter.name in _FLAGS_THAT_GO_ON:
            continue
        for value in in_turn(place, LONG.values()):
            given = [
                value if each is parameter else "s" if each.name == "subject" else "x"
                for each in needed if each.required or each is parameter
            ]  # fmt: skip
            options = [
                word
                for each in command.params
                if isinstance(each, click.Option) and (each.required or each is parameter)
                for word in _option(each, value if each is parameter else "x")
            ]
            ran = asimov(*words, *always, *options, *given)
            check(messages(ran), (words, parameter.name))
    for value in in_turn(len(words), LONG.values()):
        check(messages(asimov(*words, f"--{value}")), words)
        check(messages(asimov(*words, *["x"] * 9, value)), words)


def _option(option: click.Option, value: str) -> list[str]:
    return [option.opts[-1]] if option.is_flag else [option.opts[-1], value]


@pytest.mark.parametrize("value", LONG.values(), ids=LONG)
def test_as_a_command_a_project_or_a_variable(
    value: str, here: Path, asimov: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(messages(asimov(value)), "a command")
    check(messages(asimov("--project", value, "status")), "a project")
    for name in ("HOME", "XDG_CONFIG_HOME", "ASIMOV_DATA_PATH", "USER", "LOGNAME", "TMPDIR"):
        with monkeypatch.context() as patched:
            patched.setenv(name, value)
            for command in (
                ["status"],
                ["apply", "-f", "b.yaml"],
                ["review", "add", "s", "x", "approved"],
            ):
                check(messages(asimov(*command)), (name, command))


# --- templates


def test_in_templates_and_what_they_are_given(here: Path, asimov: Run) -> None:
    documents = []
    for number, value in enumerate(LONG.values()):
        word = re.sub(r"\W", "_", value)
        for n, template in enumerate([
            f"{{{{ {word} }}}}", f"{{% {word} %}}", f"{{{{ meta.x.{word} }}}}",
            f"{{{{ meta['{word}'] }}}}", "{{ meta.long.nothing }}", "{{ meta.long + 1 }}",
            "{{ meta[meta.long] }}", f"{{{{ x | {word} }}}}", f"{{% include '{word}' %}}",
            "{% include meta.long %}", "{{ 1 / 0 }}", "{{ meta.long.format() + meta.nothing }}",
        ]):  # fmt: skip
            (here / f"t{number}-{n}.ini").write_text(template)
            documents.append({
                "kind": "analysis", "name": f"a{number}-{n}", "event": "s", "pipeline": "command",
                "executable": "true", "template": f"t{number}-{n}.ini", "long": value,
            })  # fmt: skip
    Path("long.yaml").write_text("---\n".join(map(dump, documents)))
    assert asimov("apply", "-f", "long.yaml").code == 0
    ran = asimov("manage", "build")
    assert f"{len(documents)} failed" in ran.out
    check(messages(ran) + ran.out, "templates")
