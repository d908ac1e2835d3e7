"""Attempts as text for people: what each ran with, made, and was made from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from asimov import text
from asimov.engine.provenance.comparison import named
from asimov.engine.provenance.export.runs import Product, Run
from asimov.engine.provenance.record import Provenance, UsedFile

#: The most of a value and of a list that is shown, in characters and lines.
_LONGEST = 100
_MOST = 50


def outline(runs: Iterable[Run]) -> Iterator[str]:
    """Yield the lines of a text about attempts."""
    for number, run in enumerate(runs):
        if number:
            yield ""
        yield from _attempt(run)


def _attempt(run: Run) -> Iterator[str]:
    record, end = run.record, run.end
    yield text.line(run.name)
    if run.crate:
        yield _row("taken from", run.crate)
    if run.reused is not None:
        made_by, taken = run.reused.made_by, run.reused.taken
        yield _row("reused", f"the products of {made_by}, reused {taken}: nothing was run")
    yield _row("requested", f"{record.requested} by {record.requester} on {record.host}")
    how = "" if end.exit_code is None else f" with exit code {end.exit_code}"
    yield _row("ended", f"{end.ended}{how}" if end.ended else "not yet, or unknown")
    yield _row("scheduler", f"{record.scheduler} {record.place}".strip())
    package = f" of {record.package}" if record.package else ""
    yield _row("pipeline", f"{record.pipeline}{package}, asimov {record.asimov}")
    if ledger := _ledger(record):
        yield _row("ledger", ledger)
    if record.image:
        yield _row("image", f"{record.image}  {record.image_digest}")
    if record.image_unknown:
        yield _row("image", f"its content is unknown: {record.image_unknown}")
    if record.seed is not None:
        yield _row("seed", str(record.seed))
    for command in record.commands:
        yield _row("command", f"{command.executable} {command.arguments}")
    yield from _listed("settings", _settings(run))
    for role in dict.fromkeys(each.role for each in record.files):
        files = [each for each in record.files if each.role == role]
        yield from _listed(role, [_file(each, run.makers) for each in files])
    if run.products is None:
        yield _row("products", "none are in the store")
    else:
        yield from _listed("products", [_product(each) for each in run.products])
    for prefix, packages in run.software.items():
        yield _row("software", f"{text.counted(len(packages), 'package')} in {prefix}")
    for program, why in record.software_unknown.items():
        yield _row("software", f"unknown about {program}: {why}")


def _ledger(record: Provenance) -> str:
    if not record.ledger_change:
        return ""
    since = ", and edited by hand since" if record.ledger_edited else ""
    return f"change {record.ledger_change} of 'asimov ledger history'{since}"


def _settings(run: Run) -> list[str]:
    return [f"{name}: {_value(value)}" for name, value in named(run.settings).items()]


def _file(file: UsedFile, names: dict[str, str]) -> str:
    made = f", of {names.get(file.attempt, file.of)}" if file.of else ""
    commit = f", commit {file.commit[:12]}" if file.commit else ""
    return f"{file.path}  {_content(file.sha256, file.size, file.unknown)}{made}{commit}"


def _product(product: Product) -> str:
    if product.link is not None:
        return f"{product.path}  a link to {product.link}"
    if product.sha256 is None:
        return f"{product.path}/"
    return f"{product.path}  {_content(product.sha256, product.size)}"


def _content(sha256: str | None, size: int | None, unknown: str = "") -> str:
    if sha256 is None:
        return f"no checksum: {unknown}" if unknown else "no checksum"
    return f"{sha256[:12]}" + (f", {size} bytes" if size is not None else "")


def _value(value: Any) -> str:
    return text.short(str(value), _LONGEST)


def _listed(what: str, rows: list[str]) -> Iterator[str]:
    for number, row in enumerate(rows[:_MOST]):
        yield _row(what if not number else "", row)
    if len(rows) > _MOST:
        yield _row("", f"and {len(rows) - _MOST} more: --format prov-json lists all of them")


def _row(what: str, value: str) -> str:
    return f"  {what:<13} {text.line(value)}"
