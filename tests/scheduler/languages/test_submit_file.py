from __future__ import annotations

import pytest

from asimov.errors import SchedulerError
from asimov.scheduler.jobs import JobDescription
from asimov.scheduler.languages.quoting import inherited, split_arguments, split_environment
from asimov.scheduler.languages.submit_file import describe, parse_submit


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("on_exit_hold = true", "'on_exit_hold' is not supported"),
        ("periodic_remove = true", "'periodic_remove' is not supported"),
        ("max_retries = 3", "'max_retries' is not supported"),
        ("requst_memory = 3", "'requst_memory' is not a submit command"),
        ("requst_memory = 3", "; did you mean 'request_memory'?"),
        ("universe = docker", "the universe 'docker' is not supported"),
        ("if true", "'if' is not supported"),
        ("include : other.sub", "'include' is not supported"),
        ("what is this", "expected 'name = value'"),
        ("queue 3 in (a, b)", "'queue 3 in (a, b)' is not supported"),
        ("queue x from list.txt", "'queue x from list.txt' is not supported"),
        ("queue 10000000000", "'queue 10000000000' is more jobs than the local scheduler accepts"),
        ("queue\nqueue", "a second 'queue'"),
    ],
)
def test_what_is_not_carried_out_is_refused_by_name_and_line(line, message):
    text = f"# first\nexecutable = /bin/true\n{line}\n"
    if "queue" not in line:
        text += "queue\n"
    with pytest.raises(SchedulerError) as raised:
        parse_submit(text, "a.sub").processes()
    number = 4 if line == "queue\nqueue" else 3
    assert str(raised.value).startswith(f"a.sub:{number}: ") and message in str(raised.value)


@pytest.mark.parametrize("macro", ["$$(Memory)", "$RANDOM_CHOICE(1,2)", "$F(executable)"])
def test_macro_functions_are_refused(macro):
    submit = parse_submit(f"executable = x\narguments = {macro}\nqueue\n", "a.sub")
    with pytest.raises(SchedulerError, match=r"a\.sub:2: the macro function"):
        submit.value("arguments", {})


def test_macros_defaults_continuations_and_attributes(monkeypatch):
    monkeypatch.setenv("HERE", "there")
    text = (
        "a = 1\na = $(a)2\n# comment\nexecutable = x\\\n# within\n/y\n"
        "arguments = $(a) $(none:d$(a)) $(gone) $ENV(HERE) $(Process) $(DOLLAR)(a)\n"
        '+Mine = "m"\nMy.Other = 3\nqueue $(a)\n'
    )
    submit = parse_submit(text, "a.sub")
    assert submit.value("executable", {}) == "x/y"
    assert submit.value("arguments", {"process": "7"}) == "12 d12  there 7 $(a)"
    assert submit.value("my.mine", {}) == '"m"' and submit.processes() == 12


def test_macros_that_need_each_other_are_refused():
    submit = parse_submit("a = $(b)\nb = $(a)\nexecutable = x\narguments = $(a)\nqueue", "a.sub")
    with pytest.raises(SchedulerError, match="form a cycle"):
        submit.value("arguments", {})


def test_a_description_is_read_like_a_file():
    submit = describe(JobDescription("x", cpus=2, queue=3, getenv=True))
    assert submit.value("request_cpus", {}) == "2" and submit.processes() == 3
    with pytest.raises(SchedulerError, match="job description: 'on_exit_hold'"):
        describe(JobDescription("x", on_exit_hold="true"))


def test_both_ways_of_writing_arguments():
    assert split_arguments("one  two") == ["one", "two"]
    assert split_arguments('say \\"hi\\"') == ["say", '"hi"']
    assert split_arguments("\"a 'b  c' 'it''s' '' \"\"q\"\" x'y'z\"") == [
        *["a", "b  c", "it's", "", '"q"', "xyz"]
    ]
    for wrong in ('a "b"', '"a', '"a \'b"', '"a" b"'):
        with pytest.raises(ValueError, match="quote"):
            split_arguments(wrong)
    with pytest.raises(ValueError, match="'\"a' starts with a double quote, and needs another one"):
        split_arguments('"a')


def test_both_ways_of_writing_an_environment():
    assert split_environment("A=1;B=x y") == {"A": "1", "B": "x y"}
    assert split_environment("\"A=1 B='x y' C=\"") == {"A": "1", "B": "x y", "C": ""}
    with pytest.raises(ValueError, match="name=value"):
        split_environment("A")
    environ = {"AA": "1", "AB": "2", "B": "3"}
    assert inherited("A*, !AB", environ) == {"AA": "1"}
    assert inherited("True", environ) == environ and inherited("false", environ) == {}
