"""The dashboard's pages: what they show, that text stays text, what browsers may do with them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from asimov.journal.keys import Key
from asimov.project.storage.store import Store
from asimov.project.workspace import Workspace
from asimov.report.overview import Query, overview
from asimov.server.app import application
from asimov.server.dashboard import pages
from asimov.server.faults import FaultError
from asimov.server.options import Options
from tests.server.conftest import asking_from, made

EVIL = '<script>alert(1)</script>"onmouseover="alert(2)" \x1b[31m\u202e&amp;'
ONE = "/analyses/s/first"
PAGES = [
    "/", "/?state=uploaded", "/?q=first&sort=name", "/?since=1h", "/?outdated=true&subject=s",
    "/changes", "/graph", "/graph?subject=s", ONE, f"{ONE}/why", "/analyses/t/evil",
    f"{ONE}/products/folder/y.txt", f"{ONE}/logs/working/s/first/job.out",
]  # fmt: skip


class Page(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project in which everything that can be text is hostile."""
    more = json.dumps(
        {"kind": "analysis", "event": "t", "name": "evil", "pipeline": "command", "comment": EVIL,
         "executable": EVIL, "labels": {"quality": EVIL}, "status": "wait", "needs": ["other"],
         "outputs": {"y": "y"}}
    )  # fmt: skip
    root = made(tmp_path_factory.mktemp("dashboard") / "project", f"---\n{more}\n")
    workspace, evil = Workspace.open(root), Key("t", "evil")
    workspace.give_reason(evil, "monitor", EVIL)
    workspace.review(evil, EVIL, "rejected", "ada")
    for name, content in {
        "<b>name<img src=x>.txt": EVIL, "table.csv": f"a,{EVIL}\n1,2\n", "data.json": '{"a":[1]}',
        "picture.png": "\x89PNG", "picture.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>",
        "binary.dat": "a\0b",
    }.items():  # fmt: skip
        (root / "product").write_text(content)
        Store(workspace.project.results).add_file(*evil, root / "product", name)
    folder = root / "working" / "t" / "evil"
    folder.mkdir(parents=True)
    (folder / "<i>log.out").write_text(EVIL)
    workspace.journal.close()
    return root


@pytest.fixture(scope="module")
def client(root: Path) -> Iterator[TestClient]:
    """Return a client of its service that asks for pages, as a browser does."""
    options = Options(root, proxies=("10.0.0.1",))
    with TestClient(
        application(options), "http://127.0.0.1:8642", client=("127.0.0.1", 50000),
        headers={"Accept": "text/html"},
    ) as found:  # fmt: skip
        yield found


def page(client: TestClient, address: str) -> Page:
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    return Page(answer.text)


def test_a_log_that_is_a_link_out_of_the_project_is_not_shown_and_the_page_says_so(tmp_path):
    root = made(tmp_path / "project")
    folder = root / "working" / "t" / "other"
    folder.mkdir(parents=True)
    (folder / "job.out").symlink_to("/etc/passwd")
    made_of = pages.Pages(root)
    reason = "working/t/other/job.out is not shown: it is a link that leads out of the project"
    shown = made_of.analysis("t", "other")
    assert reason in shown
    assert "have not written anything yet" not in shown
    with pytest.raises(FaultError, match=reason):
        made_of.log("t", "other", "working/t/other/job.out")


@pytest.mark.parametrize("address", PAGES)
def test_a_page_runs_no_script_but_ours_and_asks_no_other_host(client, address):
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    policy = dict(
        each.strip().split(" ", 1) for each in answer.headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert {policy[each] for each in ("script-src", "style-src", "img-src", "connect-src")} == {
        "'self'"
    }
    found = Page(answer.text)
    assert "style" not in {tag for tag, _ in found.tags}
    for tag, attrs in found.tags:
        assert not any(name.startswith("on") or name == "style" for name in attrs), (tag, attrs)
        for name in ("src", "href", "action"):
            assert re.match(r"[/#?]([^/]|$)", attrs.get(name) or "/"), (tag, attrs)
    assert all(each.get("src") == "/assets/dashboard.js" for each in found.all("script"))


@pytest.mark.parametrize("address", [*PAGES, "/?q=" + "%3Cscript%3Ealert(1)", "/?subject=%3Cb%3E"])
def test_what_people_and_programs_write_stays_text(client, address):
    text = client.get(address).text
    assert "<script>alert" not in text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", text)
    assert not {"i", "img"} & {tag for tag, _ in Page(text).tags} or address == "/analyses/t/evil"


def test_hostile_text_is_shown_as_it_was_written(client):
    found = page(client, "/analyses/t/evil")
    assert found.text.count("<script>alert(1)</script>") >= 5
    assert "\\x1b[31m\\u202e" in found.text
    assert "<b>name<img src=x>.txt" in found.text
    assert "<i>log.out" in found.text
    sources = [each["src"] for each in found.all("img")]
    assert [each and each.rpartition("/")[2] for each in sources] == ["picture.png", "picture.svg"]


def test_the_overview_says_what_there_is_and_what_needs_a_person(client):
    found = page(client, "/")
    assert "4 analyses of 2 subjects" in found.text
    for each in ("uploaded 1", "ready 2", "wait 1"):
        assert each in found.text
    rows = [attrs["value"] for attrs in found.all("input") if attrs.get("name") == "pick"]
    assert set(rows) == {"s/first", "s/second", "t/other", "t/evil"}


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("q=first", {"s/first"}),
        ("q=state:ready", {"s/second", "t/other"}),
        ("state=wait", {"t/evil"}),
        ("pipeline=simpletestpipeline", {"t/other"}),
        ("subject=s&sort=name", {"s/first", "s/second"}),
        ("since=2020-01-01&q=*/first", {"s/first"}),
        ("outdated=true", set()),
        ("page=900&q=first", {"s/first"}),
        ("q=state:nix", set()),
        ("since=whenever", set()),
    ],
)
def test_filters_narrow_the_list(client, query, names):
    found = page(client, f"/?{query}")
    assert {a["value"] for a in found.all("input") if a.get("name") == "pick"} == names
    problem = {"q=state:nix": "no state 'nix'", "since=whenever": "is not a time"}.get(query, "")
    assert problem in found.text


