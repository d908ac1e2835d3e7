"""`asimov.priors` as bilby_pipe and asimov-lalinference use it."""

from __future__ import annotations

from typing import Any

import pytest
from asimov.priors import PriorDict, PriorInterface, PriorSpecification

from asimov.errors import AsimovError

GIVEN: dict[str, Any] = {
    "chirp mass": {"minimum": 20, "maximum": 40.5, "unit": "Msun"},
    "default": "BBHPriorDict",
    "phi 12": {"boundary": "periodic", "maximum": "2 * np.pi", "minimum": 0},
    "amplitude order": 1,
}


def test_an_interface_takes_the_priors_of_an_analysis() -> None:
    class Interface(PriorInterface):
        def convert(self) -> Any:
            return {} if self.prior_dict is None else self.prior_dict.to_dict()

    assert Interface(None).prior_dict is None
    assert Interface().convert() == {}
    for priors in (GIVEN, PriorDict.from_dict(GIVEN)):
        made = Interface(priors)
        assert isinstance(made.prior_dict, PriorDict)
        assert made.prior_dict.default == "BBHPriorDict"
        assert made.convert() == GIVEN
        assert made.validate() is True


def test_an_interface_that_does_not_convert_says_so() -> None:
    with pytest.raises(NotImplementedError, match="PriorInterface does not say how"):
        PriorInterface(GIVEN).convert()


def test_priors_are_plain_mappings_again_the_default_first() -> None:
    told = PriorDict.from_dict(GIVEN).to_dict()
    assert list(told) == ["default", "chirp mass", "phi 12", "amplitude order"]
    assert type(told) is dict
    assert type(told["chirp mass"]) is dict
    told["chirp mass"]["minimum"] = 1
    assert GIVEN["chirp mass"]["minimum"] == 20


def test_without_a_default_there_is_none() -> None:
    priors = PriorDict.from_dict({"mass 1": {"minimum": 1}})
    assert priors.default is None
    assert priors.to_dict() == {"mass 1": {"minimum": 1}}


def test_priors_are_also_made_of_keywords() -> None:
    assert PriorDict(default="A", mass={"minimum": 1}).to_dict() == {
        "default": "A",
        "mass": {"minimum": 1},
    }


def test_priors_are_used_as_a_mapping() -> None:
    priors = PriorDict.from_dict(GIVEN)
    assert "chirp mass" in priors
    assert priors["chirp mass"]["maximum"] == 40.5
    assert str(priors) == str(GIVEN)


def test_one_prior_has_its_settings_as_attributes() -> None:
    priors = PriorDict.from_dict(GIVEN)
    prior = priors.get_prior("chirp mass")
    assert isinstance(prior, PriorSpecification)
    assert (prior.minimum, prior.maximum, prior.unit) == (20, 40.5, "Msun")
    assert prior.type is prior.boundary is prior.alpha is prior.mu is prior.sigma is None
    assert priors.get_prior("amplitude order") == 1
    assert priors.get_prior("nosuch") is None
    with pytest.raises(AttributeError, match="no 'peak'; it has minimum, maximum, unit"):
        _ = prior.peak


@pytest.mark.parametrize(
    ("priors", "told"),
    [
        ([1], "priors: should be a mapping by parameter, not [1]"),
        ({"default": 3}, "priors: default: should be a name, not 3"),
        (
            {"mass 1": {"minimum": 3, "maximum": 2}},
            "priors: mass 1: minimum (3) is not below maximum (2)",
        ),
        (
            {"phase": {"boundary": "perodic"}},
            "priors: phase: 'perodic' is not a boundary; did you mean 'periodic'?",
        ),
    ],
)
def test_what_can_not_be_priors_is_told_in_one_line(priors: Any, told: str) -> None:
    with pytest.raises(AsimovError) as raised:
        PriorInterface(priors)
    assert str(raised.value) == told


def test_what_only_a_pipeline_can_judge_is_left_to_it() -> None:
    PriorDict.from_dict({"a": {"minimum": "x", "maximum": 1}, "b": {"boundary": "'periodic'"}})
    PriorDict.from_dict({"a": {"type": "nosuch.Prior"}, "b": {"boundary": None}, "c": None})
