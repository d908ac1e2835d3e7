"""Reserved settings of a wrong type are refused at every level where they can be written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from asimov.errors import AsimovError
from asimov.ledger import blueprints
from asimov.ledger.reserved import NAMES, fault
from asimov.ledger.spelling.names import OF_ANALYSIS
from tests.conftest import Ran

#: A value of each type that YAML has.
TYPES: dict[str, Any] = {
    "a whole number": 5, "a number": 1.5, "text": "x y", "true or false": True,
    "a list": [1], "a list of lists": [[1]], "a mapping": {"a": 1},
    "a mapping of lists": {"a": [1]},
}  # fmt: skip
#: The types that each reserved setting takes; every other one is refused.
TAKES: dict[str, set[str]] = {
    "executable": {"text"},
    "template": {"text"},
    "labels": {"a mapping"},  # and a list of text
    "refreshable": {"true or false"},
    "scheduler": {"a mapping", "a mapping of lists"},
    "postprocessing": {"a mapping", "a mapping of lists"},
    "holds": set(),
    "outdated by": set(),
    "rerun": set(),
    "reuse": {"true or false"},
    "max resurrections": {"a whole number"},
    "resurrection pause": {"a whole number", "a number"},
    "rundir": {"text"},
    "answers": {"a mapping", "a mapping of lists"},
}

ANALYSIS = {"name": "a", "pipeline": "command"}
LEVELS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "analysis": lambda given: {"kind": "analysis", "subject": "s", **ANALYSIS, **given},
    "analysis across subjects": lambda given: {"kind": "projectanalysis", **ANALYSIS, **given},
    "analysis of a subject's list": lambda given: {
        "kind": "subject", "name": "s", "analyses": [{**ANALYSIS, **given}],
    },
    "analysis in the older form": lambda given: {
        "kind": "event", "name": "s", "productions": [{"a": {"pipeline": "command", **given}}],
    },
    "analysis of a bundle": lambda given: {
        "kind": "analysisbundle", "subject": "s", "analyses": [{**ANALYSIS, **given}],
    },
    "subject": lambda given: {"kind": "subject", "name": "s", **given},
    "project": lambda given: {"kind": "configuration", **given},
    "section of a pipeline": lambda given: {
        "kind": "configuration", "pipelines": {"command": given},
    },
}  # fmt: skip


def refusal(level: str, given: dict[str, Any]) -> AsimovError | None:
    """Return how some settings are refused at a level, written a line each."""
    text = yaml.safe_dump(LEVELS[level](given), sort_keys=False)
    try:
        blueprints.parse(text, "b.yaml")
    except AsimovError as error:
        return error
    return None


def test_every_reserved_setting_is_tried() -> None:
    assert NAMES | {"rundir", "answers"} == set(TAKES)
    assert NAMES < OF_ANALYSIS


@pytest.mark.parametrize("level", LEVELS)
def test_only_the_right_types_are_taken(level: str) -> None:
    for name, right in TAKES.items():
        for kind, value in TYPES.items():
            error = refusal(level, {name: value})
            assert (error is None) == (kind in right), (name, kind, error)
            if error is not None:
                assert name in str(error)
                written = yaml.safe_dump(LEVELS[level]({name: value}), sort_keys=False)
                line = str(error.where).split(":")[1]
                assert name in "\n".join(written.splitlines()[int(line) - 1 :][:1]) or (
                    # a fault inside the value
                    isinstance(value, (list, dict)) and int(line) > 1
                ), (name, kind, error.where)
        assert refusal(level, {name: None}) is None or name in {
            "max resurrections", "resurrection pause",
        }  # fmt: skip


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"scheduler": {"request cpus": "two"}}, "a whole number of at least 1, not 'two'"),
        ({"scheduler": {"request_cpus": 0}}, "a whole number of at least 1, not 0"),
        ({"scheduler": {"cpus": 1.5}}, "a whole number of at least 1, not 1.5"),
        ({"scheduler": {"request cpus": True}}, "a whole number of at least 1, not True"),
        ({"scheduler": {"Request GPUs": -1}}, "a whole number of at least 0, not -1"),
        ({"scheduler": {"request memory": "lots"}}, "a size such as '4 GB', not 'lots'"),
        ({"scheduler": {"memory": "4 gigs"}}, "a size such as '4 GB', not '4 gigs'"),
        ({"scheduler": {"request disk": [1]}}, "a size such as '10 GB', not [1]"),
        ({"scheduler": {"request memory": -4}}, "a size such as '4 GB', not -4"),
        ({"labels": {"a": [1]}}, "should be text, a number, or true or false, not [1]"),
        ({"labels": ["quality >= 3"]}, "can't be a label: nothing could select it"),
        ({"labels": [""]}, "can't be a label"),
    ],
)
def test_values_that_could_not_be_followed_are_refused(
    level: str, given: dict[str, Any], said: str
) -> None:
    error = refusal(level, given)
    assert error is not None
    assert said in str(error)
    assert all(str(key) in str(error) for key in given)


@pytest.mark.parametrize("level", LEVELS)
def test_values_that_can_be_followed_are_taken(level: str) -> None:
    for scheduler in (
        {"request cpus": 4, "request memory": 4096, "request disk": "10GB", "request gpus": 0},
        {"request_cpus": "4", "request_memory": "1.5 GiB", "request_disk": "100 mb"},
        {"request memory": "ifThenElse(MemoryUsage > 1, 2 * MemoryUsage, 1024)"},
        {"request cpus": "$(cores)", "request disk": "MY.DiskUsage", "memory": 4.5},
        {"request memory": None, "accounting group": "ligo.dev", "additional files": ["a", "b"]},
    ):
        assert refusal(level, {"scheduler": scheduler}) is None, scheduler
    for labels in (["a b", "c"], {"checked": True, "quality": 3, "by": "me", "x": None}, []):
        assert refusal(level, {"labels": labels}) is None, labels


@pytest.mark.parametrize(
    "level", [each for each in LEVELS if each.startswith("analysis") and "bundle" not in each]
)
def test_what_a_strategy_sets_is_checked_too(level: str) -> None:
    given = {"name": "a-{scheduler.request cpus}", "strategy": {"scheduler.request cpus": [1, "x"]}}
    if "older" in level:
        return  # its name is a key
    error = refusal(level, given)
    assert error is not None
    assert "scheduler: request cpus: should be a whole number of at least 1, not 'x'" in str(error)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    ("key", "value", "only_in", "hint"),
    [
        ("needs", ["b"], "analysis", "set it in each analysis that should wait"),
        (
            "pipelines", {"command": {"seed": 1}}, "project",
            "put it into a 'kind: configuration' document",
        ),
        (
            "hooks", {"postmonitor": ["x"]}, "project",
            "put it into a 'kind: configuration' document",
        ),
    ],
)  # fmt: skip
def test_keys_without_effect_are_refused(
    level: str, key: str, value: Any, only_in: str, hint: str
) -> None:
    error = refusal(level, {key: value})
    if level.startswith(only_in):
        assert error is None
    else:
        assert error is not None
        assert f"{key}: has no effect in " in str(error)
        assert error.hint == hint


def test_free_settings_take_everything() -> None:
    free = {"arguments": 5, "environment": {"A": [1]}, "outputs": [], "settings": 1, "needed": {}}
    assert fault(free) is None
    assert all(refusal(level, free) is None for level in LEVELS)


def test_what_is_written_by_hand_stops_only_its_own_analysis(
    project: Path, asimov: Callable[..., Ran], blueprint: Callable[..., Path]
) -> None:
    run = {"pipeline": "command", "executable": "sleep", "arguments": ["0"], "outputs": {"o": "o"}}
    names = ("a", "b", "c")
    subject = {"kind": "subject", "name": "s", "analyses": [{"name": n, **run} for n in names]}
    assert asimov("apply", "-f", blueprint(yaml.safe_dump(subject))).code == 0
    file = project / "ledger/subjects/s.yaml"
    data = yaml.safe_load(file.read_text())
    data["needs"] = ["c"]  # without effect where it stands
    data["analyses"][0]["scheduler"] = {"request cpus": "two"}
    data["analyses"][1]["postprocessing"] = 5
    file.write_text(yaml.safe_dump(data))
    ran = asimov("manage", "build")
    assert "1 built, 2 failed" in ran.out + ran.err, ran
    assert "ledger/subjects/s.yaml: a: scheduler: request cpus: should be a whole" in ran.out
    assert "ledger/subjects/s.yaml: b: postprocessing: should be a mapping" in ran.out
    assert "needs" not in asimov("ledger", "show", "s", "c").out
