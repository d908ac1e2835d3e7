"""The matching language of ``needs``."""

from __future__ import annotations

import pytest

from asimov.errors import AsimovError
from asimov.ledger.needs import Candidates, parse, select

#: The analyses of one subject, and what each has at each path.
SETTINGS = {
    "prod0": {
        "pipeline": "Bilby", "status": "finished", "waveform.approximant": "IMRPhenomXPHM",
        "labels": {"quality": 3, "Grade": "b", "plain": None}, "review.status": "approved",
        "x": True, "n": 20, "l": ["H1", "L1"],
    },
    "prod1": {
        "pipeline": "bayeswave", "status": "running", "waveform.approximant": "imrphenomxphm",
        "labels": ["Good", "old"], "n": 20.0,
    },
    "Prod1": {"pipeline": "bayeswave", "status": "stuck", "labels": "good", "x": False},
    "itself": {"pipeline": "bilby", "status": "ready"},
}  # fmt: skip
KEYS = [("s", name) for name in SETTINGS]
ELSEWHERE = {("t", "prod0"), ("project-analyses", "p")}


def value(key, path):
    return key[1] if path == "name" else SETTINGS[key[1]].get(path)


def chosen(needs):
    candidates = Candidates(KEYS, value)
    known = set(KEYS) | ELSEWHERE
    return select(parse(needs), candidates, ("s", "itself"), known.__contains__)


@pytest.mark.parametrize(
    ("needs", "names"),
    [
        # names
        (["prod0"], "prod0"),
        (["name: prod0"], "prod0"),
        ([{"name": "prod0"}], "prod0"),
        (["prod1"], "prod1"),  # two files differ in case, and so do two analyses
        (["Prod1"], "Prod1"),
        (["prod1", "prod0", "prod1"], "prod1 prod0"),
        (["t/prod0"], "t/prod0"),
        ([{"name": "t/prod0"}], "t/prod0"),
        (["project-analyses/p"], "project-analyses/p"),
        (["s/prod0"], "prod0"),
        # attributes, as text and as a mapping, in lower case
        (["pipeline: bilby"], "prod0"),
        ([{"pipeline": "BILBY"}], "prod0"),
        (["pipeline:bayeswave"], "prod1 Prod1"),
        ([{"status": "finished"}], "prod0"),
        ([{"status": "Complete"}], "prod0"),  # the older word
        (["status: !complete"], "prod1 Prod1"),
        (["waveform.approximant: IMRPhenomXPHM"], "prod0 prod1"),
        ([{"review.status": "approved"}], "prod0"),
        ([{"n": 20}], "prod0"),
        (["n: 20"], "prod0"),
        ([{"n": "20.0"}], "prod1"),
        ([{"x": True}], "prod0"),
        (["x: true"], "prod0"),
        (["x: FALSE"], "Prod1"),
        ([{"x": None}], "prod1"),
        # negation
        ([{"name": "!prod0"}], "prod1 Prod1"),
        (["!prod0"], "prod1 Prod1"),
        ([{"pipeline": "!bilby"}], "prod1 Prod1"),
        ([{"pipeline": "! bilby"}], "prod1 Prod1"),
        (["status: !stuck"], "prod0 prod1"),
        (["label: !good"], "prod0"),
        # a nested list, or a mapping of several, is an and; the list is an or
        ([["pipeline: bayeswave", "status: stuck"]], "Prod1"),
        ([[{"pipeline": "bayeswave"}, {"status": "!stuck"}]], "prod1"),
        ([{"pipeline": "bayeswave", "status": "running"}], "prod1"),
        ([["prod0", "pipeline: bilby"]], "prod0"),
        ([["pipeline: bilby"], "prod1"], "prod0 prod1"),
        ([["t/prod0", "name: t/prod0"]], "t/prod0"),
        # labels
        (["label: good"], "prod1 Prod1"),
        ([{"label": "OLD"}], "prod1"),
        ([{"labels": "quality"}], "prod0"),
        (["label: plain"], "prod0"),
        (["label: quality >= 3"], "prod0"),
        (["label: quality>=3"], "prod0"),
        (["label: Quality <= 3.0"], "prod0"),
        (["label: quality == 3"], "prod0"),
        (["label: quality = 3"], "prod0"),
        (["label: quality > 2"], "prod0"),
        (["label: quality < 10"], "prod0"),  # as numbers, not as text
        (["label: quality != 4"], "prod0"),
        (["label: grade = B"], "prod0"),
        ([["label: quality > 2", "pipeline: bilby"]], "prod0"),
        # optional, where it matches
        ([{"name": "prod0", "optional": True}], "prod0"),
        ([["prod0", {"optional": True}]], "prod0"),
        ([], ""),
        (None, ""),
    ],
)  # fmt: skip
def test_what_is_selected(needs, names):
    selection = chosen(needs)
    told = [name if subject == "s" else f"{subject}/{name}" for subject, name in selection.keys]
    assert told == names.split()
    assert selection.unmatched == ()


