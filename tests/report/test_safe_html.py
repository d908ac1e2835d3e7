"""HTML and addresses of pipelines, made harmless to the rest of a page."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest

from asimov.errors import AsimovError
from asimov.report.safe_html import safe_fragment, safe_links


@pytest.mark.parametrize(
    ("html", "becomes"),
    [
        ("", ""),
        ("plain & <b>bold</b> &amp; &#60;", "plain & <b>bold</b> &amp; &#60;"),
        ('<p class="x">a<br>b<img src="y.png"></p>', '<p class="x">a<br>b<img src="y.png"></p>'),
        # what is open is closed, and nothing else
        ("<div><p>a", "<div><p>a</p></div>"),
        ("a</div></section>", "a"),
        ("<div><b>a</div>b", "<div><b>a</b></div>b"),
        ("<b><i>a</b></i>", "<b><i>a</i></b>"),
        ("<table><tr><td>1", "<table><tr><td>1</td></tr></table>"),
        ("<div/>a", "<div></div>a"),
        ("<br/>a", "<br>a"),
        # as a published package writes it
        ('<img height=200 src="a.png"</src>', '<img height=200 src="a.png"</src>'),
        # what only a page has
        ("<html><head><title>t</title></head><body>a</body></html>", "ta"),
        ("<base href='/'><plaintext>a", "a"),
        # text that only looks like a tag
        ("1 < 2", "1 &lt; 2"),
        # scripts are a pipeline's own matter, but end where they end
        ("<script>if (a < b) c()</script>", "<script>if (a < b) c()</script>"),
        ("a<!-- b -->c", "ac"),
    ],
)
def test_a_fragment_is_closed(html, becomes):
    assert safe_fragment(html) == becomes


def test_a_script_that_is_left_open_ends_with_the_fragment():
    assert safe_fragment("<p><script>a()").endswith("</script></p>")


@pytest.mark.parametrize(
    "html", ["<div", "<div class='", "<!-- open", "<!doctype html", "<![CDATA[ x", "</", "<", "&"]
)
def test_what_is_cut_short_opens_nothing(html):
    class Seen(HTMLParser):
        tags: list[str] = []  # noqa: RUF012

        def handle_starttag(self, tag, attrs):
            self.tags.append(tag)

    page = Seen()
    page.feed(f"<main>{safe_fragment(html)}<p>after</p></main>")
    assert page.tags == ["main", "p"]
    Seen.tags.clear()


ROOT = Path("/project/pages")


@pytest.mark.parametrize(
    ("pages", "found"),
    [
        (None, []),
        ([], []),
        ("s/a/home.html", [("s/a/home.html", "s/a/home.html")]),
        ([("Summary", "s/a/home.html")], [("Summary", "s/a/home.html")]),
        (["a.html", Path("b.html")], [("a.html", "a.html"), ("b.html", "b.html")]),
        ({"Summary": "https://example.org/x?y#z"}, [("Summary", "https://example.org/x?y#z")]),
        ([("Here", "/project/pages/s/a.html")], [("Here", "s/a.html")]),
        ([("There", "/home/ada/x.html")], [("There", "/home/ada/x.html")]),
    ],
)
def test_pages_are_told_in_several_ways(pages, found):
    assert safe_links(pages, ROOT) == found


@pytest.mark.parametrize("pages", [3, [3], [("a", "b", "c")], object()])
def test_what_is_no_page_is_refused(pages):
    with pytest.raises(AsimovError, match="result pages can't be"):
        safe_links(pages, ROOT)


@pytest.mark.parametrize("address", ["javascript:alert(1)", "JavaScript:x", "data:text/html,x"])
def test_an_address_leads_to_no_script(address):
    with pytest.raises(AsimovError, match="is not the address of a page"):
        safe_links([("a", address)], ROOT)


@pytest.mark.parametrize("reference", ["&#x202e;", "&#8238;", "&rlm;", "&#x202E ", "&lrm;"])
def test_a_reference_to_an_unsafe_character_is_shown(reference):
    text = safe_fragment(f"<b title='{reference}'>{reference}</b>")
    assert "\\u20" in text
    assert "&" not in text


def test_other_references_stay():
    assert (
        safe_fragment("<b>&lt;&eacute;&#233;&nbsp;a & b</b>")
        == "<b>&lt;&eacute;&#233;&nbsp;a & b</b>"
    )
