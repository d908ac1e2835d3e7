"""The list of plugins, what a plugin says of itself, and its form."""

from __future__ import annotations

import asyncio
import json
from configparser import ConfigParser

import pytest
from starlette.datastructures import Headers
from starlette.testclient import TestClient

from asimov.pipeline.card import Card
from asimov.server.admission.access import Access
from asimov.server.faults import FaultError
from asimov.server.qhana.forms import LARGEST
from asimov.server.qhana.routes import free
from tests.server.qhana.conftest import ADDRESS

ONE = f"{ADDRESS}/plugins/greeting@v0-1-0/"


def test_plugins_are_listed_by_name_and_version(runner):
    """`GET /plugins/` has name, version, identifier, apiRoot, description, tags[] of each."""
    found = runner.get("/plugins/")["plugins"]
    assert found == sorted(found, key=lambda row: (row["name"], row["version"]))
    assert {
        "name": "greeting",
        "version": "v0.1.0",
        "identifier": "greeting@v0-1-0",
        "apiRoot": ONE,
        "description": "Writes a greeting, as often as you like.",
        "tags": ["demo", "text"],
    } in found


def test_a_name_leads_to_the_newest_version_and_an_unknown_one_is_404(runner):
    """`GET /plugins/<name>/` redirects to the newest version's; 404 where unknown."""
    answer = runner.client.get("/plugins/greeting/", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (302, ONE)
    for unknown in ("nothing", "greeting@v9", "greeting@v0-1-0/nothing"):
        assert runner.client.get(f"/plugins/{unknown}/").status_code == 404


def test_a_plugin_says_what_it_takes_and_makes(runner):
    """`GET <apiRoot>` has the metadata, derived from declared settings and the card."""
    assert runner.get(ONE) == {
        "title": "Greeting",
        "description": "Writes a greeting, as often as you like.",
        "name": "greeting",
        "version": "v0.1.0",
        "type": "processing",
        "tags": ["demo", "text"],
        "links": [{"type": "documentation", "href": "https://example.org/greeting"}],
        "entryPoint": {
            "href": f"{ONE}process/",
            "uiHref": f"{ONE}ui/",
            "dataInput": [
                {
                    "parameter": "namesUrl",
                    "dataType": "text/names",
                    "contentType": ["text/plain"],
                    "required": False,
                }
            ],
            "dataOutput": [
                {
                    "dataType": "text/greeting",
                    "contentType": ["text/plain"],
                    "required": True,
                    "name": "greeting.txt",
                },
                {
                    "dataType": "text/statistics",
                    "contentType": ["application/json"],
                    "required": False,
                    "name": "letters.json",
                },
            ],
            "pluginDependencies": [],
        },
    }


def test_the_page_of_a_plugin_has_a_form_that_its_entry_point_takes(runner):
    """`uiHref` is an HTML page with the form; fields are in camelCase."""
    answer = runner.client.get(f"{ONE}ui/")
    assert answer.headers["content-type"].startswith("text/html")
    assert '<form method="post" action="../process/">' in answer.text
    assert 'name="inputStr" required>' in answer.text
    assert 'name="times" value="1">' in answer.text
    assert '<option value="de">' in answer.text
    assert '<option value="false" selected>' in answer.text
    assert "form-action 'self'" in answer.headers["content-security-policy"]


FORM = "application/x-www-form-urlencoded"


def test_a_form_with_mistakes_is_422_with_a_message_for_each_field(runner):
    """422 {code, status, errors: {form: {field: [message]}}}; unknown fields are ignored."""
    before = runner.client.get("/v1/analyses").json()["total"]
    form = {"times": "many", "loudness": "1.5", "language": "fr", "unknown": "x"}
    answer = runner.client.post(f"{ONE}process/", data=form)
    assert answer.status_code == 422
    told = answer.json()
    assert (told["code"], told["status"]) == (422, "Unprocessable Entity")
    assert set(told["errors"]["form"]) == {"inputStr", "times", "loudness", "language"}
    assert told["errors"]["form"]["inputStr"][0].startswith("is missing")
    assert told["errors"]["form"]["times"][0].startswith("should be a whole number from 1 to 100")
    assert runner.client.get("/v1/analyses").json()["total"] == before
    answer = runner.client.post(f"{ONE}process/", content=b"{}", headers={"content-type": "x/y"})
    assert answer.status_code == 415


@pytest.mark.parametrize(
    ("query", "content", "media", "where", "field", "why"),
    [
        ("?callback=nowhere", b"inputStr=Ada", FORM, "query", "callback", "address"),
        ("", b"&".join([b"a=1"] * 1001), FORM, "form", "_schema", "can't be read"),
        ("", b"--x", "multipart/form-data; boundary=x", "form", "_schema", "ends too early"),
    ],
    ids=["callback", "fields", "parts"],
)
def test_what_can_not_be_read_is_422_in_the_same_shape(
    runner, query, content, media, where, field, why
):
    for address in (f"{ONE}process/", "/plugins/shelf@v0-2-0/items/")[: 1 if query else 2]:
        headers = {"content-type": media}
        answer = runner.client.post(f"{address}{query}", content=content, headers=headers)
        told = answer.json()
        assert (answer.status_code, told["code"]) == (422, 422)
        assert told["status"] == "Unprocessable Entity"
        ((message,),) = told["errors"][where].values()
        assert (*told["errors"][where],) == (field,) and why in message


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (b"%00", "contains a NUL character"), (b"a%FFb", "is not UTF-8"), (b"\xff", "is not UTF-8"),
        (b"%ED%A0%80", "is not UTF-8"),
        (b"a" * 100_001, "may have at most 100000 bytes, not 100001"),
    ],
    ids=["nul", "escaped", "plain", "surrogate", "long"],
)  # fmt: skip
def test_what_no_program_can_be_passed_is_refused_by_field(runner, sent, why):
    before = runner.client.get("/v1/analyses").json()["total"]
    media = {"content-type": "application/x-www-form-urlencoded"}
    form = b"unknown=%00&times=2&inputStr=" + sent
    answer = runner.client.post(f"{ONE}process/", content=form, headers=media)
    assert (answer.status_code, answer.json()["errors"]["form"]) == (422, {"inputStr": [why]})
    assert runner.client.get("/v1/analyses").json()["total"] == before
    if why.startswith("is not"):  # a plugin's own routes get text, too
        answer = runner.client.post(
            "/plugins/shelf@v0-2-0/items/", content=b"name=" + sent, headers=media
        )
        assert answer.json()["errors"]["form"] == {"name": [why]}