@pytest.mark.parametrize(
    ("needs", "unmatched"),
    [
        (["nobody"], "nobody"),
        (["PROD0"], "PROD0"),
        (["u/prod0"], "u/prod0"),
        (["t/nobody"], "t/nobody"),
        (["itself"], "itself"),  # never
        (["s/itself"], "s/itself"),
        (["status: ready"], "status: ready"),  # only it itself is
        (["pipeline: bil"], "pipeline: bil"),
        (["label: quality > 3"], "label: quality > 3"),
        (["label: quality != 3"], "label: quality != 3"),
        (["label: good > 1"], "label: good > 1"),
        (["label: nolabel"], "label: nolabel"),
        ([["prod0", "prod1"]], "prod0 and prod1"),
        ([["pipeline: bilby", {"status": "!finished"}]], "pipeline: bilby and status: !finished"),
        ([["t/prod0", "pipeline: bilby"]], "t/prod0 and pipeline: bilby"),
        (["no.such.path: 1"], "no.such.path: 1"),
        ([{"name": "nobody", "optional": False}], "nobody"),
    ],
)
def test_an_item_that_selects_nothing_is_told(needs, unmatched):
    selection = chosen([*needs, "prod0"])
    assert selection.keys == (("s", "prod0"),)
    assert [str(need) for need in selection.unmatched] == [unmatched]


@pytest.mark.parametrize(
    "needs", [[{"name": "nobody", "optional": True}], [["nobody", {"optional": True}]]]
)
def test_an_optional_item_may_select_nothing(needs):
    selection = chosen(needs)
    assert (selection.keys, selection.unmatched) == ((), ())


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ({}, "an item of 'needs' is empty"),
        ([], "an item of 'needs' is empty"),
        ({"optional": True}, "an item of 'needs' is empty"),
        (5, "an item of 'needs' should be text or a mapping, not 5"),
        ([["a"]], "an item of 'needs' should be text or a mapping, not ['a']"),
        ({"x": [1]}, "the value of 'x' in 'needs' should be text or a number"),
        ({"x": {"y": 1}}, "the value of 'x' in 'needs' should be text or a number"),
        ({"x": 1, "optional": "yes"}, "optional should be true or false, not 'yes'"),
    ],
)
def test_what_is_not_in_the_language_is_refused(item, said):
    with pytest.raises(AsimovError) as told:
        parse([item])
    assert said in str(told.value)


def test_selection_is_linear():
    keys = [("s", f"a{number}") for number in range(10_000)]
    asked = []

    def counted(key, path):
        asked.append(path)
        return int(key[1][1:]) % 100 if path == "x" else key[1]

    candidates = Candidates(keys, counted)
    for number, key in enumerate(keys):
        needs = parse([f"a{number - 1}", [{"x": number % 100}, f"name: a{number}"]])
        selection = select(needs, candidates, key, keys.__contains__)
        assert len(selection.keys) == (1 if number else 0)
    # Once for each analysis and path, though ten thousand have asked.
    assert len(asked) == 2 * len(keys)
