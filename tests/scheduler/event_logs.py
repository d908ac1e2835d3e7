"""Questions that tests ask of a whole event log at once."""

from __future__ import annotations

from collections.abc import Iterable

from asimov.scheduler.htcondor.cluster_state import ClusterState, Ending
from asimov.scheduler.languages.events import Event, EventType


def tagged_clusters(events: Iterable[Event], attribute: str, value: str) -> set[int]:
    """Return the clusters whose events 028 carry an attribute with a value."""
    return {
        event.cluster
        for event in events
        if event.number == EventType.JOB_AD_INFORMATION and event.attributes.get(attribute) == value
    }


def ending(events: Iterable[Event], cluster: int, processes: int | None = None) -> Ending | None:
    """Return how a cluster ended; None unless the log shows that all its processes did.

    Parameters
    ----------
    events
        All events of the cluster's log; other clusters' events are ignored.
    cluster
        The cluster.
    processes
        How many processes it has, where known; otherwise those that the log shows.
    """
    state = ClusterState()
    state.expect(processes or 0)
    for event in events:
        if event.cluster == cluster:
            state.take(event)
    return state.ending()
