"""The plan of what to run again: which analyses, why, and how long each took last time."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from asimov.configuration import person
from asimov.engine.lease import at_work
from asimov.engine.set_state import change_states
from asimov.engine.staleness.inputs import downstream, upstream_first
from asimov.engine.staleness.verdicts import WITHOUT_RESULT, outdated
from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.journal.reruns import Requests
from asimov.journal.usage import Usages
from asimov.project.workspace import Workspace
from asimov.states import STATES, reachable
from asimov.system import clock
from asimov.text import joined

#: What is said of states whose names are no adjectives.
_NOW = {
    "review": "it waits for a review",
    "processing": "its post-processing runs",
    "restart": "it restarts anyway",
    "wait": "it waits for a person",
    "stop": "it will be stopped",
}


@dataclass(frozen=True)
class Step:
    """An analysis that runs again.

    Attributes
    ----------
    status
        Its state.
    why
        Why it is out of date, a line each; empty if it is not.
    took
        The seconds that its last run took, if that is known.
    after
        The analyses of the plan that it is made from.
    conditional
        Whether it runs only once they are made, and then only if it is out of date.
    """

    key: Key
    status: str
    why: tuple[str, ...] = ()
    took: float | None = None
    after: tuple[Key, ...] = ()
    conditional: bool = False

    def __str__(self) -> str:
        about = list(self.why)
        if self.conditional:
            inputs = ", ".join(map(str, self.after))
            about.append(f"once {inputs} is made" if about else f"if products of {inputs} change")
        elif self.status not in STATES or not STATES[self.status].done:
            stops = ": this stops its job" if self.status in {"running", "processing"} else ""
            about.append(f"{_NOW.get(self.status, f'it is {self.status}')}{stops}")
        elif not about:
            about.append("it is current")
        time = f" (took {clock.age(self.took)})" if self.took is not None else ""
        return f"{self.key}: {joined(*about)}{time}"

    def as_json(self) -> dict[str, Any]:
        """Return the step as plain data."""
        return {
            "subject": self.key.subject,
            "name": self.key.name,
            "status": self.status,
            "why": list(self.why),
            "took": self.took,
            "after": [str(each) for each in self.after],
            "only_if_inputs_change": self.conditional,
        }


@dataclass
class Plan:
    """What to run again.

    Attributes
    ----------
    steps
        The analyses, each after those that it is made from.
    left
        Those that were asked for and can't run again, and why.
    users
        Analyses that are made from those of the plan and are not part of it.
    """

    steps: list[Step] = field(default_factory=list)
    left: dict[Key, str] = field(default_factory=dict)
    users: list[Key] = field(default_factory=list)


def planned(workspace: Workspace, keys: Collection[Key], *, with_users: bool) -> Plan:
    """Return the plan to run some analyses again.

    Parameters
    ----------
    workspace
        The open project.
    keys
        The analyses.
    with_users
        Whether those that are made from them run again too, if their inputs change.
    """
    plan = Plan()
    chosen = {key: None for key in keys if not _left(workspace, key, plan)}
    # What is made from analyses that run anyway can still be asked for.
    roots = {*chosen, *(key for key in plan.left if _runs_anyway(workspace, key))}
    below = [
        key for key in downstream(workspace, roots) if workspace.status(key) not in WITHOUT_RESULT
    ]
    if not with_users:
        asked = Requests(workspace.journal).all()
        plan.users = [key for key in below if key not in asked]
        below = []
    old = outdated(workspace, [*chosen, *below])
    took = _times(workspace, [*chosen, *below])
    every, made = {*chosen, *below}, {*roots, *below}
    for key in upstream_first(workspace, every):
        if key in every:
            after = tuple(each for each in workspace.dependencies.inputs(key) if each in made)
            plan.steps.append(
                Step(
                    key,
                    workspace.status(key),
                    tuple(map(str, old.get(key, ()))),
                    took.get(key),
                    after,
                    key not in chosen,
                )
            )
    return plan


def _left(workspace: Workspace, key: Key, plan: Plan) -> bool:
    status = workspace.status(key)
    if _runs_anyway(workspace, key):
        plan.left[key] = f"is {status}: it runs anyway"
    elif "restart" not in reachable(status, "person"):
        plan.left[key] = f"is {status}"
    return key in plan.left


def _runs_anyway(workspace: Workspace, key: Key) -> bool:
    return workspace.status(key) in {"ready", "restart"}


def _times(workspace: Workspace, keys: Collection[Key]) -> dict[Key, float]:
    """Return the seconds that the last run of each analysis took, where that is known."""
    used = Usages(workspace.journal).of(keys)
    found: dict[Key, float] = {}
    for key in keys:
        runs = [usage for stage, usage in used.get(key, ()) if stage == "run"]
        if runs and runs[-1].get("wall_seconds") is not None:
            found[key] = runs[-1]["wall_seconds"]
            continue
        for attempt in workspace.journal.attempts(key)[::-1]:
            if attempt.stage == "run" and attempt.submitted and attempt.ended:
                found[key] = attempt.ended - attempt.submitted
                break
    return found


def carry_out(
    workspace: Workspace,
    plan: Plan,
    reason: str | None,
    besides: Callable[[dict[Key, str]], None] = lambda failed: None,
) -> dict[Key, str]:
    """Restart the analyses of a plan, and ask for the others to be looked at later.

    Parameters
    ----------
    workspace
        The open project.
    plan
        The plan.
    reason
        The person's reason, for the log; by default why each is out of date.
    besides
        Takes what is returned, and writes to the journal in the transaction of the restarts: both
        are recorded, or neither.

    Returns
    -------
    dict
        The analyses that could not be restarted, and why.
    """
    requests = Requests(workspace.journal)
    reasons = {step.key: reason or joined("to be run again", *step.why) for step in plan.steps}
    with at_work(workspace, "asimov rerun", wait=True):
        now = {step.key: reasons[step.key] for step in plan.steps if not step.conditional}
        with workspace.journal.durably():
            for key in reasons.keys() - now.keys():
                requests.add(key, person(), reasons[key])
                said = f"{reasons[key]}, if its inputs change"
                workspace.journal.note(key, person(), "rerun", said)
            changes = change_states(workspace, now, "restart")
            failed = {
                key: change.with_hint
                for key, change in changes.items()
                if isinstance(change, AsimovError)
            }
            besides(failed)
    return failed