def test_an_analysis_shows_all_that_is_known_of_it(client):
    found = page(client, ONE)
    for each in (
        "uploaded", "its results are stored", "folder/y.txt", "0123456789", "one two three",
        "executable /bin/true subjects/s.yaml", "1 run on local, job 7", "exit code 0",
        "finished → uploaded",
    ):  # fmt: skip
        assert each in found.text, each
    acts = {each["data-act"] for each in found.all("button") if "data-act" in each}
    assert acts == {"restart", "rerun", "set", "review"}
    assert "its results are in" in page(client, f"{ONE}/why").text
    assert page(client, "/analyses/s/second").all("a")


def test_products_are_shown_by_what_they_are(client):
    one = "/analyses/t/evil/products"
    assert page(client, f"{one}/table.csv").all("th")
    assert '"a": [' in page(client, f"{one}/data.json").text
    assert "can be shown" in page(client, f"{one}/binary.dat").text
    assert page(client, f"{one}/picture.png").all("img")
    picture = client.get("/analyses/t/evil/pictures/picture.svg")
    assert picture.headers["content-type"] == "image/svg+xml"
    assert "sandbox" in picture.headers["content-security-policy"]
    assert client.get("/analyses/t/evil/pictures/data.json").status_code == 404


@pytest.mark.parametrize(
    "address",
    ["/analyses/s/none", "/analyses/no/first", f"{ONE}/logs/../../../../etc/passwd", "/nothing",
     f"{ONE}/products/..%2f..%2f.asimov%2fjournal.db", f"{ONE}/pictures/folder/y.txt"],
)  # fmt: skip
def test_what_is_not_there_is_said_on_a_page(client, address):
    answer = client.get(address)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert client.get(address, headers={"Accept": "*/*"}).json()["status"] == 404


def test_a_page_that_has_not_changed_is_not_sent_again(client):
    tag = client.get("/?q=first").headers["etag"]
    assert client.get("/?q=first", headers={"If-None-Match": tag}).status_code == 304


def test_the_graph_leads_to_the_analyses(client):
    links = {each["href"] for each in page(client, "/graph?subject=s").all("a")}
    assert {ONE, "/analyses/s/second"} <= links


def test_changes_are_shown_the_newest_first_a_page_at_a_time(client):
    newest = client.get("/v1/events?limit=1", headers={"Accept": "*/*"}).json()["newest"]
    shown = page(client, "/changes")
    assert "finished → uploaded its results are stored" in shown.text
    times = [each["datetime"] for each in shown.all("time")]
    assert (len(times), times) == (newest, sorted(times, reverse=True))
    assert len(page(client, "/changes?before=3").all("time")) == 2


def test_from_another_machine_pages_need_a_key(client):
    stranger = asking_from(client, "10.0.0.7", Accept="text/html")
    answer = stranger.get("/")
    assert answer.status_code == 401
    assert "Served" not in answer.text
    assert [each for each in Page(answer.text).all("input") if each.get("name") == "key"]
    assert stranger.get("/assets/style.css").status_code == 200


def test_an_overview_is_made_once_for_everybody_who_asks_until_something_changes(root, monkeypatch):
    made_for = []

    def made_now(workspace, query, **known):
        made_for.append(query)
        return overview(workspace, query, **known)

    monkeypatch.setattr(pages, "overview", made_now)
    monkeypatch.setattr(pages.clock, "now", lambda: 1.8e9)
    shown = pages.Pages(root)
    first = shown.overview(Query())
    assert (shown.overview(Query()), len(made_for)) == (first, 1)
    shown.overview(Query(q="first"))
    workspace = Workspace.open(root)
    workspace.journal.note(Key("s", "first"), "ada", "note", "something happened")
    workspace.journal.close()
    shown.overview(Query())
    assert made_for == [Query(), Query(q="first"), Query()]
