"""Read DAG files: their statements, and the whole of those that the local scheduler supports.

Source: HTCondor's manual, "DAGMan Input File Commands". Keywords are case-insensitive.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from asimov.errors import AsimovError, Place, SchedulerError
from asimov.scheduler.languages.dag_outputs import done_nodes, rescue_files
from asimov.system import reading

_VARIABLE = re.compile(r'\s*(\+?[\w.]+)\s*=\s*"((?:[^"\\]|\\.)*)"\s*')
#: Macros allowed in the arguments of a script.
SCRIPT_MACROS = frozenset(
    "JOB NODE RETRY MAX_RETRIES RETURN JOBID PRE_SCRIPT_RETURN DAGID FAILED_COUNT".split()  # noqa: SIM905
)
_ALL = "ALL_NODES"


class Statement(NamedTuple):
    """A statement of a DAG file.

    Attributes
    ----------
    line
        Its line in the file.
    keyword
        Its first word, in upper case.
    words
        Its words as written.
    text
        The line.
    body
        What follows in braces: a submit description.
    """

    line: int
    keyword: str
    words: list[str]
    text: str
    body: list[str] | None = None


def statements(lines: Iterable[str]) -> Iterator[Statement]:
    """Yield the statements of a DAG file, supported or not.

    A brace that nobody closes belongs to the statement, which then has no `body`.
    """
    numbered = enumerate(lines, 1)
    for number, line in numbered:
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        body = _body(numbered) if len(words) == 3 and words[2] == "{" else None
        yield Statement(number, words[0].upper(), words, line, body)


def _body(numbered: Iterator[tuple[int, str]]) -> list[str] | None:
    body: list[str] = []
    for _, line in numbered:
        if line.strip() == "}":
            return body
        body.append(line)
    return None


def job_options(words: list[str]) -> tuple[str, list[str]]:
    """Split the options of a JOB into the folder of its ``DIR`` and the others, such as NOOP."""
    for at, word in enumerate(words[:-1]):
        if word.upper() == "DIR":
            return words[at + 1], [*words[:at], *words[at + 2 :]]
    return "", words


@dataclass(slots=True)
class Node:
    """A node of a DAG; every field can be stored as JSON.

    Attributes
    ----------
    submit
        The submit file's path as written; with `inline` the description itself.
    folder
        The node's ``DIR``.
    line
        Its line in the DAG file.
    before, after
        Its ``VARS``, as submit commands to put before and after those of the submit file.
    retries, unless_exit
        How often it is retried, and the exit code after which it is not.
    pre, post
        Its scripts with their arguments, as written.
    """

    name: str
    submit: str
    line: int
    folder: str = ""
    inline: bool = False
    noop: bool = False
    done: bool = False
    before: dict[str, str] = field(default_factory=dict)
    after: dict[str, str] = field(default_factory=dict)
    retries: int = 0
    unless_exit: int | None = None
    pre: list[str] = field(default_factory=list)
    post: list[str] = field(default_factory=list)
    category: str = ""
    priority: int = 0
    children: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Dag:
    """The content of a DAG file: nodes in the file's order, and the limits of categories."""

    nodes: dict[str, Node] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=dict)


def read_dag_file(path: Path) -> Dag:
    """Read a DAG file, with the nodes that its newest rescue file marks as done.

    Raises
    ------
    SchedulerError
        Where the file is missing, invalid, has a cycle, or is not supported.
    """
    try:
        lines = reading.contents(path).decode().splitlines()
    except (OSError, UnicodeDecodeError, AsimovError) as error:
        raise SchedulerError(f"the DAG file can't be read: {error}", where=path) from error
    reader = _Reader(path)
    reader.read(lines)
    for rescue in rescue_files(path)[-1:]:
        for name in done_nodes(rescue, reader.dag.nodes):
            reader.dag.nodes[name].done = True
    return reader.dag


