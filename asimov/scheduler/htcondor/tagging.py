"""Tag every job that this process or its children submit.

HTCondor adds the configuration variables named in ``SUBMIT_ATTRS`` to each job, and reads its
configuration from the environment too (``_CONDOR_NAME``). DAGMan passes those on to its nodes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from asimov.scheduler.htcondor.bindings import bindings, restore_none
from asimov.scheduler.htcondor.classads import literal, quoted
from asimov.scheduler.jobs import Tag
from asimov.system.environment import environment

#: The attributes that go into the event log (event 028), so that a job can be found there, a DAG's
#: node distinguished from the DAG, and the end of all processes recognised.
INFORMATION = "JobAdInformationAttrs"
_IN_LOG = ("AsimovUID", "DAGManJobId", "TotalSubmitProcs", "RequestMemory")


def job_attributes(tag: Tag) -> dict[str, str]:
    """Return the attributes of a tagged job as ClassAd values."""
    values = {name: quoted(value) for name, value in tag.attributes().items()}
    return {**values, INFORMATION: quoted(",".join(_IN_LOG))}


def information(own: str) -> str:
    """Return a job's own list of attributes for its event log, with the tag's added."""
    return ",".join(dict.fromkeys([*own.replace(",", " ").split(), *_IN_LOG]))


@contextmanager
def _parameters(values: Mapping[str, str]) -> Iterator[None]:
    """Set configuration variables of the bindings in this process within the block."""
    param = bindings().param
    before = {name: param.get(name) for name in values}
    for name, value in values.items():
        param[name] = value
    try:
        yield
    finally:
        for name, old in before.items():
            if old is None:
                del param[name]
            else:
                param[name] = old


def submit_attributes(values: Mapping[str, str]) -> dict[str, str]:
    """Return the configuration that adds attributes to every job; the site's own are kept.

    Parameters
    ----------
    values
        The attributes as ClassAd values.
    """
    own = str(bindings().param.get("SUBMIT_ATTRS") or "").replace(",", " ").split()
    names = dict.fromkeys([*own, *values])
    safe = {name: literal(value) for name, value in values.items()}
    return {**safe, "SUBMIT_ATTRS": ", ".join(names)}


def as_environment(configuration: Mapping[str, str]) -> dict[str, str]:
    """Return configuration variables as the environment carries them."""
    return {f"_CONDOR_{name}": value for name, value in configuration.items()}


@contextmanager
def tagging(tag: Tag) -> Iterator[None]:
    """Within the block, every submission from this process or its children carries the tag."""
    configuration = submit_attributes(job_attributes(tag))
    with environment(as_environment(configuration)), _parameters(configuration):
        try:
            yield
        finally:
            restore_none()  # for what a pipeline may have submitted with the bindings
