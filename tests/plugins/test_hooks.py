"""Hooks run after a pass, and harm nobody but themselves."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from asimov import states
from asimov.discovery import entrypoints
from asimov.engine.lease import at_work
from asimov.errors import AsimovError
from asimov.plugins import calls, custom_states, hooks, registry, telemetry
from asimov.plugins.applicators import apply_with
from asimov.project import current
from asimov.project.workspace import Workspace

SEEN: list[Any] = []


@pytest.fixture
def publish(lab: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Have plugins found: ``publish(group, name, what)``; an exception is raised on import."""
    published: dict[str, dict[str, Any]] = {}
    before = entrypoints.found
    monkeypatch.setattr(
        entrypoints, "found", lambda group: {**before(group), **published.get(group, {})}
    )

    def add(group: str, name: str, what: Any) -> None:
        def load() -> Any:
            if isinstance(what, BaseException):
                raise what
            return what

        dist = SimpleNamespace(name=f"package-of-{name}")
        point = SimpleNamespace(name=name, load=load, dist=dist, value="test:hook")
        published.setdefault(group, {})[name] = point
        entrypoints.load.cache_clear()

    SEEN.clear()
    yield add
    kept = [calls._import_errors, telemetry._made, custom_states._handlers, custom_states._seen]
    for each in kept:
        each.clear()
    registry.forget()
    telemetry.QUEUE.clear()
    for name in states.STATES.keys() - states.OWN:
        del states.STATES[name]


def enable(lab: Any, text: str) -> None:
    path = lab.root / "hooks.yaml"
    path.write_text(f"kind: configuration\nhooks: {text}\n")
    lab.run("apply", "-f", path)


def log(lab: Any) -> str:
    return (lab.root / "logs" / "asimov.log").read_text()


class Hook:
    """A postmonitor hook that notes what it sees."""

    def __init__(self, ledger: Any) -> None:
        self.ledger = ledger

    def run(self) -> None:
        events = self.ledger.get_event()
        SEEN.append({each.name: each.status for event in events for each in event.analyses})


# --- postmonitor


@pytest.mark.parametrize("given", ["{postmonitor: {my hook: {a: 1}}}", "{postmonitor: [my hook]}"])
def test_an_enabled_hook_runs_at_the_end_of_a_pass(
    lab: Any, publish: Callable[..., None], given: str
) -> None:
    publish(entrypoints.POSTMONITOR, "my hook", Hook)
    publish(entrypoints.POSTMONITOR, "another", ValueError("is not imported"))
    enable(lab, given)
    lab.apply("a")
    assert lab.run("monitor").err == ""
    assert SEEN == [{"a": "ready"}]


def test_a_hook_that_is_not_enabled_does_not_run(lab: Any, publish: Callable[..., None]) -> None:
    publish(entrypoints.POSTMONITOR, "my hook", Hook)
    lab.apply("a")
    lab.run("monitor")
    assert SEEN == []


def test_a_hook_does_not_run_in_a_dry_run(lab: Any, publish: Callable[..., None]) -> None:
    publish(entrypoints.POSTMONITOR, "my hook", Hook)
    enable(lab, "{postmonitor: [my hook]}")
    lab.run("monitor", "--dry-run")
    assert SEEN == []


def test_a_hook_sees_its_settings_and_what_it_writes_is_kept(
    lab: Any, publish: Callable[..., None]
) -> None:
    class Writes(Hook):
        def run(self) -> None:
            SEEN.append(self.ledger.data["hooks"]["postmonitor"]["my hook"]["where"])
            (event,) = self.ledger.get_event("s")
            event.meta["seen by"] = "my hook"
            event.analyses[0].meta["not kept"] = True
            self.ledger.update_event(event)
            event.meta["too late"] = True

    publish(entrypoints.POSTMONITOR, "my hook", Writes)
    enable(lab, "{postmonitor: {my hook: {where: here}}}")
    lab.apply("a")
    before = {p: p.read_bytes() for p in (lab.root / "ledger").rglob("*.yaml")}
    lab.run("monitor")
    assert SEEN == ["here"]
    settings = lab.open().settings(("s", "a"))
    assert settings["seen by"] == "my hook"
    assert "too late" not in settings
    assert before == {p: p.read_bytes() for p in (lab.root / "ledger").rglob("*.yaml")}


