"""Verdicts are known from stamps, and looked at again only where something has changed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from asimov.engine.staleness import comparison
from asimov.engine.staleness.verdicts import outdated

SHELL = "pipeline: command, executable: /bin/sh, outputs: {y: y}"
INPUT = "arguments: [-c, 'cat {{ project_root }}/in.txt > y']"


@contextmanager
def looks(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Count the analyses of which more than stamps is compared."""
    seen: list[str] = []
    real = comparison.last_run

    def last_run(journal: Any, key: Any) -> Any:
        seen.append(key.name)
        return real(journal, key)

    with monkeypatch.context() as patched:
        patched.setattr(comparison, "last_run", last_run)
        yield seen


def found(lab: Any, *, reading: bool = False) -> dict[str, list[str]]:
    workspace = lab.open() if not reading else type(lab.open()).open(lab.root, reading=True)
    with closing(workspace.journal):
        return {
            key.name: [each.text for each in reasons]
            for key, reasons in outdated(workspace, workspace.keys()).items()
        }


def test_only_what_has_changed_is_looked_at_again(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = lab.root / "in.txt"
    path.write_text("in\n")
    os.utime(path, (1, 1))
    lab.apply(f"a, gain: 2, {SHELL}, {INPUT}", f"b, needs: [a], {SHELL}, {INPUT}")
    lab.finish()
    assert lab.states() == {"a": "uploaded", "b": "uploaded"}
    with monkeypatch.context() as patched:
        patched.setattr("asimov.engine.staleness.fingerprints.FRESH", -60)
        found(lab)
        with looks(patched) as seen:
            assert found(lab) == found(lab, reading=True) == {}
        assert seen == []

        lab.apply(f"d, {SHELL}")  # another analysis in the same file
        with looks(patched) as seen:
            assert found(lab) == {}
        assert seen == []

        ledger = lab.root / "ledger" / "subjects" / "s.yaml"
        ledger.write_text(ledger.read_text().replace("gain: 2", "gain: 5"))
        with looks(patched) as seen:
            assert found(lab) == found(lab, reading=True) == {"a": ["gain: 2 -> 5"]}
        assert seen == ["a"]

        os.utime(path)  # the same content
        with looks(patched) as seen:
            assert found(lab) == {"a": ["gain: 2 -> 5"]}
            assert found(lab) == {"a": ["gain: 2 -> 5"]}
        assert seen == ["a", "b"]


def test_a_fresh_file_is_read_again(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = lab.root / "in.txt"
    path.write_text("one\n")
    monkeypatch.setattr("asimov.engine.staleness.fingerprints.FRESH", 60)  # the run may be slow
    lab.apply(f"a, {SHELL}, {INPUT}")
    lab.finish()
    assert found(lab) == {}
    stamp = path.stat().st_mtime_ns
    path.write_text("two\n")
    os.utime(path, ns=(stamp, stamp))
    assert found(lab) == {"a": ["in.txt has changed"]}


def test_what_a_run_writes_itself_outdates_nothing(lab: Any, simple: Any) -> None:
    class Writes(simple):  # type: ignore[misc]
        def detect_completion(self) -> bool:
            self.production.meta["found by the run"] = 7
            self.production.subject.meta["for all"] = {"quality": 1}
            return bool(super().detect_completion())

    lab.register("writes", Writes)
    lab.apply("a, pipeline: writes", "b, pipeline: writes")
    lab.finish()
    assert lab.states() == {"a": "uploaded", "b": "uploaded"}
    assert found(lab) == {}


def test_a_run_of_which_nothing_is_known_is_not_out_of_date(lab: Any) -> None:
    lab.apply(f"a, gain: 2, {SHELL}, arguments: [-c, 'touch y']")
    lab.finish()
    lab.apply(f"a, gain: 5, {SHELL}, arguments: [-c, 'touch y']", update=True)
    with closing(lab.open().journal) as journal:
        journal.write("DELETE FROM provenance")
        journal.write("DELETE FROM fingerprints")
    assert found(lab) == {}
