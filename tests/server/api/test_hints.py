"""What the API says of blueprints names what clients can send; the command says it its own way."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from asimov import ledger
from asimov.server.api.options import as_options, as_parameters
from tests.server.conftest import made, writing

SUBJECT = "{kind: subject, name: s, colour: blue}"
#: A blueprint that is refused, the query, and the hint.
REFUSED = [
    (SUBJECT, {}, "to change it, use update=true or edit its ledger file"),
    (
        "{kind: analysis, subject: s, name: first, pipeline: command, executable: /bin/false}",
        {},
        "choose another name, or change it with update=true",
    ),
    (
        "{kind: analysis, subject: s, name: first, pipeline: command, executable: /bin/true, "
        "outputs: {y: y}, status: wait}",
        {},
        'POST /v1/actions {"action": "set", "analyses": ["s/first"], "status": "wait"}',
    ),
    (
        "{kind: analysis, name: n, pipeline: command, executable: /bin/true}",
        {},
        "add 'subject: NAME' to it, or send subject=NAME",
    ),
    (
        "{kind: analysis, subject: s, name: n, pipeline: command, request_memory: 4}",
        {},
        "force=true keeps it as a setting of your own",
    ),
]


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with writing(made(tmp_path_factory.mktemp("hints") / "project")) as client:
        yield client


def apply(client, text, **query):
    headers = {"content-type": "application/yaml"}
    answer = client.post("/v1/blueprints", content=text, params=query, headers=headers)
    assert answer.status_code == 422, answer.text
    return answer.json()


@pytest.mark.parametrize("dry_run", ["true", "false"])
@pytest.mark.parametrize(("text", "query", "hint"), REFUSED)
def test_a_hint_names_what_can_be_sent(client, text, query, hint, dry_run):
    said = apply(client, text, dry_run=dry_run, **query)
    assert hint in said["hint"]
    assert "--" not in said["hint"] + said["detail"]


def test_a_name_for_several_is_refused_as_the_parameter_that_it_is(client):
    several = "{kind: analysis, subject: s, name: a, pipeline: command}\n---\n"
    said = apply(client, several + several.replace("a,", "b,"), name="c")
    assert said["detail"].startswith("name needs exactly one analysis, but there are 2")
    one = apply(client, several, name="no/name")
    assert one["where"] == "query: name"


def test_every_option_that_the_ledger_speaks_of_is_a_parameter():
    found = []
    for path in Path(ledger.__file__).parent.rglob("*.py"):
        tree = ast.parse(path.read_text())
        for call in ast.walk(tree):
            if isinstance(call, ast.Call):
                given = [*call.args, *(each.value for each in call.keywords)]
                found += [
                    each.value
                    for each in given
                    if isinstance(each, ast.Constant) and isinstance(each.value, str)
                ]
    found = [each for each in found if "--" in each and each.strip("-\n") and " " in each]
    assert len(found) >= 5
    for each in found:
        assert "--" not in as_parameters(each), each


@pytest.mark.parametrize(
    ("api", "command"),
    [
        ("change it with update=true", "change it with --update"),
        ("force=true keeps it", "--force keeps it"),
        ("or send subject=NAME", "or give -e NAME"),
        ("name needs exactly one analysis", "--name needs exactly one analysis"),
        ("name is for one analysis", "--name is for one analysis"),  # an older service
        (
            'POST /v1/actions {"action": "set", "analyses": ["s/a"], "status": "wait"}',
            "asimov production set s/a --status wait",
        ),
    ],
)
def test_the_command_with_a_server_says_it_in_its_own_words(api, command):
    assert as_options(api) == command