def test_a_hook_cannot_change_states_or_the_ledger(lab: Any, publish: Callable[..., None]) -> None:
    class Meddles(Hook):
        def run(self) -> None:
            (event,) = self.ledger.get_event("s")
            event.analyses[0].status = "uploaded"
            self.ledger.update_event(event)
            self.ledger.add_event(event)

    publish(entrypoints.POSTMONITOR, "meddles", Meddles)
    enable(lab, "{postmonitor: [meddles]}")
    lab.apply("a")
    told = lab.run("monitor")
    assert "warning: hook 'meddles': " in told.out
    assert lab.states() == {"a": "ready"}


def run_jobs(lab: Any, *names: str) -> None:
    """Have the jobs of new analyses end, which no pass has seen: that takes its time."""
    lab.apply(*names)
    lab.run("manage", "build", "submit")
    for name in names:
        lab.until(name)


def raises(self: Any) -> None:
    raise ValueError("its own fault\nmore of it")


def leaves(self: Any) -> None:
    sys.exit(0)


def hangs(self: Any) -> None:
    time.sleep(60)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (raises, "postmonitor bad.run raised ValueError: its own fault"),
        (leaves, "postmonitor bad.run raised SystemExit: 0"),
        (hangs, "postmonitor bad.run did not return within 0.5 s"),
    ],
)
def test_a_hook_that_fails_is_told_in_a_line_and_the_rest_goes_on(
    lab: Any, publish: Callable[..., None], wrong: Callable[..., None], words: str
) -> None:
    if wrong is hangs:
        lab.run("configuration", "update", "monitor/hook timeout", "0.5")
    publish(entrypoints.POSTMONITOR, "bad", type("Bad", (Hook,), {"run": wrong}))
    publish(entrypoints.POSTMONITOR, "good", Hook)
    enable(lab, "{postmonitor: {bad: , good: }}")
    lab.apply("a")
    told = lab.run("monitor")
    assert f"warning: hook 'bad': {words}\n" in told.out
    assert words.partition("\n")[0] in log(lab) or "Traceback" in log(lab)
    assert SEEN == [{"a": "ready"}]


def test_what_a_hook_prints_goes_to_the_log_and_its_folder_is_left(
    lab: Any, publish: Callable[..., None]
) -> None:
    class Prints(Hook):
        def run(self) -> None:
            print("a great deal")
            os.chdir("/")

    publish(entrypoints.POSTMONITOR, "prints", Prints)
    enable(lab, "{postmonitor: [prints]}")
    told = lab.run("monitor")
    assert "a great deal" not in told.out + told.err
    assert "a great deal" in log(lab)
    assert Path.cwd() == lab.root


def test_a_hook_whose_package_cannot_be_imported_is_one_warning_that_names_it(
    lab: Any, publish: Callable[..., None]
) -> None:
    publish(entrypoints.POSTMONITOR, "bad", ImportError("no module named 'lal'"))
    publish(entrypoints.POSTMONITOR, "good", Hook)
    enable(lab, "{postmonitor: [bad, good]}")
    told = lab.run("monitor")
    words = "the plugin 'bad' of the package package-of-bad can't be loaded: ImportError: no module"
    assert told.out.count(words) == 1
    assert len(SEEN) == 1


def test_an_enabled_hook_that_is_not_installed_is_told_with_the_nearest(
    lab: Any, publish: Callable[..., None]
) -> None:
    publish(entrypoints.POSTMONITOR, "cbcflow", Hook)
    enable(lab, "{postmonitor: [cbcfow]}")
    told = lab.run("monitor")
    assert "there is no postmonitor hook 'cbcfow'; did you mean 'cbcflow'?" in told.out
    assert SEEN == []


def test_passes_that_follow_each_other_run_hooks_at_first_and_at_last(
    lab: Any, publish: Callable[..., None]
) -> None:
    publish(entrypoints.POSTMONITOR, "my hook", Hook)
    enable(lab, "{postmonitor: [my hook]}")
    lab.apply("a", "b, needs: [a]")
    lab.finish()
    assert len(SEEN) == 2
    assert SEEN[-1] == {"a": "uploaded", "b": "uploaded"}


def test_hooks_run_in_every_pass_where_their_interval_is_zero(
    lab: Any, publish: Callable[..., None]
) -> None:
    lab.run("configuration", "update", "monitor/hooks interval", "0")
    publish(entrypoints.POSTMONITOR, "my hook", Hook)
    enable(lab, "{postmonitor: [my hook]}")
    lab.apply("a", "b, needs: [a]")
    lab.finish()
    assert len(SEEN) > 2


