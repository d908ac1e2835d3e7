"""``asimov configuration``."""

from __future__ import annotations

import json

import pytest

from asimov import configuration
from tests.refusals import is_clear, refused, state


def test_show_lists_everything_that_holds(project, asimov):
    lines = asimov("configuration", "show").out.splitlines()
    assert "scheduler/type = local" in lines
    assert "general/rundir_default = working" in lines
    assert f"project/root = {project}" in lines
    told = json.loads(asimov("configuration", "show", "--json").out)
    assert told["scheduler"]["type"] == "local"


def test_show_one_option(project, asimov):
    assert asimov("configuration", "show", "scheduler/type").out == "local\n"
    assert asimov("configuration", "show", "scheduler/type", "--json").out == '"local"\n'


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("condor/user", "albert.einstein"),
        ("pipelines/environment", "/a path/with = and % and #"),
        ("own section/Own Key", "größe"),
        ("condor/requirements", '(OpSys == "LINUX")'),
        ("a/b", ""),
        ("a/b", "two\nlines"),
        ("a/b", "-1"),
    ],
)
def test_an_update_is_kept_as_it_was_given(project, asimov, option, value):
    ran = asimov("configuration", "update", option, value)
    assert ran.code == 0, ran
    assert asimov("configuration", "show", option).out == f"{value}\n"
    assert asimov("configuration", "show", "scheduler/type").out == "local\n"
    section, key = option.split("/", 1)
    assert configuration.read(project).get(section, key) == value


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("scheduler", "x", "'scheduler' is not a configuration option"),
        ("/type", "x", "'/type' is not a configuration option"),
        ("scheduler/", "x", "use the form SECTION/KEY, such as scheduler/type"),
        ("scheduler/type", "htcondr", "there is no scheduler 'htcondr'; did you mean 'htcondor'?"),
        ("project/root", "/", "move the folder instead"),
        ("project/name", " ", "project/name can't be empty"),
        ("project/id", "", "project/id can't be empty"),
        ("monitor/max active", "2.5", "should be a whole number of at least 0, not '2.5'"),
        ("monitor/max active", "-1", "should be a whole number of at least 0, not '-1'"),
        ("condor/max queued", "inf", "should be a whole number of at least 0, not 'inf'"),
        ("container/runtime", "bublewrap", "no runtime 'bublewrap'; did you mean 'bubblewrap'?"),
        ("monitor/lease", "0.5", "monitor/lease should be a number of at least 1, not '0.5'"),
        ("monitor/hook timeout", "soon", "should be a number of at least 0, not 'soon'"),
        ("monitor/hooks interval", "-1", "should be a number of at least 0, not '-1'"),
        (
            "local/processes",
            "99999999999999999999",
            "should be a whole number of at least 1, not ",
        ),
        ("monitor/interval", "nan", "should be a number of at least 0, not 'nan'"),
        ("local/enforce memory", "maybe", "should be true or false, not 'maybe'"),
        ("local/processes", "", "should be a whole number of at least 1, not ''"),
        ("DEFAULT/x", "1", "the section 'DEFAULT' can't be changed"),
        ("a]\nb/x", "1", "with that value can't be stored in the file"),
        ("a/x\ny", "1", "with that value can't be stored in the file"),
        ("a/x=y", "1", "with that value can't be stored in the file"),
        ("a/#x", "1", "with that value can't be stored in the file"),
        ("a/[x]", "1", "with that value can't be stored in the file"),
    ],
)
def test_what_can_not_be_set_is_refused(project, asimov, option, value, said):
    refused(asimov, project, ["configuration", "update", option, value], said)


def test_a_mistyped_option_is_shown_the_nearest(project, asimov):
    refused(
        asimov, project, ["configuration", "show", "schedular/type"],
        "there is no option 'schedular/type'; did you mean 'scheduler/type'?",
    )  # fmt: skip
    refused(asimov, project, ["configuration", "show", "type"], "use the form SECTION/KEY")
    for misspelt, right in (("scheduler/tpye", "scheduler/type"),
                            ("container/runtim", "container/runtime")):  # fmt: skip
        refused(
            asimov, project, ["configuration", "update", misspelt, "local"],
            f"there is no option {misspelt!r}; did you mean {right!r}?",
        )  # fmt: skip
    assert asimov("configuration", "update", "mine/colour", "blue").code == 0
    ran = asimov("configuration", "update", "mine/color", "red")
    assert ran.code == 0
    assert ran.err == "note: 'mine/color' is an unknown option; did you mean 'mine/colour'?\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name = x\n", ":1: is not a configuration file: it begins without a [section]"),
        ("[a]\nb = 1\nb = 2\n", ":3: is not a configuration file: a section contains an option"),
        ("[a]\n[a]\n", ":2: is not a configuration file: it contains a section twice"),
        ("[a]\njust words\n", ":2: is not a configuration file"),
        (b"[a]\nx = \xff\n", ": is not UTF-8 text"),
    ],
)
def test_a_broken_file_names_itself_and_its_line(project, asimov, text, said):
    file = project / configuration.PROJECT_FILE
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    before = state(project)
    for command in (["show"], ["update", "a/b", "1"]):
        is_clear(asimov("configuration", *command), f"error: {file}{said}")
    assert state(project) == before


def test_a_byte_order_mark_is_no_mistake(project, asimov):
    file = project / configuration.PROJECT_FILE
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    assert asimov("configuration", "show", "scheduler/type").out == "local\n"


def test_the_option_may_be_named_by_an_option(project, asimov):
    for flag in ("-k", "--key"):
        ran = asimov("configuration", "show", flag, "scheduler/type")
        assert (ran.code, ran.out) == (0, "local\n")
    ran = asimov("configuration", "show", "project/id", "-k", "scheduler/type")
    is_clear(ran, "are two different options", code=2)
