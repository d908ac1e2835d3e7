"""``asimov report``."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest

from tests.refusals import is_clear, refused

TEXT = (
    "kind: subject\nname: s\nanalyses:\n- {name: a, pipeline: command}\n"
    "- {name: b, pipeline: simpletestpipeline, needs: [a]}\n---\n"
    "kind: projectanalysis\nname: p\npipeline: command\n"
)


def test_status_is_name_pipeline_and_state_under_the_subject(project, asimov, blueprint):
    assert asimov("report", "status").out == ""
    assert asimov("apply", "-f", blueprint(TEXT)).code == 0
    assert asimov("report", "status").out.splitlines() == [
        "project-analyses",
        "  p command ready",
        "s",
        "  a command ready",
        "  b simpletestpipeline ready  (a is ready)",
    ] or asimov("report", "status").out.splitlines() == [
        "s",
        "  a command ready",
        "  b simpletestpipeline ready  (a is ready)",
        "project-analyses",
        "  p command ready",
    ]
    assert asimov("report", "status", "s").out.startswith("s\n  a command ready\n")


def test_status_lists_subjects_without_analyses(project, asimov, blueprint):
    text = "kind: subject\nname: empty\n---\n" + TEXT + "---\nkind: subject\nname: last\n"
    assert asimov("apply", "-f", blueprint(text)).code == 0
    lines = asimov("report", "status").out.splitlines()
    assert sorted(lines) == sorted(
        [
            "empty  (no analyses)",
            "s",
            "  a command ready",
            "  b simpletestpipeline ready  (a is ready)",
            "last  (no analyses)",
            "project-analyses",
            "  p command ready",
        ]
    )
    assert lines[lines.index("s") + 1].startswith("  a command ready")
    assert asimov("report", "status", "empty").out == "empty  (no analyses)\n"
    assert asimov("report", "status", "s").out.startswith("s\n  a command ready\n")


def test_a_typo(project, asimov, blueprint):
    assert asimov("apply", "-f", blueprint(TEXT)).code == 0
    refused(asimov, project, ["report", "status", "ss"], "no subject 'ss'; did you mean 's'?")


# --- html


@pytest.fixture
def pages(project, asimov):
    """Make the report; returns a page's text by its name."""

    def run(*arguments):
        ran = asimov("report", "html", *arguments)
        assert ran.code == 0, ran
        assert ran.err == ""
        return {path.name: path.read_text() for path in (project / "pages").glob("*.html")}

    return run