# --- telemetry


class Sink:
    """A sink that notes events."""

    def __init__(self, where: str = "nowhere") -> None:
        self.where = where

    def emit(self, event: Any) -> None:
        SEEN.append((self.where, event.event_name, event.analysis_name, event.data["to"]))


def test_changes_of_state_are_told_to_enabled_sinks_once(
    lab: Any, publish: Callable[..., None]
) -> None:
    publish(entrypoints.TELEMETRY, "sink", Sink)
    publish(entrypoints.TELEMETRY, "other", ImportError("is not imported"))
    enable(lab, "{telemetry: {sink: {where: there, colour: red}}}")
    lab.apply("a")
    lab.finish()
    assert [("there", "s", "a", state) for state in ("running", "finished", "uploaded")] == SEEN
    lab.run("monitor")
    assert len(SEEN) == 3
    lab.run("production", "set", "s", "a", "--status", "restart")
    lab.run("monitor")
    assert [each[3] for each in SEEN[3:]] == ["restart", "ready"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda self, event: 1 / 0, "raised ZeroDivisionError"),
        (lambda self, event: time.sleep(60), "did not return within 0.5 s"),
        (lambda self, event: sys.exit(3), "raised SystemExit"),
    ],
)
def test_a_broken_sink_neither_stops_a_pass_nor_other_sinks(
    lab: Any,
    publish: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    wrong: Callable[..., None],
    words: str,
) -> None:
    monkeypatch.setattr(telemetry, "LIMIT", 0.5)
    publish(entrypoints.TELEMETRY, "bad", type("Bad", (), {"emit": wrong}))
    publish(entrypoints.TELEMETRY, "good", Sink)
    enable(lab, "{telemetry: [bad, good]}")
    lab.apply("a")
    told = lab.finish()
    assert f"warning: telemetry 'bad': telemetry bad.emit {words}" in told.out
    assert lab.states() == {"a": "uploaded"}
    assert [each[3] for each in SEEN] == ["running", "finished", "uploaded"]


# --- labellers


def labeller(answer: Any) -> Any:
    class Labels:
        name = "labels"

        def should_label(self, analysis: Any, context: Any = None) -> bool:
            SEEN.append(analysis.name)
            return bool(analysis.status == "uploaded")

        def label(self, analysis: Any, context: Any = None) -> Any:
            assert context.analysis is analysis
            return answer(analysis) if callable(answer) else answer

    return Labels


def test_labels_are_facts_that_needs_select_by(lab: Any, publish: Callable[..., None]) -> None:
    publish(entrypoints.LABELLERS, "labels", labeller({"snr": 9.5, "good": True}))
    lab.apply("a", "b, needs: [{label: snr >= 8}]")
    lab.finish()
    assert lab.states() == {"a": "uploaded", "b": "uploaded"}
    workspace = lab.open()
    assert workspace.facts["s", "a"]["labels"] == {"snr": 9.5, "good": True}


def test_labels_are_given_as_soon_as_a_log_tells_of_the_end(
    lab: Any, publish: Callable[..., None]
) -> None:
    publish(entrypoints.LABELLERS, "labels", labeller({"snr": 9.5}))
    lab.apply("a", "b, needs: [{label: snr >= 8}]")
    until = ("--until-idle", "--interval", "300", "--timeout", "600")
    lab.run("monitor", "--chain", *until)
    assert lab.states() == {"a": "uploaded", "b": "uploaded"}


def test_labels_stand_beside_those_of_the_ledger(lab: Any, publish: Callable[..., None]) -> None:
    publish(entrypoints.LABELLERS, "labels", labeller({"snr": 9.5}))
    lab.apply("a, labels: {mine: 1}", "b, labels: [one, two]")
    lab.finish()
    workspace = lab.open()
    assert workspace.settings(("s", "a"))["labels"] == {"mine": 1, "snr": 9.5}
    assert workspace.settings(("s", "b"))["labels"] == {"one": True, "two": True, "snr": 9.5}
    assert workspace.facts["s", "b"]["labels"] == {"snr": 9.5}
    lab.apply("b, labels: [two, three]", update=True)
    assert lab.open().settings(("s", "b"))["labels"] == {"two": True, "three": True, "snr": 9.5}


