"""The names that packages import from `asimov.priors`: priors from settings.

Needed by bilby_pipe and asimov-lalinference. Priors are taken as the ledger has them: a mapping by
parameter, each with ``minimum``, ``maximum``, ``type`` and whatever else the pipeline understands,
and ``default`` for the set that they override. The pipeline defines what a
setting means; only impossible priors are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from asimov.errors import AsimovError
from asimov.rendering.access import reads
from asimov.settings.merging import copied
from asimov.text import did_you_mean

__all__ = ["PriorDict", "PriorInterface", "PriorSpecification"]

#: What a parameter may do at the ends of its range.
_BOUNDARIES = ("periodic", "reflective")


class PriorSpecification(dict[str, Any]):
    """The prior of one parameter: a mapping whose entries are attributes too.

    ``minimum``, ``maximum``, ``type``, ``boundary``, ``alpha``, ``mu`` and ``sigma`` are None where
    they are not given.
    """

    _KNOWN = frozenset({"minimum", "maximum", "type", "boundary", "alpha", "mu", "sigma"})
    #: What templates of a project may read.
    for_templates: ClassVar[dict[str, str]] = reads(*_KNOWN)

    def __getattr__(self, name: str) -> Any:
        if name not in self and name not in self._KNOWN:
            raise AttributeError(
                f"the prior has no {name!r}; it has {', '.join(self) or 'nothing'}"
            )
        return self.get(name)


class PriorDict(dict[str, Any]):
    """Priors by parameter; a mapping.

    Parameters
    ----------
    *given, **priors
        The priors, as of `dict`.

    Raises
    ------
    AsimovError
        Where they can't be priors.
    """

    #: What templates of a project may read.
    for_templates: ClassVar[dict[str, str]] = reads("default", "get_prior", "to_dict")

    def __init__(self, *given: Any, **priors: Any) -> None:
        super().__init__(*given, **priors)
        if self.default is not None and not isinstance(self.default, str):
            raise AsimovError(f"priors: default: should be a name, not {self.default!r}")
        for name, prior in self.items():
            if isinstance(prior, Mapping):
                _check(str(name), prior)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> PriorDict:
        """Return the priors of a mapping, which stays as it is.

        Raises
        ------
        AsimovError
            Where they can't be priors.
        """
        if not isinstance(data, Mapping):
            raise AsimovError(
                f"priors: should be a mapping by parameter, not {data!r}",
                hint="such as 'priors: {mass ratio: {minimum: 0.05, maximum: 1}}'",
            )
        return cls(copied(dict(data)))

    @property
    def default(self) -> Any:
        """The name of the set that these priors override; None if there is none."""
        return self.get("default")

    def get_prior(self, parameter_name: str) -> Any:
        """Return the prior of a parameter.

        Returns
        -------
        PriorSpecification
            Or the value as it is where that is not a mapping; None where there is none.
        """
        prior = self.get(parameter_name)
        return PriorSpecification(prior) if isinstance(prior, Mapping) else prior

    def to_dict(self) -> dict[str, Any]:
        """Return the priors as plain mappings; ``default`` comes first, where there is one."""
        first = {} if self.default is None else {"default": self.default}
        rest = {key: copied(each) for key, each in self.items() if key != "default"}
        return {**first, **rest}


def _check(name: str, prior: Mapping[str, Any]) -> None:
    low, high = prior.get("minimum"), prior.get("maximum")
    # Texts such as '2 * np.pi' are for the pipeline to work out.
    if isinstance(low, (int, float)) and isinstance(high, (int, float)) and low >= high:
        raise AsimovError(f"priors: {name}: minimum ({low}) is not below maximum ({high})")
    boundary = prior.get("boundary")
    # Some templates want it with quotes of its own.
    if isinstance(boundary, str) and boundary.strip("'\"") not in (*_BOUNDARIES, "None"):
        raise AsimovError(
            f"priors: {name}: {boundary!r} is not a boundary" + did_you_mean(boundary, _BOUNDARIES),
            hint=f"use one of: {', '.join(_BOUNDARIES)}",
        )


class PriorInterface:
    """What turns priors into a pipeline's own; pipelines derive theirs from it.

    Parameters
    ----------
    prior_dict
        The priors, or None.

    Attributes
    ----------
    prior_dict
        The priors as a `PriorDict`, or None.
    """

    #: What templates of a project may read.
    for_templates: ClassVar[dict[str, str]] = reads("prior_dict", "convert")

    def __init__(self, prior_dict: Mapping[str, Any] | None = None) -> None:
        self.prior_dict = None if prior_dict is None else PriorDict.from_dict(prior_dict)

    def convert(self) -> Any:
        """Return the priors as the pipeline wants them; each pipeline has its own."""
        raise NotImplementedError(f"{type(self).__name__} does not say how to convert priors")

    def validate(self) -> bool:
        """Say whether the pipeline can use the priors; what can't be priors was refused before."""
        return True