class Page(HTMLParser):
    """What a page holds: its elements, its text, and whether each element is closed."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.words = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "link", "col", "input", "img", "br"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def test_html_has_an_index_and_a_page_for_each_subject_and_analysis(
    project, asimov, blueprint, pages
):
    text = TEXT.replace(
        "pipeline: command}", "pipeline: command, comment: the first, status: wait}", 1
    )
    assert asimov("apply", "-f", blueprint(text)).code == 0
    asimov("review", "add", "s", "a", "rejected", "-m", "not yet")
    ran = asimov("report", "html")
    assert ran.out == f"Wrote 6 pages; start at {project / 'pages' / 'index.html'}\n"
    made = pages()
    assert set(made) == {
        "index.html", "subject-s.html", "subject-project-analyses.html", "analysis-s!a.html",
        "analysis-s!b.html", "analysis-project-analyses!p.html",
    }  # fmt: skip
    assert not any(Page(text).open for text in made.values())
    index = Page(made["index.html"])
    for each in (
        "3 analyses of 1 subject", "wait s/ a command", "a person the first",
        "ready s/ b simpletestpipeline", "project-analyses",
    ):  # fmt: skip
        assert each in index.text, each
    assert "What needs what" in Page(made["subject-s.html"]).text
    page = Page(made["analysis-s!a.html"])
    for each in ("the first", "rejected not yet", "a wait rejected"):
        assert each in page.text, each
    assert "Needs a" in Page(made["analysis-s!b.html"]).text


def test_every_link_inside_the_report_leads_somewhere(project, asimov, blueprint, pages):
    assert asimov("apply", "-f", blueprint(TEXT)).code == 0
    made = {name: Page(text) for name, text in pages().items()}
    ids = {name: {attrs.get("id") for _, attrs in page.tags} for name, page in made.items()}
    links = [
        (name, attrs["href"]) for name, page in made.items() for _, attrs in page.tags
        if "href" in attrs
    ]  # fmt: skip
    assert len(links) > 10
    for name, href in links:
        if href.startswith("data:"):
            continue
        file, _, anchor = href.partition("#")
        assert not anchor or unquote(anchor) in ids[unquote(file) or name], href
        assert unquote(file) in {"", *made}, href


def test_html_needs_no_network_and_runs_without_scripts(project, asimov, blueprint, pages):
    assert asimov("apply", "-f", blueprint(TEXT)).code == 0
    for text in pages().values():
        assert not re.search(r"(src|href)\s*=\s*[\"']?(https?:)?//", text)
        assert "@import" not in text
        page = Page(text)
        assert ("html", {"lang": "en"}) in page.tags
        assert all("hidden" in attrs for tag, attrs in page.tags if tag == "form")


def test_what_people_write_is_text_and_no_html(project, asimov, blueprint, pages):
    evil = "<script>alert(1)</script><b>&amp;"
    path = blueprint(
        json.dumps(
            {
                "kind": "subject",
                "name": "s",
                "analyses": [
                    {
                        "name": "a",
                        "pipeline": "command",
                        "comment": evil,
                        "labels": {"quality": evil},
                        "needs": [evil],
                    }
                ],
            }
        )
    )
    assert asimov("apply", "-f", path).code == 0
    asimov("review", "add", "s", "a", "-m", evil)
    asimov("configuration", "update", "project/name", evil)
    for text in pages().values():
        assert evil not in text
        assert "alert(1)&lt;/script&gt;" in text
        assert [tag for tag, _ in Page(text).tags].count("script") == 1


def test_html_of_one_subject_makes_its_page_and_the_index_anew(project, asimov, blueprint, pages):
    assert asimov("apply", "-f", blueprint(TEXT + "---\n{kind: subject, name: t}\n")).code == 0
    first = pages()
    asimov("production", "set", "s", "a", "--status", "cancelled")
    second = pages("t")
    assert second["subject-s.html"] == first["subject-s.html"]
    assert "cancelled" in second["index.html"]
    assert "cancelled" in pages("s")["subject-s.html"]
    refused(asimov, project, ["report", "html", "ss"], "no subject 'ss'; did you mean 's'?")


def test_html_goes_where_it_is_asked_to_or_configured(project, asimov, blueprint, tmp_path):
    assert asimov("apply", "-f", blueprint(TEXT)).code == 0
    assert asimov("report", "html", "--location", tmp_path / "web").code == 0
    assert (tmp_path / "web" / "index.html").exists()
    assert not (project / "pages" / "index.html").exists()
    asimov("configuration", "update", "general/webroot", "site")
    assert asimov("report", "html").code == 0
    assert (project / "site" / "index.html").exists()


def test_pages_of_what_is_gone_go_and_no_others(project, asimov, blueprint, pages):
    assert asimov("apply", "-f", blueprint(TEXT + "---\n{kind: subject, name: t}\n")).code == 0
    (project / "pages").mkdir(exist_ok=True)
    (project / "pages" / "subject-mine.html").write_text("<p>mine</p>")
    made = pages()
    assert "subject-t.html" in made
    (project / "pages" / "analysis-t!a.html").write_text(made["analysis-s!a.html"])
    (project / "ledger" / "subjects" / "t.yaml").unlink()
    made = pages()
    assert not {"subject-t.html", "analysis-t!a.html"} & set(made)
    assert made["subject-mine.html"] == "<p>mine</p>"


def test_html_of_an_empty_project_and_of_a_broken_file(project, asimov, blueprint, pages):
    assert "No analyses yet" in Page(pages()["index.html"]).text
    assert asimov("apply", "-f", blueprint(TEXT)).code == 0
    file = project / "ledger" / "subjects" / "s.yaml"
    file.write_text(file.read_text() + "  : [\n")
    ran = asimov("report", "html")
    assert ran.code == 0, ran
    assert "is not valid YAML" in Page((project / "pages" / "index.html").read_text()).text


def test_a_page_that_can_not_be_written_is_one_line(project, asimov, blueprint):
    assert asimov("apply", "-f", blueprint(TEXT)).code == 0
    (project / "file").write_text("")
    refused(asimov, project, ["report", "html", "--location", "file/web"], "can't be written")


# --- graph


def test_graph_tells_who_needs_whom(project, asimov, blueprint):
    assert "No analyses yet" in asimov("report", "graph").out
    assert asimov("apply", "-f", blueprint(TEXT)).code == 0
    assert asimov("report", "graph", "s").out.splitlines() == [
        "s",
        "  a  ready",
        "  b  ready  <- a",
    ]
    told = json.loads(asimov("report", "graph", "--format", "json").out)
    assert [node["id"] for node in told["nodes"]] == ["s/a", "s/b", "project-analyses/p"]
    assert told["edges"] == [{"from": "s/a", "to": "s/b", "used": True, "assets": []}]


def test_graph_for_graphviz(project, asimov, blueprint):
    text = TEXT + '---\n{kind: analysis, event: s, name: c, pipeline: command, analyses: ["!b"], '
    assert asimov("apply", "-f", blueprint(text + "needs: [b]}\n")).code == 0
    lines = asimov("report", "graph", "-f", "dot").out.splitlines()
    assert (lines[0], lines[-1]) == ("digraph analyses {", "}")
    assert '  "s/a" -> "s/b";' in lines
    assert '  "s/b" -> "s/c" [style=dashed];' in lines
    assert any('[label="a\\ncommand, ready"' in line for line in lines)


def test_graph_and_typos(project, asimov, blueprint):
    assert asimov("apply", "-f", blueprint(TEXT)).code == 0
    refused(asimov, project, ["report", "graph", "ss"], "no subject 'ss'; did you mean 's'?")
    is_clear(asimov("report", "graph", "--format", "svg"), "'svg' is not one of", code=2)
    is_clear(asimov("report", "htm"), "there is no command 'htm'", code=2)
