"""Text of others, made safe to show, and values that are cut for messages."""

from __future__ import annotations

import ast
import difflib
import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asimov import text
from asimov.errors import AsimovError

SOURCES = Path(text.__file__).parent
UNSAFE = [
    *map(chr, range(0x20)), "\x7f", *map(chr, range(0x80, 0xA0)), "\u061c", "\u200e", "\u200f",
    *map(chr, range(0x2028, 0x202F)), *map(chr, range(0x2066, 0x2070)),
    "\ufeff", "\ud800", "\udcff", "\xad", "\u200b", "\u2060", "\u3164",
    *map(chr, range(0xE0020, 0xE0080, 8)),
]  # fmt: skip


@pytest.mark.parametrize("character", UNSAFE, ids=lambda each: f"{ord(each):04x}")
def test_what_is_unsafe_is_shown_as_an_escape(character):
    shown = text.line(f"a{character}b")
    if character == "\t":
        assert shown == "a\tb"
        return
    assert character not in shown
    assert re.fullmatch(r"a\\(x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|n|r)b", shown)
    kept = character == "\n"
    assert text.block(f"a{character}b") == (f"a{character}b" if kept else shown)


@pytest.mark.parametrize(
    "words", ["naïve café", "中文", "עברית", "👩‍🔬🦊", "µ ≤ 10⁸ m³", "a\u202fb"]
)
def test_ordinary_text_stays(words):
    assert text.line(words) == text.block(words) == words


@given(st.text(st.characters() | st.sampled_from(UNSAFE)))
def test_a_line_is_one_line_of_text_that_any_output_takes(words):
    shown = text.line(words)
    assert not set(shown) & set(UNSAFE) - {"\t"}
    shown.encode()
    assert text.line(shown) == shown


def test_bytes_that_are_no_text_are_escaped():
    assert text.of_bytes(b"a\xff\xc3\xa9") == "a\\xffé"


SPACED = "word 'and \" so on\n"


@given(st.text(min_size=1, max_size=20), st.integers(201, 100_000), st.booleans())
def test_of_a_long_value_200_characters_are_quoted(words, length, as_list):
    value = (words * length)[:length]
    shown = text.quoted([value] if as_list else value)
    assert len(shown) <= 250
    assert "characters)" in shown


@pytest.mark.parametrize("value", ["a" * 200, 5, None, [1, 2], {"a": "é"}, "\x1b"])
def test_a_short_value_is_quoted_whole(value):
    assert text.quoted(value) == repr(value)


def test_a_number_of_more_digits_than_python_writes_is_quoted():
    assert text.quoted(10**5000) == "a value of type int"


@pytest.mark.parametrize("piece", ["x", "word ", "it's ", '"', "'\"", "\\"])
@pytest.mark.parametrize("form", ["there is no {!r} here", "{} can't be", "at {!r}: {!r}"])
def test_no_message_echoes_more_than_200_characters_of_a_value(piece, form):
    value = (piece * 100_000)[:100_000]
    message = str(AsimovError(form.format(value, value)))
    assert len(message) < 1100
    if form != "{} can't be":  # in quotes it is seen where the value ends
        assert longest_echo(value, message) <= 200
    assert not re.search(r"\S{260}", message)


def longest_echo(value: str, message: str) -> int:
    """Return how many characters in a row of a value a message has, at the most 2000."""
    low, high = 0, min(2000, len(value))
    while low < high:
        length = (low + high + 1) // 2
        if any(value[i : i + length] in message for i in range(50)):
            low = length
        else:
            high = length - 1
    return low


@pytest.mark.parametrize("value", ["x" * 300, "x y " * 300, "it's " * 300])
def test_what_was_cut_is_not_cut_again(value):
    message = f"there is no {text.quoted(value)} at {text.short(value)}: {text.quoted([value])}"
    assert text.bounded(message) == message


def test_a_short_message_stays_as_it_is():
    message = "there is no 'x'; did you mean \"y\"? It isn't there. " * 3
    assert text.bounded(message) == message


# --- one way out


#: Who may write to the terminal by other means, and why.
ALLOWED = {
    ("asimov/cli/terminal/output.py", "click.echo"),  # the one way
    ("asimov/cli/terminal/table.py", "Console"),  # its cells are made safe
    ("asimov/cli/terminal/table.py", "console.print"),
    ("asimov/cli/status.py", "Console"),  # as above
    ("asimov/cli/status.py", "Live"),
    ("asimov/cli/terminal/colours.py", "click.style"),  # of states, which `output` then writes
    ("asimov/project/completion.py", "sys.stdout.write"),  # names in the ledger, for the shell
    ("asimov/compat/gone.py", "sys.stderr.write"),  # a sentence of its own
    ("asimov/system/supervision/supervisor.py", "os.write"),  # one line, of a process that has died
    (
        "asimov/pipeline/base.py",
        "print",
    ),  # pipelines' prints are captured, and shown by the one way
    ("asimov/pipeline/node_pipeline.py", "print"),  # as above
    ("asimov/compat/pesummary.py", "print"),
    ("asimov/functions/runner.py", "print"),  # programs of jobs, which write to their logs
    ("asimov/phases/worker.py", "print"),
}
WRITERS = {"print", "echo", "secho", "echo_via_pager", "Console", "Live", "style"}


def test_no_module_writes_to_the_terminal_past_the_one_way():
    found = set()
    for path in SOURCES.rglob("*.py"):
        name = str(path.relative_to(SOURCES.parent))
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and (writer := _writer(node)):
                found.add((name, writer))
    assert found == ALLOWED


def _writer(call: ast.Call) -> str | None:
    """Return by which name a call writes to the terminal; None where it does not, or safely."""
    called = ast.unparse(call.func)
    if called in {f"sys.{s}.{w}" for s in ("stdout", "stderr") for w in ("write", "writelines")}:
        return called
    if called == "os.write" and ast.unparse(call.args[0]) in {"1", "2"}:
        return called
    last = called.rpartition(".")[2]
    if last not in WRITERS or (last == "style" and "click" not in called):
        return None
    safe = last == "print" and call.args and all(
        isinstance(each, ast.Call) and ast.unparse(each.func) in {"text.line", "text.block"}
        for each in call.args
    )  # fmt: skip
    if safe or (last == "print" and called == "Console().print"):
        return None
    return called


def test_lone_surrogates_and_odd_encodings_of_the_terminal_end_no_command(tmp_path):
    import subprocess
    import sys

    ran = subprocess.run(
        [sys.executable, "-m", "asimov", "init", "é\udcff中", "--root", str(tmp_path / "p")],
        env={**os.environ, "PYTHONIOENCODING": "ascii"}, capture_output=True, check=False,
    )  # fmt: skip
    assert b"bug in asimov" not in ran.stderr, ran
    assert ran.stdout.isascii()


@pytest.mark.parametrize("cutoff", [0.3, 0.6, 0.9])
def test_the_nearest_name_is_found_however_much_longer_the_given_one_is(cutoff):
    known = ["ready", "running"]
    for length in range(60):
        name = "running" + "x" * length
        expected = difflib.get_close_matches(name, known, 1, cutoff)
        assert text.nearest(name, known, cutoff) == (expected[0] if expected else None)
    assert text.nearest("x" * 10**6, known, cutoff) is None
