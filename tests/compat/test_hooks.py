"""Hooks of published packages: what they import to report events and to apply blueprints."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from asimov.discovery import entrypoints
from tests.plugins.test_hooks import SEEN, Applies, enable, ledger_of, publish

__all__ = ["publish"]


def test_a_package_emits_events_of_its_own(
    lab: Any, publish: Callable[..., None], simple: Any
) -> None:
    from asimov.telemetry import TelemetrySink, emit_event

    class Takes(TelemetrySink):
        name = "sink"

        def emit(self, event: Any) -> None:
            SEEN.append((event.event_type, event.data))

    class Emits(simple):  # type: ignore[misc]
        name = "emits"

        def after_completion(self) -> None:
            emit_event(self.production, "milestone", steps=3)

    publish(entrypoints.TELEMETRY, "sink", Takes)
    lab.register("emits", Emits)
    enable(lab, "{telemetry: [sink]}")
    lab.apply("a, pipeline: emits")
    lab.finish()
    assert ("milestone", {"steps": 3}) in SEEN
    assert '"milestone"' in (lab.rundir("a") / "telemetry.jsonl").read_text()


def test_an_applicator_may_call_another_by_the_published_name(
    lab: Any, publish: Callable[..., None]
) -> None:
    class Outer(Applies):
        def __init__(self, ledger: Any) -> None:
            self.ledger = ledger

        def run(self, sid: str | None = None) -> None:
            from asimov.cli.application import apply_via_plugin

            apply_via_plugin(sid, "my hook")
            event = self.ledger.get_event(sid)[0]
            event.meta["quality"]["a"] *= 10
            self.ledger.update_event(event)
            if sid == "bad":
                raise ValueError("late")

    publish(entrypoints.APPLICATOR, "my hook", Applies)
    publish(entrypoints.APPLICATOR, "outer", Outer)
    enable(lab, "{applicator: {my hook: {library: there}, outer: }}")
    lab.run("apply", "-p", "outer", "-e", "S1")
    assert lab.open().contents.subjects["S1"]["quality"] == {"a": 20}
    lab.run("apply", "-p", "outer", "-e", "bad", code=1)
    assert "bad" not in lab.open().contents.subjects


class Pages:
    """An applicator that applies a page of blueprints on top of what it has added itself."""

    def __init__(self, ledger: Any) -> None:
        self.ledger = ledger

    def run(self, sid: str | None = None) -> None:
        from asimov.cli.application import apply_page
        from asimov.event import Event

        self.ledger.add_event(Event.from_dict({"name": sid}))
        page = Path("page.yaml").absolute()
        page.write_text("kind: analysis\nname: n\npipeline: simpletestpipeline\n")
        apply_page(str(page), sid, *([self.ledger] if sid == "S1" else []))
        (event,) = self.ledger.get_event(sid)
        SEEN.append([each.name for each in event.productions])
        if sid == "bad":
            raise ValueError("late")


def test_a_page_that_an_applicator_applies_is_part_of_its_work(
    lab: Any, publish: Callable[..., None]
) -> None:
    publish(entrypoints.APPLICATOR, "pages", Pages)
    enable(lab, "{applicator: [pages]}")
    before, dump = ledger_of(lab), lab.dump()
    told = lab.run("apply", "-p", "pages", "-e", "S1", "--dry-run")
    assert "add    analysis S1/n" in told.out
    lab.run("apply", "-p", "pages", "-e", "bad", code=1)
    assert (ledger_of(lab), lab.dump()) == (before, dump)
    for sid in ("S1", "S2"):
        lab.run("apply", "-p", "pages", "-e", sid)
        assert [each["name"] for each in lab.open().contents.subjects[sid]["analyses"]] == ["n"]
    assert SEEN == [["n"]] * 4
