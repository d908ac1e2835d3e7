"""Find out why no slot matches a job: compare its requirements one by one with the slots' ads.

A partitionable slot counts with the resources that it has when empty; whether they are free now is
a separate question. The slots' own conditions (``START``) are evaluated only for slots that would
match the job.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from asimov.scheduler.htcondor.classads import quoted
from asimov.scheduler.htcondor.connection import Connection

#: By request: the slot's attribute, its total in a partitionable slot, and a name for people.
_RESOURCES = {
    "RequestMemory": ("Memory", "TotalSlotMemory", "MB of memory"),
    "RequestDisk": ("Disk", "TotalSlotDisk", "KB of disk"),
    "RequestCpus": ("Cpus", "TotalSlotCpus", "processors"),
    "RequestGPUs": ("GPUs", "TotalSlotGPUs", "GPUs"),
}
_SLOT = ["Activity", "Name", "PartitionableSlot", "Start", "State"]
#: How many slots have their own conditions evaluated.
_ASKED = 50
_LONGEST = 100


@dataclass
class Slot:
    """A slot: its ad as it is now, and as it would be if it were empty."""

    ad: Any
    empty: Any

    @property
    def name(self) -> str:
        """The slot's name."""
        return str(self.ad.get("Name", ""))


def conjuncts(expression: str) -> list[str]:
    """Split a ClassAd expression into the parts that must all be true.

    >>> conjuncts('(a == "x && y") && (b || c) && (d && e)')
    ['a == "x && y"', 'b || c', 'd', 'e']
    """
    text = expression.strip()
    while text.startswith("(") and _closing(text) == len(text) - 1:
        text = text[1:-1].strip()
    parts, start = [], 0
    for position, token in _outside(text):
        if token in ("||", "?"):  # they bind less than "&&"
            return [text]
        if token == "&&":
            parts.append(text[start:position])
            start = position + 2
    if not parts:
        return [text]
    return [each for part in [*parts, text[start:]] for each in conjuncts(part)]


def _outside(text: str) -> Iterator[tuple[int, str]]:
    """Yield the operators ``&&``, ``||`` and ``?`` outside brackets and quotes."""
    depth, position = 0, 0
    while position < len(text):
        letter, pair = text[position], text[position : position + 2]
        if letter in "\"'":
            position = _quote_end(text, position)
        elif letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
        elif depth == 0 and pair in ("&&", "||"):
            yield position, pair
            position += 1
        # "=?=" and "?:" are no conditionals.
        elif depth == 0 and letter == "?" and pair != "?:" and text[position - 1] != "=":
            yield position, letter
        position += 1


def _quote_end(text: str, start: int) -> int:
    position = start + 1
    while position < len(text) and text[position] != text[start]:
        position += 2 if text[position] == "\\" else 1
    return position


def _closing(text: str) -> int:
    """Return where the bracket at the start of a text closes."""
    depth, position = 0, 0
    while position < len(text):
        letter = text[position]
        if letter in "\"'":
            position = _quote_end(text, position)
        depth += (letter in "([{") - (letter in ")]}")
        if depth == 0:
            return position
        position += 1
    return -1


def slots(connection: Connection, job: Any) -> list[Slot]:
    """Return the pool's slots, with the attributes that the job's requirements use.

    Raises
    ------
    SchedulerUnreachableError
        Where the collector can't be asked.
    """
    import classad2
    import htcondor2

    about = {name.removeprefix("TARGET.") for name in job.externalRefs(job.lookup("Requirements"))}
    sizes = {name for own, total, _ in _RESOURCES.values() for name in (own, total)}
    wanted = sorted({*_SLOT, *sizes, *about})
    # Dynamic slots are pieces of partitionable ones.
    ads = connection.ask_collector(
        lambda collector: collector.query(htcondor2.AdType.Startd, "DynamicSlot =!= true", wanted)
    )
    found = []
    for ad in ads:
        empty = ad
        if ad.get("PartitionableSlot") is True:
            empty = classad2.ClassAd(str(ad))
            for own, total, _ in _RESOURCES.values():
                if _number(ad, total) is not None:
                    empty[own] = _number(ad, total)
        found.append(Slot(ad, empty))
    return found


def mismatches(job: Any, pool: Sequence[Slot]) -> tuple[list[Slot], list[str]]:
    """Return the slots that would match a job, and lines that explain why others would not.

    Parameters
    ----------
    job
        The job's ad.
    pool
        The slots.
    """
    import classad2

    good, lines, some = list(pool), [], []
    for request, (own, _, words) in _RESOURCES.items():
        asked = _number(job, request)
        if not asked:
            continue
        sizes = {slot.name: _number(slot.empty, own) or 0 for slot in pool}
        good = [slot for slot in good if sizes[slot.name] >= asked]
        largest = max(sizes.values(), default=0)
        if largest < asked:
            lines.append(
                f"no slot has {asked:.10g} {words} ({request}): the largest has {largest:.10g}"
            )
    for part in conjuncts(str(job.lookup("Requirements"))):
        if any(request.lower() in part.lower() for request in _RESOURCES):
            continue  # covered above
        tree = classad2.ExprTree(part)
        met = {slot.name for slot in pool if tree.eval(job, slot.empty) is True}
        good = [slot for slot in good if slot.name in met]
        text = part if len(part) <= _LONGEST else part[: _LONGEST - 3] + "..."
        if not met:
            lines.append(f"no slot meets {text} (Requirements)")
        elif len(met) < len(pool):
            some.append(f"{len(met)} of {len(pool)} slots meet {text} (Requirements)")
    return good, lines if lines or good else some


def refusing(connection: Connection, job: Any, good: Sequence[Slot]) -> tuple[int, int]:
    """Return how many matching slots refuse the job by their own condition, of how many asked.

    Raises
    ------
    SchedulerUnreachableError
        Where the collector can't be asked.
    """
    import classad2
    import htcondor2

    some = good[:_ASKED]
    names = ",".join(quoted(slot.name) for slot in some)
    ads = connection.ask_collector(
        lambda collector: collector.query(htcondor2.AdType.Startd, f"member(Name, {{{names}}})")
    )
    start = classad2.ExprTree("Start")
    return sum(start.eval(ad, job) is not True for ad in ads), len(ads)


def alike(job: Any) -> tuple[str, ...]:
    """Return a key that is equal for jobs that match the same slots."""
    return tuple(str(job.get(name)) for name in ("Requirements", *_RESOURCES))


def has_room(job: Any, slot: Slot) -> bool:
    """Return whether a matching slot has room for the job now."""
    if slot.ad.get("PartitionableSlot") is not True:
        return bool(slot.ad.get("State") == "Unclaimed")
    return all(
        (_number(slot.ad, own) or 0) >= (_number(job, request) or 0)
        for request, (own, _, _) in _RESOURCES.items()
    )


def _number(ad: Any, name: str) -> float | None:
    """Evaluate an attribute; None where the result is not a number."""
    import classad2

    if name not in ad:
        return None
    value = ad.eval(name)
    if isinstance(value, (bool, classad2.Value)) or not isinstance(value, (int, float)):
        return None
    return float(value)