def test_parts_of_a_form_are_checked_as_fields_are(runner):
    parts = {"inputStr": (None, "a\0")}
    answer = runner.client.post(f"{ONE}process/", files=parts)
    assert answer.json()["errors"]["form"] == {"inputStr": ["contains a NUL character"]}
    parts = {"inputStr": (None, b"\xff")}
    assert runner.client.post(f"{ONE}process/", files=parts).status_code == 422
    inside = {"plugin": "http://127.0.0.1:1/plugins/x/", "form": json.dumps({"a": ["\0"]})}
    answer = runner.client.post("/plugins/shout@v0-1-0/process/", data=inside)
    assert answer.json()["errors"]["form"] == {"form": ["contains a NUL character"]}


def test_a_field_of_the_largest_size_can_be_passed_to_a_program(runner):
    task = runner.until(runner.start("greeting@v0-1-0", inputStr="a" * LARGEST))
    assert task["status"] == "SUCCESS", task["log"][-500:]


def test_settings_have_the_types_that_the_pipeline_declares(runner):
    """Form fields are typed by the declared settings."""
    fields = {"inputStr": "007", "times": "2", "loudness": "1", "polite": "on", "namesUrl": ""}
    address = runner.start("greeting@v0-1-0", **fields, unknown="x")
    number = address.split("/")[-2]
    found = runner.get(f"/v1/subjects/qhana-{number}/analyses/greeting")["settings"]
    assert {key: found[key] for key in ("input str", "times", "loudness", "polite")} == {
        "input str": "007",
        "times": 2,
        "loudness": 1.0,
        "polite": True,
    }
    assert "unknown" not in found
    parts = {"inputStr": (None, "Grace"), "times": (None, "2")}
    answer = runner.client.post(f"{ONE}process/", files=parts, follow_redirects=False)
    assert answer.status_code == 303


@pytest.mark.parametrize(
    ("name", "version", "kind"), [("a b", "v1", "processing"), ("a", "v/1", "processing"),
                                  ("a", "v1", "other"), ("a@b", "v1", "processing")],
)  # fmt: skip
def test_a_card_has_names_that_addresses_can_have(name, version, kind):
    with pytest.raises(ValueError, match="is no"):
        Card(name, version, type=kind)


def test_addresses_are_those_of_the_request_or_the_configured_one(runner):
    """Every other address is absolute, made from the address that the request used."""
    found = runner.client.get("/plugins/", headers={"host": "localhost:99"}).json()["plugins"]
    assert found[0]["apiRoot"].startswith("http://localhost:99/plugins/")


def test_on_this_machine_nobody_needs_a_key_and_elsewhere_everybody_does(runner):
    """Reading and writing need no key on loopback; elsewhere a key."""
    far = TestClient(runner.client.app, ADDRESS, client=("10.1.2.3", 50000))
    far.portal = runner.client.portal
    assert far.get("/plugins/").status_code == 401
    assert far.post(f"{ONE}process/", data={"inputStr": "x"}).status_code == 401
    assert runner.client.post("/v1/actions", json={}).status_code == 401  # our own asks for one
    foreign = {"origin": "https://elsewhere.example.org"}
    answer = runner.client.post(f"{ONE}process/", data={"inputStr": "x"}, headers=foreign)
    assert answer.status_code == 403


def test_the_configuration_can_open_the_protocol_to_everybody():
    """Elsewhere a key, unless the configuration says otherwise; our own API asks for one still."""
    config = ConfigParser()
    config["qhana"] = {"open": "true"}

    def admitted(path, config):
        scope = {"path": path, "method": "POST", "client": ("10.1.2.3", 50000)}
        return asyncio.run(Access((), *free(config)).admit(scope, Headers()))

    assert admitted("/plugins/greeting@v0-1-0/process/", config).key == ""
    for path, of in (("/v1/actions", config), ("/pluginsx", config), ("/plugins/", ConfigParser())):
        with pytest.raises(FaultError) as refused:
            admitted(path, of)
        assert refused.value.fault.status == 401