class _Reader:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.dag = Dag()
        self.edges: dict[tuple[str, str], int] = {}
        self.statements: dict[str, Callable[[str, list[str], int], None]] = {
            "PARENT": self.parent,
            "VARS": self.vars,
            "RETRY": self.retry,
            "SCRIPT": self.script,
            "DONE": self.done,
            "CATEGORY": self.category,
            "PRIORITY": self.priority,
            "MAXJOBS": self.maxjobs,
        }

    def refuse(self, what: str, line: int, hint: str | None = None) -> SchedulerError:
        return SchedulerError(what, where=Place(self.path, line), hint=hint)

    def read(self, lines: list[str]) -> None:
        # Nodes first: a statement may precede the node that it names.
        later = []
        for each in statements(lines):
            if each.keyword == "JOB":
                self.job(each.words, each.line, each.body)
            elif each.keyword in self.statements:
                later.append(each)
            else:
                raise self.refuse(
                    f"'{each.words[0]}' is not supported by the local scheduler",
                    each.line,
                    "leave it out, or use HTCondor",
                )
        if not self.dag.nodes:
            raise SchedulerError("it has no JOB", where=self.path)
        for each in later:
            self.statements[each.keyword](each.text, each.words, each.line)
        self.acyclic()

    def job(self, words: list[str], line: int, body: list[str] | None) -> None:
        if len(words) < 3:
            raise self.refuse("a JOB needs a name and a submit file", line)
        name = words[1]
        if name in self.dag.nodes:
            first = self.dag.nodes[name].line
            raise self.refuse(f"the node '{name}' already exists, in line {first}", line)
        if name.upper() == _ALL or "+" in name:
            raise self.refuse(f"'{name}' can't be a node's name", line)
        folder, marks = job_options(words[3:])
        node = self.dag.nodes[name] = Node(name, words[2], line, folder)
        for word in marks:
            if word.upper() not in ("NOOP", "DONE"):
                raise self.refuse(
                    f"'{word}' in a JOB is not supported by the local scheduler", line
                )
            setattr(node, word.lower(), True)
        if body is not None:
            node.submit, node.inline = "\n".join(body), True
        elif len(words) == 3 and words[2] == "{":
            raise self.refuse(f"the description of '{name}' has no closing brace", line)

    def nodes(self, name: str, line: int) -> list[Node]:
        if name.upper() == _ALL:
            return list(self.dag.nodes.values())
        if name not in self.dag.nodes:
            raise self.refuse(f"there is no node '{name}'", line)
        return [self.dag.nodes[name]]

    def parent(self, _: str, words: list[str], line: int) -> None:
        upper = [word.upper() for word in words]
        middle = upper.index("CHILD") if "CHILD" in upper else 0
        parents, children = words[1:middle], words[middle + 1 :]
        if not parents or not children:
            raise self.refuse("expected PARENT names CHILD names", line)
        for name in [*parents, *children]:
            self.nodes(name, line)
        for parent in parents:
            for child in children:
                if (parent, child) not in self.edges:
                    self.edges[parent, child] = line
                    self.dag.nodes[parent].children.append(child)

    def vars(self, text: str, words: list[str], line: int) -> None:
        parts = text.split(None, 2)
        if len(parts) < 3:
            raise self.refuse('VARS needs a node and name="value"', line)
        rest, first = parts[2], parts[2].split(None, 1)
        appended = first[0].upper() == "APPEND"
        if first[0].upper() in ("APPEND", "PREPEND"):
            rest = first[1] if len(first) > 1 else ""
        values: dict[str, str] = {}
        position = 0
        while position < len(rest):
            match = _VARIABLE.match(rest, position)
            if match is None:
                raise self.refuse(
                    f'expected name="value": {rest[position : position + 40]!r}', line
                )
            values[match[1]] = re.sub(r'\\(["\\])', r"\1", match[2])
            position = match.end()
        if not values:
            raise self.refuse('VARS needs name="value"', line)
        for node in self.nodes(words[1], line):
            (node.after if appended else node.before).update(values)

    def number(self, words: list[str], index: int, what: str, line: int) -> int:
        try:
            return int(words[index])
        except (IndexError, ValueError):
            raise self.refuse(f"{what} needs a whole number", line) from None

    def retry(self, _: str, words: list[str], line: int) -> None:
        count = self.number(words, 2, "RETRY", line)
        unless = None
        if len(words) > 3:
            if words[3].upper() != "UNLESS-EXIT" or len(words) != 5:
                raise self.refuse(f"'{words[3]}' in a RETRY is not supported", line)
            unless = self.number(words, 4, "UNLESS-EXIT", line)
        for node in self.nodes(words[1], line):
            node.retries, node.unless_exit = count, unless

    def script(self, _: str, words: list[str], line: int) -> None:
        kind = words[1].upper() if len(words) > 1 else ""
        if kind not in ("PRE", "POST"):
            raise self.refuse(f"'SCRIPT {kind}' is not supported by the local scheduler", line)
        if len(words) < 4:
            raise self.refuse(f"SCRIPT {kind} needs a node and a program", line)
        for word in words[4:]:
            macro = word[1:] if word.startswith("$") else "JOB"
            if macro.upper() not in SCRIPT_MACROS:
                raise self.refuse(f"'{word}' is not supported by the local scheduler", line)
        for node in self.nodes(words[2], line):
            if node.pre if kind == "PRE" else node.post:
                raise self.refuse(f"'{node.name}' has a {kind} script already", line)
            if kind == "PRE":
                node.pre = words[3:]
            else:
                node.post = words[3:]

    def done(self, _: str, words: list[str], line: int) -> None:
        if len(words) != 2:
            raise self.refuse("DONE needs a node", line)
        for node in self.nodes(words[1], line):
            node.done = True

    def category(self, _: str, words: list[str], line: int) -> None:
        if len(words) != 3:
            raise self.refuse("CATEGORY needs a node and a name", line)
        for node in self.nodes(words[1], line):
            node.category = words[2]

    def priority(self, _: str, words: list[str], line: int) -> None:
        value = self.number(words, 2, "PRIORITY", line)
        for node in self.nodes(words[1], line):
            node.priority = value

    def maxjobs(self, _: str, words: list[str], line: int) -> None:
        if len(words) != 3:
            raise self.refuse("MAXJOBS needs a category and a number", line)
        limit = self.number(words, 2, "MAXJOBS", line)
        if limit < 1:
            raise self.refuse("MAXJOBS needs 1 or more", line)
        self.dag.limits[words[1]] = limit

    def acyclic(self) -> None:
        sorter = TopologicalSorter(dict.fromkeys(self.dag.nodes, ()))
        for parent, child in self.edges:
            sorter.add(child, parent)
        try:
            sorter.prepare()
        except CycleError as error:
            cycle: list[str] = error.args[1]
            line = min(self.edges[parent, child] for parent, child in pairwise(cycle))
            names = " -> ".join(cycle[:6]) + (" -> ..." if len(cycle) > 6 else "")
            raise self.refuse(f"the nodes form a cycle: {names}", line) from None