def test_what_has_not_changed_is_not_asked_about_again(
    lab: Any, publish: Callable[..., None]
) -> None:
    publish(entrypoints.LABELLERS, "labels", labeller({}))
    lab.apply("a", "b, status: wait")
    lab.finish(code=0)
    lab.run("monitor")
    SEEN.clear()
    lab.run("monitor")
    assert SEEN == []
    lab.run("production", "set", "s", "b", "--status", "ready")
    lab.run("monitor")
    assert SEEN == ["b"]
    publish(entrypoints.LABELLERS, "more", labeller({}))
    lab.run("monitor")
    assert SEEN == ["b", "a", "b", "a", "b"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda analysis: 1 / 0, "raised ZeroDivisionError"),
        ("good", "raised TypeError: labels should be a mapping, not str"),
        (lambda analysis: time.sleep(60), "did not return within 0.5 s"),
    ],
)
def test_a_labeller_that_fails_harms_no_analysis_and_no_other(
    lab: Any, publish: Callable[..., None], wrong: Any, words: str
) -> None:
    publish(entrypoints.LABELLERS, "bad", labeller(wrong))
    publish(entrypoints.LABELLERS, "broken", ImportError("no module"))
    publish(entrypoints.LABELLERS, "good", labeller({"good": True}))
    run_jobs(lab, *[f"a{number}" for number in range(3)])
    lab.run("configuration", "update", "monitor/hook timeout", "0.5")
    told = lab.finish()
    assert words in told.out
    assert told.out.count("'broken' of the package package-of-broken can't be loaded") == 1
    assert set(lab.states().values()) == {"uploaded"}
    assert lab.open().settings(("s", "a2"))["labels"] == {"good": True}


# --- states of packages


class Validation:
    """A handler that moves on what it has seen twice."""

    state_name = "Validation"

    def handle(self, context: Any) -> bool:
        analysis = context.analysis
        SEEN.append((analysis.name, context.analysis_path, context.job, context.dry_run))
        analysis.meta["seen"] = analysis.meta.get("seen", 0) + 1
        if analysis.meta["seen"] == 2:
            analysis.status = "finished"
            context.update_ledger()
        return True


def test_a_handler_makes_its_state_one_that_can_be_set_and_is_shown(
    lab: Any, publish: Callable[..., None]
) -> None:
    publish(entrypoints.MONITOR_STATES, "v", Validation)
    lab.apply("a", "b, needs: [a]")
    told = lab.run("production", "set", "s", "a", "--status", "validation")
    assert told.out == "s/a: ready -> validation\n"
    assert lab.states() == {"a": "validation", "b": "ready"}
    assert "is handled by an installed package" in lab.run("why", "s", "a").out
    lab.run("monitor", "--chain")
    assert lab.states()["a"] == "validation"
    assert "validation -> finished" in lab.run("monitor", "--chain").out
    assert SEEN == [("a", "s/a", None, False)] * 2
    assert lab.states()["a"] == "uploaded"


def test_a_pipeline_sends_an_analysis_to_a_state_of_its_own(
    lab: Any, publish: Callable[..., None], simple: Any
) -> None:
    class Own(simple):  # type: ignore[misc]
        name = "own"

        def after_completion(self) -> None:
            self.production.status = "validation"

        def get_state_handlers(self) -> dict[str, Any]:
            return {"validation": Validation(), "running": None}

    lab.register("own", Own)
    lab.apply("b", "a, pipeline: own, needs: [b]")
    lab.finish(code=3)  # what a package looks after is not waited for
    assert lab.states() == {"a": "validation", "b": "uploaded"}
    told = lab.run("monitor")
    assert "validation -> finished" in told.out
    assert lab.states() == {"a": "uploaded", "b": "uploaded"}
    refused = lab.run("production", "set", "s", "b", "--status", "validation", code=1)
    assert "there is no state 'validation'" in refused.err


