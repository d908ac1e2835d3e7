"""What a pipeline has to show, in a frame of its analysis's page."""

from __future__ import annotations

import json

from asimov.server.dashboard.pages import Pages
from asimov.server.reader import Reader
from tests.lab import lab, simple

__all__ = ["lab", "simple"]


def test_html_of_a_pipeline_is_framed_and_that_of_others_has_no_frame(lab, simple):
    class Showing(simple):
        name = "showing"

        def html(self):
            return "<p>seen<script>alert(1)</script>"

        def result_pages(self):
            return {"the <page>": "plots/index.html"}

    lab.register("showing", Showing)
    lab.apply("a, pipeline: showing", "b, pipeline: showing", "c")
    lab.run("production", "set", "s", "a", "--status", "manual")
    lab.run("production", "set", "s", "a", "--status", "uploaded")
    lab.run("production", "set", "s", "c", "--status", "manual")
    lab.run("production", "set", "s", "c", "--status", "uploaded")
    pages = Pages(lab.root)
    assert '<iframe class="own" sandbox' in pages.analysis("s", "a")
    assert 'src="/analyses/s/a/own"' in pages.analysis("s", "a")
    assert "<iframe" not in pages.analysis("s", "b")  # it has not begun
    assert "<iframe" not in pages.analysis("s", "c")
    told = json.loads(Reader(lab.root).own("s", "a"))
    shown = pages.own(told)
    assert "the &lt;page&gt;: plots/index.html" in shown
    assert "<p>seen<script>alert(1)</script></p>" in shown


def test_the_frame_may_run_and_load_nothing(client):
    answer = client.get("/analyses/s/first/own")
    policy = answer.headers["content-security-policy"]
    assert answer.status_code == 200
    assert policy.startswith("sandbox; default-src 'none'")
    assert "script" not in policy
    assert "frame-ancestors 'self'" in policy
