"""``asimov top``, where there can be no live view."""

from __future__ import annotations

import sys

from tests.refusals import refused


def test_says_what_to_install_where_textual_is_missing(project, asimov, monkeypatch):
    monkeypatch.setitem(sys.modules, "textual", None)
    refused(
        asimov, project, ["top"], "needs the Python package textual", "pip install 'asimov[tui]'"
    )


def test_needs_a_terminal(project, asimov):
    refused(asimov, project, ["top"], "'asimov top' needs a terminal", "'asimov status'")