def test_a_state_without_its_package_is_told_and_left(
    lab: Any, publish: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(entrypoints.MONITOR_STATES, "v", Validation)
    lab.apply("a")
    lab.run("production", "set", "s", "a", "--status", "validation")
    for each in (custom_states._handlers, custom_states._seen):
        each.clear()
    del states.STATES["validation"]
    publish(entrypoints.MONITOR_STATES, "v", ImportError("it is gone"))
    told = lab.run("monitor")
    assert "can't be loaded: ImportError: it is gone" in told.out
    assert "s/a is validation, and no installed package handles that state" in told.out
    assert lab.states() == {"a": "validation"}
    lab.run("production", "set", "s", "a", "--status", "ready")
    lab.finish()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda self, context: 1 / 0, "raised ZeroDivisionError"),
        (lambda self, context: sys.exit(1), "raised SystemExit"),
        (lambda self, context: time.sleep(60), "did not return within 0.5 s"),
        (
            lambda self, context: setattr(context.analysis, "status", "running"),
            "the handler of 'validation' can't set it to 'running'",
        ),
        (
            lambda self, context: setattr(context.analysis, "status", "validatoin"),
            "the handler of 'validation' can't set it to 'validatoin'",
        ),
    ],
)
def test_a_handler_that_fails_leaves_the_analysis_where_it_is(
    lab: Any, publish: Callable[..., None], wrong: Callable[..., Any], words: str
) -> None:
    publish(entrypoints.MONITOR_STATES, "v", type("V", (Validation,), {"handle": wrong}))
    run_jobs(lab, "b")
    lab.apply("a")
    lab.run("production", "set", "s", "a", "--status", "validation")
    lab.run("configuration", "update", "monitor/hook timeout", "0.5")
    told = lab.finish(code=3)
    assert (
        f"warning: s/a: {words}" in told.out
        or f"warning: s/a: state validation.handle {words}" in told.out
    )
    assert lab.states() == {"a": "validation", "b": "uploaded"}


def test_a_handler_of_asimovs_own_state_is_not_called(
    lab: Any, publish: Callable[..., None]
) -> None:
    publish(entrypoints.MONITOR_STATES, "r", type("R", (Validation,), {"state_name": "ready"}))
    publish(entrypoints.MONITOR_STATES, "v", Validation)
    lab.apply("a", "b")
    lab.run("production", "set", "s", "a", "--status", "validation")
    told = lab.run("monitor")
    assert [each[0] for each in SEEN] == ["a"]
    assert "the state 'ready' is reserved by asimov" in told.out + log(lab)


# --- applicators


class NewSubject:
    """A subject that is not in the ledger yet, and has no analyses."""

    productions = ()

    def __init__(self, name: str, **meta: Any) -> None:
        self.name = name
        self.meta = meta

    def to_dict(self, productions: bool = True) -> dict[str, Any]:
        return {"name": self.name, **self.meta}


class Applies:
    """An applicator that adds a subject, reads it back and changes it."""

    def __init__(self, ledger: Any) -> None:
        self.ledger = ledger
        SEEN.append(ledger.data["hooks"]["applicator"]["my hook"]["library"])

    def run(self, sid: str | None = None) -> None:
        self.ledger.add_event(NewSubject(str(sid), quality={"a": 1}))
        (event,) = self.ledger.get_event(sid)
        event.meta["quality"]["a"] += 1
        self.ledger.update_event(event)
        print("a great deal")


def ledger_of(lab: Any) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in (lab.root / "ledger").rglob("*.yaml")}


def test_an_applicator_writes_into_the_ledger(lab: Any, publish: Callable[..., None]) -> None:
    publish(entrypoints.APPLICATOR, "my hook", Applies)
    enable(lab, "{applicator: {my hook: {library: there}}}")
    told = lab.run("apply", "-p", "my hook", "-e", "S1", "--dry-run")
    assert told.out.startswith("add    subject S1\n")
    assert "S1" not in lab.open().contents.subjects
    told = lab.run("apply", "--plugin", "my hook", "-e", "S1")
    assert told.out.startswith("add    subject S1\n") or "added" in told.out
    assert "a great deal" not in told.out
    assert "a great deal" in log(lab)
    assert lab.open().contents.subjects["S1"]["quality"] == {"a": 2}
    assert SEEN == ["there", "there"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (raises, "applicator my hook.run raised ValueError: its own fault"),
        (leaves, "applicator my hook.run raised SystemExit: 0"),
        (hangs, "applicator my hook.run did not return within 0.5 s"),
        (lambda self: {}["library location"], "KeyError: 'library location'"),
        (
            lambda self: self.ledger.add_event(SimpleNamespace(name="a/b", meta={})),
            "my hook.run",
        ),
    ],
)
def test_an_applicator_that_fails_leaves_the_ledger_as_it_was(
    lab: Any, publish: Callable[..., None], wrong: Callable[..., None], words: str
) -> None:
    class Half(Applies):
        def run(self, sid: str | None = None) -> None:
            super().run(sid)
            wrong(self)

    publish(entrypoints.APPLICATOR, "my hook", Half)
    enable(lab, "{applicator: {my hook: {library: there}}}")
    lab.apply("a")
    if wrong is hangs:
        lab.run("configuration", "update", "monitor/hook timeout", "0.5")
    before, dump = ledger_of(lab), lab.dump()
    told = lab.run("apply", "-p", "my hook", "-e", "S1", code=1)
    assert words in told.err
    assert "Traceback" not in told.err
    assert (ledger_of(lab), lab.dump()) == (before, dump)


