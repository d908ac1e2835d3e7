"""The question of an analysis on its page."""

from __future__ import annotations

from typing import Annotated

from asimov.pipeline.questions import Question
from asimov.server.dashboard.pages import Pages
from asimov.settings import BaseSettings, Setting
from tests.lab import lab, simple

__all__ = ["lab", "simple"]


class Start(BaseSettings):
    level: Annotated[float, Setting("Where the <b>noise</b> begins.", ge=0)]


START = Question("start", "Where does it <i>begin</i>?", Start)


def test_an_analysis_that_asks_has_a_form_with_what_it_asks_for(lab, simple):
    class Asking(simple):
        name = "asking"

        def questions(self):
            return [START]

    lab.register("asking", Asking)
    lab.apply("a, pipeline: asking")
    lab.run("manage", "build", "submit")
    page = Pages(lab.root).analysis("s", "a")
    assert "Where does it &lt;i&gt;begin&lt;/i&gt;?" in page
    assert '<input name="level"' in page
    assert "Where the &lt;b&gt;noise&lt;/b&gt; begins." in page
