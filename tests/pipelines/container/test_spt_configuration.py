"""Training configurations of SPT's plugins: what is printed, and what is used."""

from __future__ import annotations

import pytest
from asimov.pipelines.container import spt_configuration as ini

from asimov.errors import AsimovError

PRINTED = """
# an example
[general]
random_seed = none
study_name = Example

[cg-gnn]
epochs = 10
random_seed = 3
in_ram = true
merge_rois =
Model = null

[cg-gnn.explain]
method = saliency
"""


def test_nested_sections_and_the_spellings_of_none_are_read() -> None:
    assert ini.parsed(PRINTED, "printed") == {
        "general": {"random_seed": None, "study_name": "Example"},
        "cg-gnn": {
            "epochs": "10", "random_seed": "3", "in_ram": "true", "merge_rois": None,
            "Model": None, "explain": {"method": "saliency"},
        },
    }  # fmt: skip
    assert ini.parsed("", "printed") == {}


@pytest.mark.parametrize(
    ("text", "line"), [("loading...\n[a]\n", 1), ("[a]\nb = 1\nb = 2\n", 3), ("[a]\n[a]\n", 2)]
)
def test_what_is_no_ini_file_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(AsimovError) as refused:
        ini.parsed(text, "print of image")
    assert str(refused.value).startswith(f"print of image, line {line}: is not an INI file")


def test_the_plugin_s_section_is_whichever_it_prints_besides_general() -> None:
    printed = ini.parsed(PRINTED, "")
    assert ini.own_section(printed, None, "other") == "cg-gnn"
    assert ini.own_section({}, None, "other") == "plugin"
    several = {"a": {}, "plugin": {}, "c": {}}
    assert ini.own_section(several, None, "other") == "plugin"
    assert ini.own_section({"a": {}, "c": {}}, None, "c") == "c"
    assert ini.own_section(several, "c", "other") == "c"
    with pytest.raises(AsimovError, match=r"several sections: \[a\], \[c\]"):
        ini.own_section({"a": {}, "c": {}}, None, "other")
    with pytest.raises(AsimovError, match=r"prints no \[cg-gmm\]; did you mean 'cg-gnn'"):
        ini.own_section(printed, "cg-gmm", "other")


def test_an_unknown_setting_is_named_with_the_nearest() -> None:
    section = ini.parsed(PRINTED, "")["cg-gnn"]
    found = [
        *ini.unknown({"epoch": 1}, section, ("settings",)),
        *ini.unknown({"explain": {"metod": 1}}, section, ("settings",)),
        *ini.unknown({"explain": 1}, section, ("settings",)),
        *ini.unknown({"epochs": {"a": 1}}, section, ("settings",)),
    ]
    assert [str(each) for each in found] == [
        "settings: epoch: the image knows no setting 'epoch'; did you mean 'epochs'?",
        "settings: explain: metod: the image knows no setting 'metod'; did you mean 'method'?",
        "settings: explain: should be a mapping, as in the image's own configuration",
        "settings: epochs: should be a single value, as in the image's own configuration",
    ]
    assert not list(ini.unknown({"anything": 1}, {}, ("settings",)))


def test_the_ledger_s_settings_win_over_general_and_that_over_what_is_printed() -> None:
    graph = {"general": {"study_name": "x", "db": "y"}, "graph-generation": {"roi": "1"}}
    used = ini.composed(
        graph,
        ini.parsed(PRINTED, ""),
        "cg-gnn",
        {"random_seed": 7, "study_name": "Mine"},
        {"epochs": 50, "explain": {"method": "ig"}},
    )
    assert used == {
        "general": {"study_name": "Mine", "db": "y", "random_seed": 7},
        "cg-gnn": {
            "epochs": 50, "random_seed": 7, "in_ram": "true", "merge_rois": None, "Model": None,
            "explain": {"method": "ig"},
        },
        "graph-generation": {"roi": "1"},
    }  # fmt: skip
    again = ini.composed({}, ini.parsed(PRINTED, ""), "cg-gnn", {"random_seed": 7},
                         {"random_seed": 8})  # fmt: skip
    assert again["cg-gnn"]["random_seed"] == 8
    assert again["general"]["random_seed"] == 7


def test_a_section_is_made_for_an_image_that_prints_nothing_only_where_something_is_set() -> None:
    assert ini.composed({}, {}, "plugin", {"random_seed": 1}, {}) == {"general": {"random_seed": 1}}
    assert ini.composed({}, {}, "plugin", {}, {"a": 1}) == {"plugin": {"a": 1}}


def test_what_is_written_is_read_again() -> None:
    sections = {
        "general": {"seed": 1, "name": None},
        "p": {"on": True, "rate": 0.5, "list": [1, 2], "text": "a b = c", "q": {"r": {"deep": 1}}},
    }
    text = ini.written(sections)
    assert "[p.q.r]\ndeep = 1\n" in text
    assert "name = none\n" in text
    assert ini.parsed(text, "") == {
        "general": {"seed": "1", "name": None},
        "p": {"on": "true", "rate": "0.5", "list": "1, 2", "text": "a b = c",
              "q": {"r": {"deep": "1"}}},
    }  # fmt: skip


@pytest.mark.parametrize(("key", "value"), [("a", "1\n[b]"), ("a=b", 1), ("", 1), ("[a]", 1)])
def test_what_the_format_can_t_hold_is_refused(key: str, value: object) -> None:
    with pytest.raises(AsimovError, match="can't be written to an INI file"):
        ini.written({"p": {key: value}})
