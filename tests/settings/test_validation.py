"""Declared settings: what a class says, what it refuses, and what comes of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from msgspec import Struct, field

from asimov.errors import AsimovError
from asimov.settings import BaseSettings, Setting, validation

MOST = "should be a whole number from 1 to 10 or nothing"
MODES = "should be one of 'fast', 'slow'"
NUMBERS = "should be a mapping of names to numbers"


class Mode(Enum):
    FAST = "fast"
    SLOW = "slow"


class Sampler(BaseSettings):
    max_steps: Annotated[int, Setting("How many steps at most.", ge=1)] = 100
    kind: Literal["nuts", "mh"] = "mh"


class Point(BaseSettings):
    x: float
    y_pos: float = 0.0


class Walk(BaseSettings):
    width: Annotated[float, Setting("In metres.", gt=0)]
    max_steps: Annotated[int, Setting("How many.", ge=1, le=10)] | None = None
    mode: Mode = Mode.FAST
    quiet: bool = False
    sampler: Sampler = field(default_factory=Sampler)
    other: Sampler | None = None
    third: Sampler = field(default_factory=lambda: Sampler(5))
    labels: list[int] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    weights: dict[str, float] = field(default_factory=dict)
    data: Path = Path("x/y")
    n_live: Annotated[int, Setting("Live points.")] = field(default=5, name="n_live")


class Inner(BaseSettings):
    deep: int
    shallow: int = 3


class Outer(BaseSettings):
    inner: Inner


class Refuses(BaseSettings):
    low: int = 0
    high: int = 1

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError("low is above high")


def said(cls: type, given: dict[str, Any]) -> list[str]:
    return [str(fault) for fault in validation.faults(cls, given)]


def test_a_field_is_a_setting_with_spaces_unless_it_names_another() -> None:
    assert validation.names(Walk)[:2] == ("width", "max steps")
    assert "n_live" in validation.names(Walk)


def test_rows_tell_names_types_defaults_and_descriptions_in_words() -> None:
    rows = {row.setting: row[1:] for row in validation.rows(Walk)}
    assert rows["width"] == ("a number above 0", "required", "In metres.")
    assert rows["max steps"] == ("a whole number from 1 to 10 or nothing", "nothing", "How many.")
    assert rows["mode"][:2] == ("one of 'fast', 'slow'", '"fast"')
    assert rows["sampler"] == ("a mapping", "", "")
    assert rows["sampler: max steps"][1:] == ("100", "How many steps at most.")
    assert rows["third: max steps"][1] == "5"
    assert rows["other"][1] == "nothing"
    assert rows["weights"][0] == "a mapping of names to numbers"
    assert rows["points"][0] == "a list of mappings"
    assert rows["data"][:2] == ("a path", '"x/y"')


def test_defaults_are_as_the_ledger_would_hold_them_and_nobody_elses() -> None:
    found = validation.defaults(Walk)
    assert "width" not in found
    assert found["mode"] == "fast"
    assert found["data"] == "x/y"
    assert found["sampler"] == {"max steps": 100, "kind": "mh"}
    assert found["third"] == {"max steps": 5, "kind": "mh"}
    assert found["other"] is None
    found["labels"].append(1)
    assert validation.defaults(Walk)["labels"] == []


def test_a_mapping_that_may_be_nothing_has_defaults_inside_where_it_is_given() -> None:
    found = validation.defaults(Walk, {"other": {"kind": "nuts"}})
    assert found["other"] == {"max steps": 100, "kind": "mh"}


def test_a_mapping_is_required_as_far_as_its_own_settings_are() -> None:
    assert validation.defaults(Outer) == {"inner": {"shallow": 3}}
    assert said(Outer, {}) == ["inner: deep: is missing: it should be a whole number"]
    assert validation.made(Outer, {"inner": {"deep": 1}}) == Outer(Inner(1, 3))


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"width": 0}, "width: should be a number above 0, not 0"),
        ({"width": None}, "width: should be a number above 0, not nothing"),
        ({"width": True}, "width: should be a number above 0, not true"),
        ({"width": "1"}, "width: should be a number above 0, not '1'"),
        ({"max steps": 11}, f"max steps: {MOST}, not 11"),
        ({"max_steps": 0}, f"max steps: {MOST}, not 0"),
        ({"max steps": 1.5}, f"max steps: {MOST}, not 1.5"),
        ({"quiet": "yes"}, "quiet: should be true or false, not 'yes'"),
        ({"mode": "fst"}, f"mode: {MODES}, not 'fst'; did you mean 'fast'?"),
        ({"sampler": None}, "sampler: should be a mapping, not nothing"),
        ({"sampler": 5}, "sampler: should be a mapping, not 5"),
        ({"sampler": {"kind": "x"}}, "sampler: kind: should be one of 'mh', 'nuts', not 'x'"),
        (
            {"sampler": {"max stps": 1}},
            "sampler: max stps: there is no such setting; did you mean 'max steps'?",
        ),
        ({"labels": [1, "x"]}, "labels: should be a list of whole numbers, but item 2 is 'x'"),
        ({"labels": 1}, "labels: should be a list of whole numbers, not 1"),
        ({"points": [{"x": "z"}]}, "points: should be a list of mappings, but item 1: 'x' is 'z'"),
        ({"points": [{}]}, "points: item 1 lacks 'x'"),
        ({"points": [{"x": 1, "z": 1}]}, "points: item 1 has no setting 'z'"),
        ({"weights": {"a": 1, "b": "c"}}, f"weights: {NUMBERS}, but 'b' is 'c'"),
        ({"data": 4}, "data: should be a path, not 4"),
        ({"max steps": 1, "max_steps": 1}, "max steps: is also given as 'max_steps'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_in_words(given: dict[str, Any], fault: str) -> None:
    assert said(Walk, {"width": 1, **given}) == [fault]


def test_every_fault_is_told_and_none_of_what_is_not_declared() -> None:
    given = {"max steps": 0, "quiet": 1, "of another": {"free": "form"}}
    assert [fault.path for fault in validation.faults(Walk, given)] == [
        ("width",), ("max steps",), ("quiet",)
    ]  # fmt: skip
    assert said(Walk, {"width": 1, "of another": 1}) == []


def test_a_number_that_yaml_takes_for_text_gets_a_hint() -> None:
    (fault,) = validation.faults(Walk, {"width": "1e-3"})
    assert "1.0e-3" in str(fault.hint)


class Limits(BaseSettings):
    positive: Annotated[float, Setting("A width.", gt=0, lt=100)] = 1.0
    any_value: Annotated[float | None, Setting("A bound.")] = None


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("positive", "nan", "write digits, such as 12 or 1.5"),
        ("positive", "Infinity", "write digits, such as 12 or 1.5"),
        ("positive", math.nan, "write digits, such as 12 or 1.5"),
        ("positive", -math.inf, "write digits, such as 12 or 1.5"),
        ("positive", -1.5, None),
        ("positive", "7", "write it without quotes"),
        ("any value", "nan", "to YAML nan is text: write it as .nan"),
        ("any value", "-inf", "to YAML -inf is text: write it as -.inf"),
    ],
)
def test_a_number_that_is_none_gets_a_hint_about_what_is_expected(
    name: str, value: object, hint: str | None
) -> None:
    (fault,) = validation.faults(Limits, {name: value})
    assert fault.hint == hint


def test_both_spellings_are_one_setting_also_inside_mappings() -> None:
    given = {"max_steps": 2, "sampler": {"max_steps": 3}, "free": 1}
    assert validation.respelled(Walk, given) == {
        "max steps": 2, "sampler": {"max steps": 3}, "free": 1
    }  # fmt: skip
    made = validation.made(Walk, {"width": 1, **given})
    assert (made.max_steps, made.sampler.max_steps) == (2, 3)


def test_what_is_made_is_of_the_class_and_typed() -> None:
    made = validation.made(
        Walk,
        {"width": 1, "mode": "slow", "data": "a/b", "points": [{"x": 1, "y pos": 2}], "other": {}},
    )
    assert made == Walk(
        1.0, mode=Mode.SLOW, data=Path("a/b"), points=[Point(1.0, 2.0)], other=Sampler()
    )


def test_what_is_made_of_faulty_settings_is_an_error_with_the_first_fault() -> None:
    with pytest.raises(AsimovError, match=r"width: is missing: .* \(and 1 more\)"):
        validation.made(Walk, {"quiet": 1})


def test_a_class_may_refuse_settings_that_do_not_go_together() -> None:
    assert said(Refuses, {"low": 3}) == []
    with pytest.raises(AsimovError, match="the settings are refused: low is above high"):
        validation.made(Refuses, {"low": 3})


class NoSettings:
    x: int = 1


class NoBase(Struct):
    x: int = 1


@dataclass
class Plain:
    x: int = 1


class OfAnother(BaseSettings):
    inner: NoBase


class OfAPlainOne(BaseSettings):
    inner: Plain


class LimitOfAUnion(BaseSettings):
    x: Annotated[int | None, Setting("x", ge=1)] = None


class Reserved(BaseSettings):
    rundir: str = "elsewhere"


class ReservedInside(BaseSettings):
    job_id: int = 1


class OfNothing(BaseSettings):
    x: complex = 1j


class Unread(BaseSettings):
    x: NotThere = 1  # type: ignore[name-defined]  # noqa: F821


class Itself(BaseSettings):
    x: Itself | None = None


class BadDefault(BaseSettings):
    x: Annotated[int, Setting("x", ge=1)] = 0


class NoneForANumber(BaseSettings):
    x: int = None  # type: ignore[assignment]


class Ours(BaseSettings):
    needs: int = 1


class WrongLimit(BaseSettings):
    x: Annotated[str, Setting("x", ge=1)] = ""


class Around(BaseSettings):
    inner: BadDefault = field(default_factory=lambda: BadDefault(2))


class BadInside(BaseSettings):
    inner: Sampler = field(default_factory=lambda: Sampler(0))


@pytest.mark.parametrize(
    ("cls", "why"),
    [
        (BadInside, "the field 'inner': its default: inner: max steps: should be a whole number"),
        (NoSettings, "NoSettings is not a settings class"),
        (OfNothing, "OfNothing: the field 'x': a ledger can't contain values of the type complex"),
        (Unread, "Unread has a type that can't be resolved: name 'NotThere' is not defined"),
        (Itself, "Itself contains itself"),
        (BadDefault, "the field 'x': its default should be a whole number of at least 1, not 0"),
        (NoneForANumber, "the field 'x': its default should be a whole number, not nothing"),
        (Ours, "the field 'needs': 'needs' is a key of every analysis"),
        (NoBase, "NoBase is not a settings class"),
        (Plain, "Plain is not a settings class"),
        (OfAnother, "NoBase is not a settings class"),
        (OfAPlainOne, "the field 'inner': a ledger can't contain values of the type Plain"),
        (LimitOfAUnion, "the field 'x': Can only set `ge` on a numeric type"),
        (Reserved, "the field 'rundir': 'rundir' is a key of every analysis"),
        (ReservedInside, "the field 'job_id': 'job id' is a key of every analysis"),
        (WrongLimit, "the field 'x': Can only set `ge` on a numeric type"),
        (Around, "BadDefault: the field 'x': its default should be"),
    ],
)
def test_a_class_that_can_not_be_used_is_one_clear_error(cls: type, why: str) -> None:
    with pytest.raises(AsimovError) as caught:
        validation.check(cls)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_class_that_can_be_used_is_no_error() -> None:
    for cls in (Walk, Outer, Refuses):
        validation.check(cls)


def test_two_settings_of_one_name_are_refused_where_the_class_is_written() -> None:
    with pytest.raises(ValueError, match="rename to the same name"):

        class Twice(BaseSettings):
            a_b: int = 1
            c: int = field(default=2, name="a b")


class OfLists(BaseSettings):
    parts: list[Refuses] = field(default_factory=list)


def test_a_class_in_a_list_says_itself_why_it_refuses_settings() -> None:
    assert said(OfLists, {"parts": [{}, {"low": 3}]}) == [
        "parts: item 2 is refused: low is above high"
    ]
