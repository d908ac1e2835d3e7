"""The types of the API's JSON, from which its OpenAPI document is made."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct, UnsetType, field

from asimov.engine.explain import Explanation
from asimov.engine.status import Row

__all__ = ["Explanation", "Row"]


class More(Struct):
    """A page of a list: `next` is the value of ``after`` for the next page."""

    next: str | None


class SubjectStates(Struct):
    """A subject, with the number of its analyses in each state."""

    name: str
    states: dict[str, int]


class Subjects(Struct):
    """A page of subjects."""

    items: list[SubjectStates]
    total: int
    next: str | None


class Subject(Struct):
    """A subject: its settings, and the states of its analyses."""

    name: str
    analyses: dict[str, str]
    settings: dict[str, Any]


class Analyses(Struct):
    """A page of analyses."""

    items: list[Row]
    total: int
    next: str | None


class Attempt(Struct):
    """An attempt to run an analysis."""

    number: int
    stage: str
    state: str
    scheduler: str
    job_id: int | None
    seed: int | None
    submitted: str | None
    ended: str | None
    exit_code: int | None
    evidence: str | None
    how: str | None


class Analysis(Struct):
    """An analysis; what a list says of it is here too."""

    subject: str
    name: str
    pipeline: str
    status: str
    state: str
    since: str | None
    reason: str | None
    kind: str
    needs: list[str]
    waiting_for: list[str]
    outdated: list[str]
    in_doubt: list[str]
    run_directory: str
    configuration: str | None
    results: str
    products: dict[str, Any]
    attempts: list[Attempt]
    usage: dict[str, Any] | None
    settings: dict[str, Any]
    settings_of: str
    settings_from: dict[str, str]
    settings_lines: list[str] | None
    changed_since_it_ran: dict[str, Any]
    warning: str | None


class Output(Struct):
    """A file that a job wrote; `file` is its name in addresses."""

    node: str | None
    kind: str | None
    path: str
    bytes: int
    changed: str
    lines: list[str]
    file: str


class Outputs(Struct):
    """What the jobs of an analysis wrote; `not_shown` says which files are not, and why."""

    items: list[Output]
    not_shown: list[str]


class Result(Struct):
    """A stored file; `file` is its name in addresses."""

    subject: str
    name: str
    file: str
    path: str
    sha256: str | UnsetType = UNSET
    size: int | UnsetType = UNSET


class Results(Struct):
    """The stored results of an analysis."""

    items: list[Result]


class Node(Struct):
    """An analysis in the graph."""

    id: str
    subject: str
    name: str
    pipeline: str
    status: str
    kind: str
    outside: bool


class Edge(Struct):
    """An analysis that another needs: `source` makes `assets` of which the other uses some."""

    source: str = field(name="from")
    target: str = field(name="to")
    used: bool = False
    assets: list[str] = []


class Graph(Struct):
    """Analyses, and what they need."""

    nodes: list[Node]
    edges: list[Edge]


class Event(Struct):
    """Something that happened; `id` counts upward."""

    id: int
    time: str
    subject: str
    name: str
    actor: str
    kind: str
    before: str | None
    after: str | None
    reason: str | None
    details: str | None


class Events(Struct):
    """Events, the oldest first, and the number of the newest of the project."""

    items: list[Event]
    newest: int


class Change(Struct):
    """One line of a plan: ``add``, ``update`` or ``unchanged``, and what."""

    action: str
    what: str
    details: list[str]


class Plan(Struct):
    """What applying blueprints changed, or would change."""

    done: bool
    changes: list[Change]
    added: list[str]
    notes: list[str]
    outdated: dict[str, list[str]]
    comments_lost: list[str]


class Outcome(Struct):
    """What became of one analysis: its change of state, or review, or why that was refused."""

    analysis: str
    before: str | UnsetType = UNSET
    after: str | UnsetType = UNSET
    pending: str | UnsetType = UNSET
    review: str | UnsetType | None = UNSET
    withdrawn: bool | UnsetType = UNSET
    refused: str | UnsetType = UNSET
    hint: str | UnsetType | None = UNSET


class Outcomes(Struct):
    """What became of each analysis."""

    items: list[Outcome]


class Monitor(Struct):
    """Whether a monitor is at work; `line` says it, and `notifications` what of these worries."""

    keeper: str | None
    runs: str | None
    alive: bool
    watch: str | None
    looked: str | None
    answered: str | None
    problem: str | None
    warning: str | None
    took: float | None
    line: str
    notifications: list[str]


class Used(Struct):
    """What the ended jobs of an analysis used: seconds, MB, numbers."""

    subject: str
    name: str
    wall_seconds: float
    cpu_seconds: float | None
    memory_mb: float | None
    processes: int
    memory_requested_mb: float | None
    slots: int | None
    restarts: int


class UsageList(Struct):
    """What the ended jobs of analyses used."""

    items: list[Used]


class Request(Struct):
    """A request to run an analysis again, which may go back to the state ``before`` until then."""

    subject: str
    name: str
    by: str
    at: str
    reason: str
    only_if_inputs_change: bool
    said: str
    before: str | None


class Requests(Struct):
    """The open requests to run analyses again."""

    items: list[Request]


class Reviewed(Struct):
    """The reviews of an analysis: `status` is the last verdict."""

    subject: str
    name: str
    state: str
    status: str | None
    messages: list[dict[str, Any]]


class Reviews(Struct):
    """The reviews of analyses."""

    items: list[Reviewed]


class Question(Struct):
    """What an analysis asks: `fields` are for people, and `schema` is that of the answers."""

    subject: str
    analysis: str
    name: str
    text: str
    asked: str
    fields: list[dict[str, Any]]
    schema: dict[str, Any]


class QuestionList(Struct):
    """What analyses ask."""

    items: list[Question]


class Answered(Struct):
    """What an analysis was answered."""

    analysis: str
    answers: dict[str, Any]


class Step(Struct):
    """An analysis that runs again; `took` is how many seconds its last run took."""

    subject: str
    name: str
    status: str
    why: list[str]
    took: float | None
    after: list[str]
    only_if_inputs_change: bool


class Reruns(Struct):
    """What runs again; what can't, with the reason; and what is made from these."""

    steps: list[Step]
    left: dict[str, str]
    not_included: list[str]
    failed: dict[str, str]
    done: bool


class Problem(Struct):
    """An error (RFC 9457): what is wrong, where, and what to do."""

    title: str
    status: int
    detail: str
    where: str | UnsetType = UNSET
    hint: str | UnsetType = UNSET


class Health(Struct):
    """Whether the service can answer."""

    status: str
