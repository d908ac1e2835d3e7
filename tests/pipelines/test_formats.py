"""Formats that a ledger states of inputs and outputs, for each stock pipeline that reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from asimov.discovery import extensions

SCHEMA = "{extension: .csv, media type: text/csv, data: {a: float}}"
MAKER = (
    'maker, pipeline: command, executable: /bin/sh, arguments: ["-c", "printf {text} > t.csv"], '
    "outputs: {{table: {{path: t.csv, schema: {schema}}}}}"
)
SERVICE = """
from asimov.functions import app, DataObject

@app.register("Copy")
def copy(data_objects, working_dir):
    with open("copy.csv", "w") as file:
        file.write(open(data_objects[0].path).read())
    return [DataObject(path="copy.csv")]
"""
USERS = {
    "command": "pipeline: command, executable: cat, arguments: ['{{ assets.table }}'], "
    "outputs: {out: job.out}",
    "container": "pipeline: container, image: a/b, command: [cat, '{{ assets.table }}'], "
    "outputs: {out: job.out}",
    "function": "pipeline: function, function: 'service:Copy'",
}


def maker(text: str = "'a,b\\\\n1.5,2\\\\n'", schema: str = SCHEMA) -> str:
    return MAKER.format(text=text.replace("'", ""), schema=schema)


def user(pipeline: str, wants: str, of: str = "maker", needs: str = "[maker]") -> str:
    wanted = f"inputs: [{{asset: table, of: {of}, schema: {wants}}}]"
    return f"user, {USERS[pipeline]}, needs: {needs}, {wanted}"


@pytest.fixture
def formats(lab: Any) -> Any:
    (lab.root / "service.py").write_text(SERVICE)
    return lab


@pytest.mark.parametrize("pipeline", USERS)
def test_a_mismatch_is_noted_by_apply_refused_by_a_build_and_told_by_why(
    formats: Any, pipeline: str
) -> None:
    formats.apply(maker())
    formats.finish()
    assert formats.states() == {"maker": "uploaded"}
    told = (
        "its input 'table' does not match what s/maker makes: its 'a' is made as float, "
        "and wanted as int"
    )
    path = formats.root / "blueprint.yaml"
    path.write_text(f"{{kind: analysis, event: s, name: {user(pipeline, '{data: {a: int}}')}}}\n")
    assert f"s/user: {told}" in formats.run("apply", "-f", path).err
    ran = formats.run("manage", "build", code=1)
    if pipeline != "container":  # whose image is looked for first
        assert told in ran.out
    shown = formats.run("why", "s", "user").out
    assert told in shown
    assert "what it uses:\n  table of s/maker (.csv text/csv {a: float})" in shown
    assert "user   ready     <- maker (table)" in formats.run("report", "graph").out


def test_what_fits_flows_and_is_shown(formats: Any) -> None:
    formats.apply(maker(), user("function", "{extension: .CSV, data: {a: float}}"))
    formats.finish()
    assert formats.states() == {"maker": "uploaded", "user": "uploaded"}
    formats.run("report", "html")
    pages = [path.read_text() for path in (formats.root / "pages").glob("*.html")]
    assert any("maker</a> (table)" in page for page in pages)


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (f"{{path: t.csv, schema: {SCHEMA}}}", "t.csv:3: a: 'x' is not of type float"),
        ("{path: t.csv, schema: {check: finite}}", "t.csv:3: a: 'x' is not a finite number"),
        ("{path: t.csv, schema: {extension: .h5}}", "t.csv: its name should end in .h5"),
    ],
)
def test_a_faulty_product_of_a_command_is_told_with_file_and_line(
    formats: Any, output: str, said: str
) -> None:
    formats.apply(
        'a, pipeline: command, executable: /bin/sh, outputs: {table: ' + output + '}, '
        'arguments: ["-c", "echo a,b > t.csv; echo 1,2 >> t.csv; echo x,3 >> t.csv"]'
    )  # fmt: skip
    formats.finish(code=3)
    assert formats.states() == {"a": "stuck"}
    assert formats.reason("a") == f"its products are not what its pipeline declares: {said}"
    assert f"    {said}\n" in formats.run("why", "s", "a").out
    assert not (formats.root / "results" / "s" / "a").exists()


def test_a_faulty_product_of_a_function_is_told_with_file_and_line(formats: Any) -> None:
    (formats.root / "t.csv").write_text("a\n1\nx\n")
    formats.apply(
        "a, pipeline: function, function: 'service:Copy', inputs: t.csv, "
        f"outputs: {{copied: {{path: '*.csv', schema: {SCHEMA}}}}}"
    )
    formats.finish(code=3)
    assert "work/copy.csv:3: a: 'x' is not of type float" in formats.reason("a")


@pytest.mark.parametrize(
    ("analysis", "said"),
    [
        (user("command", "{}", of="nobody"), "should come from 'nobody', which is not among its"),
        (user("function", "{}", of="makr"), "among its needs; did you mean 'maker'?"),
        (user("command", "{media typ: x}"), "media typ: there is no such key; did you mean 'media"),
        (user("command", "{data: [a]}"), "data: should be a mapping of names to types"),
        (user("function", "{data: {a: 3}}"), "a: should be a type, such as 'float', not 3"),
        (maker(schema="csv"), "outputs: table: schema: should be a mapping, not 'csv'"),
        (
            f"x, {USERS['command']}, inputs: [table]",
            "inputs: [0]: should be a mapping with 'asset: NAME', not 'table'",
        ),
        (
            f"x, {USERS['function']}, inputs: [{{path: t.csv, schema: {{}}}}]",
            "schema: belongs to an asset, not to a path",
        ),
    ],
)
def test_what_only_another_blueprint_can_mend_is_refused(
    formats: Any, analysis: str, said: str
) -> None:
    path = formats.root / "blueprint.yaml"
    path.write_text(
        f"{{kind: subject, name: s}}\n---\n{{kind: analysis, event: s, name: {analysis}}}\n"
    )
    ran = formats.run("apply", "-f", path, code=1)
    assert said in ran.err
    assert "blueprint.yaml:3:" in ran.err
    assert formats.rows() == {}


@pytest.mark.parametrize(
    ("analysis", "said"),
    [
        (
            user("command", "{check: finit}"),
            "no installed package has the check 'finit'; did you mean 'finite'? "
            "(the checks are finite)",
        ),
        (user("command", "{}", of="later", needs="[later]"), "'later', which does not exist yet"),
        (user("command", "{}", of="later", needs="['tide: high']"), "is not among its needs"),
    ],
)
def test_what_may_follow_is_only_noted(formats: Any, analysis: str, said: str) -> None:
    path = formats.root / "blueprint.yaml"
    path.write_text(
        f"{{kind: subject, name: s}}\n---\n{{kind: analysis, event: s, name: {analysis}}}\n"
    )
    assert said in formats.run("apply", "-f", path).err


def test_a_check_comes_from_an_installed_package_only(
    formats: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (formats.root / "evil.py").write_text("def check(path): open('/tmp/evil', 'w')\n")
    formats.apply(maker(schema="{check: 'evil:check'}"))
    assert "the check 'evil:check'" in formats.run("manage", "build", code=1).out
    point = extensions.Point("odd", "tests.pipelines.test_formats:odd", "some")
    found = extensions.points
    monkeypatch.setattr(
        extensions, "points", lambda group: [point] if group == extensions.CHECKS else found(group)
    )
    formats.apply(maker(schema="{check: odd}"), update=True)
    formats.finish(code=3)
    assert "t.csv:7: is odd" in formats.reason("maker")


def odd(path: Path) -> list[tuple[int, str]]:
    return [(7, f"is {'odd' if path.exists() else 'gone'}")]
