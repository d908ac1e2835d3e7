"""The table of an analysis's states and of all transitions between them.

The page ``docs/states.md`` shows the same table; a test compares the two.
"""

from __future__ import annotations

import msgspec


class State(msgspec.Struct, frozen=True):
    """A state: its meaning, and how the engine treats an analysis in it.

    Attributes
    ----------
    meaning
        One line for people.
    active
        The analysis has, or may have, a job.
    done
        Other analyses may use its products.
    blocks
        An analysis that needs this one waits until a person acts.
    pending
        Its result is still to come, so a person can't approve it yet.
    """

    name: str
    meaning: str
    active: bool = False
    done: bool = False
    blocks: bool = False
    pending: bool = False


STATES = {
    state.name: state
    for state in (
        State(
            "ready", "will be built and submitted once everything it needs has finished",
            pending=True,
        ),
        State("wait", "waits until a person makes it ready", blocks=True),
        State("running", "its job has been submitted", active=True, pending=True),
        State("processing", "its job is complete; post-processing runs", active=True, pending=True),
        State("finished", "is complete; its results are not stored yet", done=True),
        State("uploaded", "is complete and its results are in the store", done=True),
        State("stuck", "needs a person; 'asimov log' says why", blocks=True),
        State("stop", "the next monitor pass will remove its job", active=True, blocks=True),
        State("stopped", "its job was removed on request", blocks=True),
        State("restart", "the next monitor pass will clean it, and it will run again", active=True),
        State("cancelled", "will never run", blocks=True),
        State("manual", "is run by a person outside asimov", blocks=True),
        State("review", "is complete and waits for a person's review", blocks=True),
        State(
            "asking", "asks a question; 'asimov answer' shows and answers it",
            blocks=True, pending=True,
        ),
    )
}  # fmt: skip

#: The states that asimov itself has; packages may add more.
OWN = frozenset(STATES)

#: Older names of states, which ledgers may still use.
ALIASES = {"complete": "finished", "queued": "running"}


class Transition(msgspec.Struct, frozen=True):
    """An allowed transition from one state to another.

    Attributes
    ----------
    actor
        ``"submit"``, ``"monitor"``, ``"cancel"`` (a person, by ``asimov cancel`` only) or
        ``"person"`` (by ``asimov production set``).
    """

    before: str
    after: str
    actor: str
    when: str


def _by_person(after: str, befores: str, when: str) -> list[Transition]:
    return [Transition(before, after, "person", when) for before in befores.split()]


def _withdrawn(before: str) -> Transition:
    when = "the request to run it again was withdrawn before a pass carried it out"
    return Transition("restart", before, "cancel", when)


TRANSITIONS = [
    Transition("ready", "running", "submit", "its job was submitted"),
    Transition("ready", "finished", "submit", "it is complete without a job: its pipeline made everything, or it took over stored products"),
    Transition("ready", "stuck", "submit", "a method of its pipeline raised, nothing was submitted, or a program waits for it and it can't be built"),
    Transition("ready", "asking", "submit", "its pipeline asks something before it starts"),
    Transition("running", "asking", "monitor", "its job ended, and its pipeline asks something before the next one"),
    Transition("stuck", "asking", "monitor", "its held job was released and ended, and its pipeline asks something"),
    Transition("running", "processing", "monitor", "it is complete and its pipeline started post-processing"),
    Transition("running", "finished", "monitor", "its job ended and it is complete"),
    Transition("running", "stuck", "monitor", "its job was held, or ended and it is not complete, or its pipeline raised"),
    Transition("processing", "finished", "monitor", "its post-processing is complete"),
    Transition("processing", "stuck", "monitor", "its post-processing ended and is not complete, or its pipeline raised"),
    Transition("finished", "uploaded", "monitor", "its results are in the store, with their checksums, and on disk"),
    Transition("finished", "stuck", "monitor", "a product of it can't be stored, or storing failed"),
    Transition("uploaded", "ready", "monitor", "it is refreshable, and the analyses that it uses have changed"),
    Transition("uploaded", "restart", "monitor", "it is out of date, and a person or 'rerun: automatic' asked for that"),
    Transition("stuck", "running", "monitor", "its held job was released"),
    Transition("stuck", "finished", "monitor", "its held job was released and ended, and it is complete"),
    Transition("stuck", "processing", "monitor", "its held job was released and ended; post-processing started"),
    Transition("stop", "stopped", "monitor", "its job has left the queue"),
    Transition("restart", "ready", "monitor", "its job has left the queue and its run directory was moved aside"),
    Transition("restart", "stuck", "monitor", "its pipeline raised"),
    Transition("stop", "stuck", "monitor", "its pipeline raised"),
    *map(_withdrawn, ["finished", "uploaded", "stuck", "stopped", "review", "asking"]),
    *_by_person("ready", "wait manual stopped stuck cancelled review", "it has no job any more"),
    *_by_person("ready", "asking", "it was answered; or it is to ask again"),
    *_by_person("wait", "ready stopped stuck manual cancelled asking", "it has no job any more"),
    *_by_person("manual", "ready wait stopped stuck cancelled asking", "it has no job any more"),
    *_by_person("review", "manual finished uploaded stuck", "it has no job any more"),
    *_by_person("cancelled", "review asking ready wait running processing stuck stop stopped restart manual finished", "at any time; a job is removed"),
    *_by_person("stop", "running processing stuck restart", "at any time"),
    *_by_person("restart", "running processing finished uploaded stuck stop stopped review asking", "at any time"),
    *_by_person("finished", "running processing manual stuck stopped wait ready uploaded review", "it has no job any more, or its job is lost"),
    *_by_person("uploaded", "manual finished stuck review", "it has no job any more"),
    *_by_person("stuck", "ready wait manual finished review asking", "it has no job any more"),
]  # fmt: skip

_ALLOWED = {(each.before, each.after, each.actor) for each in TRANSITIONS}


#: The states from which an analysis may enter a package's state, and to which it may leave it.
_AT_REST = frozenset(
    {"ready", "wait", "manual", "review", "asking", "stuck"}
    | {"stopped", "cancelled", "finished", "uploaded"}
)


def take_up(name: str) -> None:
    """Register a state that a package adds; to the engine it is one in which a person acts."""
    STATES.setdefault(name, State(name, "is handled by an installed package", blocks=True))


def allowed(before: str, after: str, actor: str) -> bool:
    """Return whether an actor may move an analysis from one state to another.

    A person and the monitor may move it to and from a package's state, unless asimov's own state is
    one that involves a job.
    """
    if before in OWN and after in OWN:
        return (before, after, actor) in _ALLOWED
    if before not in STATES or after not in STATES or actor == "submit":
        return False
    from_job = actor == "monitor" and before in {"running", "processing"}
    return from_job or {before, after} & OWN <= _AT_REST


def reachable(before: str, actor: str) -> list[str]:
    """Return the states that the actor may set from a state, in the table's order."""
    own = [each.after for each in TRANSITIONS if (each.before, each.actor) == (before, actor)]
    others = [each for each in STATES if not {before, each} <= OWN and each != before]
    return own + [each for each in others if allowed(before, each, actor)]
