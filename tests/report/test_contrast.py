"""The colours of the pages: text can be read, and what carries meaning can be told apart (WCAG AA).

The formulas: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
"""

from __future__ import annotations

import re

import pytest

from asimov.engine.status import OF_JOBS
from asimov.report.rendering import FOLDER, kind_of
from asimov.states import OWN

#: Backgrounds on which ordinary text stands.
BACKS = ("back", "card", "hover", "log")
KINDS = ("plain", "active", "done", "bad", "held", "ask", "off")
TEXTS = [
    *((text, back) for text in ("text", "quiet", "link") for back in BACKS),
    *((f"{kind}-text", f"{kind}-back") for kind in KINDS),
    ("main-text", "main"), ("back", "text"),
]  # fmt: skip
#: What is no text, and has to be seen: edges of fields, bars, the focus.
SIGNS = [*(("edge", back) for back in BACKS[:3]), *((kind, "back") for kind in KINDS[:-1]),
         ("focus", "back"), ("focus", "card"), ("active", "rule")]  # fmt: skip


def schemes() -> dict[str, dict[str, str]]:
    """Return the colours of each scheme by their names."""
    style = (FOLDER / "style.css").read_text()
    light, dark = style.split("@media (prefers-color-scheme: dark)")[:2]
    found = {}
    for name, text in (("light", light), ("dark", dark.split("\n}\n")[0])):
        found[name] = dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})", text))
    return found


SCHEMES = schemes()


def luminance(colour: str) -> float:
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_text_stands_out_from_what_is_behind_it(scheme):
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    colours = SCHEMES[scheme]
    found = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in TEXTS}
    assert {pair: ratio for pair, ratio in found.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_bars_edges_and_the_focus_can_be_seen(scheme):
    colours = SCHEMES[scheme]
    found = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in SIGNS}
    assert {pair: ratio for pair, ratio in found.items() if ratio < 3} == {}


def test_both_schemes_have_every_colour_and_every_state_has_one():
    assert SCHEMES["light"].keys() == SCHEMES["dark"].keys()
    assert {kind_of(state) for state in (*OWN, *OF_JOBS)} == set(KINDS)
