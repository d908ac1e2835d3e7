"""What published pipelines give to ``asimov report html``, and what users' scripts read of it."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from asimov import config
from tests.refusals import is_clear


def page_of(lab, name):
    return (lab.root / "pages" / f"analysis-s!{name}.html").read_text()


@pytest.fixture
def report(lab):
    """Finish the analyses of a pipeline and report; returns the text of the page of a."""

    def make(pipeline, *analyses):
        lab.register("published", pipeline)
        lab.apply(*(analyses or ["a, pipeline: published"]))
        lab.finish()
        lab.run("report", "html")
        return page_of(lab, "a")

    return make


def test_html_is_shown_as_it_is_and_links_are_relative_to_the_folder_of_reports(report, simple):
    class Published(simple):
        name = "published"

        def html(self):
            out = ""
            pages = os.path.join(self.production.event.name, self.production.name)  # noqa: PTH118
            if self.production.status in {"finished", "uploaded"}:
                out += '<div class="asimov-pipeline">'
                out += f'<p><a href="{pages}/home.html">Summary Pages</a></p>'
                out += f'<img height=200 src="{pages}/plots/psd.png"</src>'
                out += "</div>"
            return out

        def result_pages(self):
            return [("Posterior", f"{self.production.event.name}/{self.production.name}/p.html")]

    page = report(Published)
    assert '<p><a href="s/a/home.html">Summary Pages</a></p>' in page
    assert '<img height=200 src="s/a/plots/psd.png"</src></div>' in page
    assert '<a href="s/a/p.html">Posterior</a>' in page


def test_html_may_copy_pages_to_the_web_folder(report, simple, lab):
    class Published(simple):
        name = "published"

        def html(self):
            project = self.production
            webdir = Path(config.get("project", "root"), config.get("general", "webroot"))
            webdir = webdir / project.event.name / project.name
            webdir.mkdir(parents=True, exist_ok=True)
            for path in Path(project.rundir).iterdir():
                shutil.copy(path, webdir)
            return f"<pre>{sorted(path.name for path in webdir.iterdir())}</pre>"

    page = report(Published)
    assert "<pre>[" in page
    assert list((lab.root / "pages" / "s" / "a").iterdir())


@pytest.mark.parametrize(
    ("method", "does", "said"),
    [
        ("html", "raise ValueError('no <plots> yet')", "html raised ValueError: no &lt;plots&gt;"),
        ("html", "raise SystemExit(3)", "published.html raised SystemExit: 3"),
        ("html", "raise KeyboardInterrupt", "published.html raised KeyboardInterrupt"),
        ("html", "return 3", "published.html returned int, not text"),
        ("html", "time.sleep(60)", "published.html did not return within 0.3 s"),
        ("result_pages", "raise OSError('gone')", "result_pages raised OSError: gone"),
        (
            "result_pages",
            "yield 'a.html'; raise OSError('gone')",
            "result_pages raised OSError: gone",
        ),
        ("result_pages", "return map(int, ['x'])", "result_pages raised ValueError"),
        ("result_pages", "return 3", "result pages can&#39;t be 3"),
        ("result_pages", "return ['javascript:x']", "is not the address of a page"),
        ("__init__", "raise RuntimeError('no')", "published.__init__ raised RuntimeError: no"),
    ],
)
def test_one_that_raises_has_a_line_in_its_place_and_the_rest_is_there(
    lab, simple, method, does, said
):
    space: dict[str, object] = {}
    exec(f"import time\ndef method(self, *arguments):\n    {does}\n", space)
    own = {"name": "published", "html": lambda self: "<i>mine</i>"}

    class Other(simple):
        name = "other"

        def html(self):
            return "<i>other</i>"

    lab.register("other", Other)
    lab.register("published", type("Published", (simple,), own))
    lab.apply("a, pipeline: published", "b, pipeline: other")
    for name in "ab":
        lab.run("production", "set", "s", name, "--status", "finished")
    lab.register("published", type("Published", (simple,), {**own, method: space["method"]}))
    if "sleep" in does:
        lab.run("configuration", "update", "monitor/hook timeout", "0.3")
    states = lab.states()
    assert lab.run("report", "html").err == ""
    page = page_of(lab, "a")
    assert re.search(rf'<p class="fault">.*{re.escape(said)}', page)
    assert '<section class="card" id="events"' in page  # the last part of a page
    other = page_of(lab, "b")
    assert "<i>other</i>" in other
    assert '<p class="fault">' not in other
    assert ("<i>mine</i>" in page) == (method == "result_pages")
    assert lab.states() == states  # what goes wrong in a report is no fault of the analysis


def test_a_package_that_can_not_be_loaded_is_told_at_its_analyses(lab, simple, report):
    report(type("Published", (simple,), {"name": "published", "html": lambda self: "x"}))

    def load():
        raise ImportError("no such library")

    lab.register("published", None)
    lab._pipelines["published"].load = load
    assert lab.run("report", "html").err == ""
    said = "can&#39;t be loaded: ImportError: no such library"
    assert re.search(rf'<p class="fault">.*{re.escape(said)}', page_of(lab, "a"))


def test_what_it_prints_and_where_it_goes_stays_its_own(lab, simple, report):
    class Published(simple):
        name = "published"

        def html(self):
            print("noise on", "stdout")
            print("noise", file=sys.stderr)
            os.chdir("/")
            return "<b>here</b>"

    assert "<b>here</b>" in report(Published)
    before = Path.cwd()
    ran = lab.run("report", "html")
    assert "noise" not in ran.out + ran.err
    assert ran.out.startswith("Wrote ")
    assert Path.cwd() == before
    assert "noise on stdout" in "".join(path.read_text() for path in (lab.root / "logs").iterdir())


def test_what_it_leaves_open_ends_with_it(lab, report, simple):
    class Published(simple):
        name = "published"

        def html(self):
            return f"<table><tr><td>{self.production.name}</div></body></html>"

    report(Published, "a, pipeline: published", "b, pipeline: published")
    for name in "ab":
        page = page_of(lab, name)
        assert f"<table><tr><td>{name}</td></tr></table>" in page
        assert page.count("</html>") == 1


def test_what_it_writes_to_the_settings_in_a_report_is_not_kept(lab, report, simple):
    class Published(simple):
        name = "published"

        def html(self):
            self.production.meta["seen"] = True
            self.production.status = "stuck"
            return ""

    report(Published)
    assert "seen" not in lab.open().settings(("s", "a"))
    assert lab.states() == {"a": "uploaded"}


def test_one_that_has_not_started_or_has_nothing_to_show_is_not_made(lab, report, simple):
    made = []

    class Published(simple):
        name = "published"

        def __init__(self, *arguments):
            made.append(arguments[0].name)
            super().__init__(*arguments)

        def html(self):
            return "<b>shown</b>"

    class Silent(Published):
        name = "silent"
        html = simple.html

    lab.register("silent", Silent)
    report(
        Published,
        "a, pipeline: published",
        "b, pipeline: silent",
        "c, pipeline: published, status: wait",
    )
    made.clear()
    lab.run("report", "html")
    assert made == ["a"]


def test_status_is_a_line_an_analysis_with_name_pipeline_and_status_in_that_order(lab, simple):
    lab.register("published", type("Published", (simple,), {"name": "published"}))
    lab.apply("Prod0, pipeline: published", "Prod1, pipeline: published, status: wait")
    lines = [line.split() for line in lab.run("report", "status").out.splitlines()]
    assert ["Prod0", "published", "ready"] in lines
    assert ["Prod1", "published", "wait"] in [line[:3] for line in lines]


TEXT = (
    "kind: subject\nname: s\nanalyses:\n- {name: a, pipeline: command}\n"
    "- {name: b, pipeline: simpletestpipeline, needs: [a]}\n---\n"
    "{kind: subject, name: t}\n"
)


def test_the_ledger_is_printed_in_the_older_layout(project, asimov, blueprint, tmp_path):
    assert asimov("apply", "-f", blueprint(TEXT)).code == 0
    shown = yaml.safe_load(asimov("report", "ledger").out)
    assert [each["name"] for each in shown] == ["s", "t"]
    assert [next(iter(each)) for each in shown[0]["productions"]] == ["a", "b"]
    assert shown[0]["productions"][1]["b"]["status"] == "ready"
    (only,) = yaml.safe_load(asimov("report", "ledger", "t").out)
    assert only["name"] == "t"
    file = tmp_path / "ledger.yaml"
    ran = asimov("report", "ledger", "--yaml", file)
    assert (ran.code, ran.out) == (0, f"Wrote 2 subjects to {file}\n")
    assert yaml.safe_load(file.read_text()) == shown
    is_clear(asimov("report", "ledger", "tt"), "there is no subject 'tt'")
