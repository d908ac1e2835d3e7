"""Where pages are."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

from asimov.journal.keys import Key
from asimov.report.links import Served, Static, page_of_analysis


def test_every_analysis_has_a_page_of_its_own_whose_name_a_file_may_have():
    long = [Key("s" * 200, "n" * 199 + each) for each in "ab"]
    names = {page_of_analysis(key) for key in (*long, Key("s-a", "b"), Key("s", "a-b"))}
    assert len(names) == 4
    assert max(len(each) for each in names) < 255
    assert page_of_analysis(Key("s", "a")) == "analysis-s!a.html"


def test_addresses_can_stand_in_html_and_lead_back_to_the_names():
    key = Key("s", "a,b~c+d=e@f")
    for links in (Served(), Static(Path("/pages"))):
        address = links.analysis(key)
        assert not set("\"'<>& ") & set(address)
        assert "a,b~c+d=e@f" in unquote(address)
    assert Served().overview(q="a&b") == "/?q=a%26b"
    assert Static(Path("/project/pages")).log(key, "x", Path("/project/w/a b")) == "../w/a%20b"