def test_the_results_that_an_applicator_outdates_are_named(
    lab: Any, publish: Callable[..., None]
) -> None:
    class Doubles(Applies):
        def run(self, sid: str | None = None) -> None:
            (event,) = self.ledger.get_event(sid)
            event.meta["gain"] = 2
            self.ledger.update_event(event)

    publish(entrypoints.APPLICATOR, "my hook", Doubles)
    enable(lab, "{applicator: {my hook: {library: there}}}")
    lab.apply("a", "b, status: wait")
    lab.finish()
    for dry in (["--dry-run"], []):
        told = lab.run("apply", "-p", "my hook", "-e", "s", *dry)
        assert "outdates s/a: gain: nothing -> 2" in told.out
        assert "s/b" not in told.out


def test_an_applicator_may_have_another_do_part_of_its_work(
    lab: Any, publish: Callable[..., None]
) -> None:
    class Outer(Applies):
        def __init__(self, ledger: Any) -> None:
            self.ledger = ledger

        def run(self, sid: str | None = None) -> None:
            workspace = current.workspace()
            assert isinstance(workspace, Workspace)
            apply_with(workspace, "my hook", sid)
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


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("-p", "my hok"), 1, "there is no applicator hook 'my hok'; did you mean 'my hook'?"),
        (("-p", "my hok"), 1, "installed: my hook, off"),
        (("-p", "off"), 1, "the applicator 'off' is not enabled in this project"),
        (("-p", "my hook", "-f", "x.yaml"), 2, "-p can't be combined with -f, -U"),
        (("-p", "my hook", "-U"), 2, "-p can't be combined with -f, -U"),
        ((), 2, "Missing option '-f' (a blueprint file) or '-p' (a hook)"),
    ],
)
def test_a_mistake_in_naming_an_applicator_is_clear(
    lab: Any, publish: Callable[..., None], arguments: tuple[str, ...], code: int, words: str
) -> None:
    publish(entrypoints.APPLICATOR, "my hook", Applies)
    publish(entrypoints.APPLICATOR, "off", Applies)
    enable(lab, "{applicator: {my hook: {library: there}}}")
    assert words in lab.run("apply", *arguments, code=code).err


# --- files


def test_a_file_is_fetched_by_a_hook(lab: Any, publish: Callable[..., None]) -> None:
    class Source:
        def __init__(self, config: Any) -> None:
            SEEN.append(config.get("project", "name"))

        def fetch(self, identifier: str, file: str) -> bytes:
            if file == "none":
                raise FileNotFoundError(file)
            return f"{identifier}/{file}".encode()

    publish(entrypoints.FILESOURCE, "gracedb", Source)
    publish(entrypoints.FILESOURCE, "odd", lambda config: SimpleNamespace(fetch=lambda *_: 3))
    workspace = lab.open()
    assert hooks.fetch(workspace, "gracedb", "G1", "coinc.xml") == b"G1/coinc.xml"
    assert SEEN == ["Test project"]
    for source, file, words in (
        ("gracedb", "none", "filesource gracedb.fetch raised FileNotFoundError"),
        ("odd", "x", "should return bytes, not int"),
        ("gracdb", "x", "there is no filesource hook 'gracdb'; did you mean 'gracedb'?"),
    ):
        with at_work(workspace, "test"), pytest.raises(AsimovError) as told:
            hooks.fetch(workspace, source, "G1", file)
        assert words in str(told.value)


def test_a_kind_of_hooks_that_there_is_not_is_noted_and_a_misspelt_one_refused(lab: Any) -> None:
    path = lab.root / "hooks.yaml"
    path.write_text("kind: configuration\nhooks: {monitoring: [x]}\n")
    assert "'monitoring' is not a kind of hook" in lab.run("apply", "-f", path).err
    path.write_text("kind: configuration\nhooks: {postmonitr: [x]}\n")
    told = lab.run("apply", "-f", path, code=1)
    assert "'postmonitr' is not a kind of hook; did you mean 'postmonitor'?" in told.err
