"""Ten thousand mutants of blueprints: none is a fault of asimov's own, whatever it holds.

Ten thousand is the most: a time limit ends the search before, and ``make test-long`` (with
``ASIMOV_SEARCH=20``) has them all tried. The seed is another in each run, and printed:
``ASIMOV_FUZZ_SEED=... pytest`` repeats a run. A fault that it finds becomes a test below.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fuzzing import fuzz
from tests.refusals import refused
from tests.searching import LONGER, first

COUNT = int(10_000 * max(1, LONGER / 20))
#: The mutants are divided, so that they take several processors where there are some.
PARTS = 4
#: How long each part may take; a slow machine tries fewer, unless all are asked for.
ALL = LONGER >= 20
SECONDS = (60 if ALL else 3) * LONGER


@pytest.mark.parametrize("part", first(1, range(PARTS)))
def test_no_mutant_is_a_fault_of_asimov_s_own(part: int, tmp_path: Path) -> None:
    seed = int(os.environ.get("ASIMOV_FUZZ_SEED", random.randrange(10**9)))
    print(f"ASIMOV_FUZZ_SEED={seed}")  # which pytest shows where the test fails
    outcomes, faulty = fuzz(tmp_path, seed + part, COUNT // PARTS, SECONDS)
    for mutant, faults in faulty:
        print("=" * 80, mutant.decode(errors="backslashreplace")[:2000], *faults, sep="\n")
    assert not faulty, outcomes
    assert sum(outcomes.values()) >= (COUNT // PARTS if ALL else 100), outcomes
    assert {"refused", "accepted"} == set(outcomes)


# --- what it found, and what others did

SUBJECT = "kind: subject\nname: s\n---\n"
ANALYSIS = "kind: analysis\nname: a\nsubject: s\npipeline: command\n"

REFUSED = {
    "a number of more than 64 bits": (
        f"{SUBJECT}kind: analysis\nx: 99999999999999999999\n",
        "a value that can't be read as int",
    ),
    "a hexadecimal number of 5,000 digits": (
        f"{SUBJECT}kind: analysis\nx: 0x{'f' * 5000}\n",
        "b.yaml:5:4: holds a value that can't be read as int",
    ),
    "a number in base 60 that takes the square of its length": (
        f"{SUBJECT}x: 1{':59' * 100_000}\n",
        "b.yaml:4:4: holds a value that can't be read as int",
    ),
    "an integer of nothing": (
        "kind: subject\nname: !!int\n", "b.yaml:2:7: holds a value that can't be read as int",
    ),
    "a float of nothing": (
        "kind: subject\nname: !!float\n", "b.yaml:2:7: holds a value that can't be read as float",
    ),
    "a float in base 60 without end": (
        f"x: !!float 1{':59' * 300}.5\n", "b.yaml:1:4: holds a value that can't be read as float",
    ),
    "a number that is rounded to infinity": (
        "x: 1.0e+999\n", "b.yaml:1:4: holds a value that can't be read as float",
    ),
    "nothing that is something": (
        "x: !!null text\n", "b.yaml:1:4: holds a value that can't be read as null",
    ),
    "a mapping that is a list": ("--- !!map [a]\n", "b.yaml:1:5: holds a value that can't be read"),
    "a mapping that is text": ("--- !!map a\n", "b.yaml:1:5: holds a value that can't be read"),
    "a list that is a mapping": ("--- !!seq {a: b}\n", "b.yaml:1:5: is not valid YAML"),
    "text that is a list": ("x: !!str [a]\n", "b.yaml:1:4: is not valid YAML"),
    "a name of post-processing that is a list": (
        "kind: postprocessing\nname: [[]]\n", "b.yaml:2:1: name: should be text, not a list",
    ),
    "post-processing that has analyses": (
        f"{SUBJECT}kind: postprocessing\nsubject: s\npostprocessing: {{}}\nanalyses: []\n",
        "b.yaml:7:1: a 'postprocessing' document can't contain analyses",
    ),
    "keys that Python takes for the same": (
        "kind: subject\nname: s\nx: {1: a, true: b}\n",
        "b.yaml:3:4: holds two keys that mean the same",
    ),
    "text with a NUL": (
        f'{SUBJECT}{ANALYSIS}template: "a\\0b"\n', "b.yaml:8:1: contains a NUL character",
    ),
    "a key with a NUL, deep inside": (
        f'{SUBJECT}x: [{{"\\x00": 1}}]\n{ANALYSIS}', "contains a NUL character",
    ),
    "a key of a pipeline's settings that is a number": (
        "kind: configuration\npipelines: {command: {1.0: 1.5}}\n",
        "b.yaml:2:23: pipelines: command: the key 1.0 should be text",
    ),
    "depth that brackets in quotes hide": (
        "x: " + "['}', " * 300 + "]" * 300 + "\n", "is nested more than 100 levels deep",
    ),
    "depth that aliases make": (
        "a0: &a0 [1]\n" + "".join(f"a{i}: &a{i} [[[*a{i - 1}]]]\n" for i in range(1, 60)),
        "is nested more than 100 levels deep once its aliases (*NAME) are expanded",
    ),
    "a key of the project's in an analysis": (
        f"{SUBJECT}{ANALYSIS}pipelines: [a]\n",
        "b.yaml:8:1: pipelines: has no effect in an analysis",
    ),
    "text for a key of the project's in an analysis": (
        f"{SUBJECT}{ANALYSIS}pipelines: text\n",
        "b.yaml:8:1: pipelines: has no effect in an analysis",
    ),
    "a key of a subject's in an analysis": (
        f"{SUBJECT}{ANALYSIS}productions: 3\n",
        "b.yaml:8:1: s/a (command): productions: has no effect here; it belongs in a subject",
    ),
    "a strategy of more analyses than anybody means": (
        f"{SUBJECT}{ANALYSIS}strategy:\n"
        + "".join(f"  x{i}: [{', '.join(map(str, range(50)))}]\n" for i in range(3)),
        "b.yaml:8:1: the strategy makes 125000 analyses, more than the limit of 10000",
    ),
    "a strategy that makes more text than fits anywhere": (
        f"{SUBJECT}{ANALYSIS}long: {'x' * 50_000}\n"
        f"strategy:\n  x: [{', '.join(map(str, range(1000)))}]\n",
        "makes 1000 analyses with over 150000 values or 5000000 characters in total",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_refused_in_one_line(
    case: str, project: Path, asimov: Callable[..., Any]
) -> None:
    text, said = REFUSED[case]
    (project / "b.yaml").write_text(text)
    refused(asimov, project, ["apply", "-f", "b.yaml"], said)


ACCEPTED = {
    "a free setting that is called as one of asimov.conf's": f"{ANALYSIS}general: [a]\n",
    "free settings that are text and a number": f"{ANALYSIS}colours: text\nsizes: 3\n",
    "an equals sign": f"{ANALYSIS}x: =\n",
    "infinities": f"{ANALYSIS}x: [.inf, -.inf, .nan]\n",
    "odd keys": f"{ANALYSIS}x: {{~: 1, .nan: 2, false: 3, 1.5: 4, 7: 5}}\n",
    "a folder whose name is too long": f"{ANALYSIS}template: {'x' * 5000}\n",
    "post-processing with a name": (
        "kind: postprocessing\nsubject: s\nname: pages\npostprocessing: {x: 1}\n"
    ),
    "windows' line ends and a byte order mark": "\ufeff" + ANALYSIS.replace("\n", "\r\n"),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_odd_input_is_kept_as_it_is_and_shown(
    case: str, project: Path, asimov: Callable[..., Any]
) -> None:
    (project / "s.yaml").write_text(SUBJECT)
    (project / "b.yaml").write_text(ACCEPTED[case], newline="")
    assert asimov("apply", "-f", "s.yaml", "-f", "b.yaml").code == 0
    assert_shown(asimov)
    assert asimov("apply", "-f", "s.yaml").out.startswith("Nothing changed")


@pytest.mark.parametrize("written", ["pipelines: [a]", "pipelines: text", "productions: 3"])
def test_keys_of_elsewhere_that_were_written_by_hand_are_shown(
    written: str, project: Path, asimov: Callable[..., Any]
) -> None:
    (project / "b.yaml").write_text(f"{SUBJECT}{ANALYSIS}x: PLACE\n")
    assert asimov("apply", "-f", "b.yaml").code == 0
    ledger = project / "ledger" / "subjects" / "s.yaml"
    text = ledger.read_text()
    assert "x: PLACE" in text
    ledger.write_text(text.replace("x: PLACE", written))
    assert_shown(asimov)


def assert_shown(asimov: Callable[..., Any]) -> None:
    for command in (
        ["status", "--json"], ["manage", "build"], ["ledger", "show"], ["ledger", "show", "--json"],
        ["event", "show", "s", "--json"], ["event", "show", "s"], ["report", "html"],
    ):  # fmt: skip
        ran = asimov(*command)
        assert "bug in asimov" not in ran.err, ran
        assert "warning" not in ran.err, ran


def test_a_subject_s_own_repository_may_be_a_name_that_is_too_long(
    project: Path, asimov: Callable[..., Any]
) -> None:
    (project / "b.yaml").write_text(
        f"kind: subject\nname: s\nrepository: {'x' * 5000}\n---\n{ANALYSIS}"
    )
    assert asimov("apply", "-f", "b.yaml").code == 0
    ran = asimov("manage", "build")
    assert ran.code == 1
    assert "bug in asimov" not in ran.err, ran
    assert "1 failed" in ran.out, ran
