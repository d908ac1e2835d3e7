"""The revision of the ledger in a record leads to the entry in the ledger's history."""

from __future__ import annotations

import json
from typing import Any

from tests.lab import lab

__all__ = ["lab"]

SHELL = "pipeline: command, executable: /bin/sh, outputs: {y: y}, arguments: [-c, 'touch y']"


def test_a_record_names_the_change_that_the_history_lists(lab: Any) -> None:
    lab.apply(f"a, {SHELL}, gain: 2")
    lab.apply(f"a, {SHELL}, gain: 3", update=True)
    path = lab.root / "whole.yaml"
    path.write_text(f"{{kind: projectanalysis, name: whole, subjects: [s], analyses: [], {SHELL}}}")
    lab.run("apply", "-f", path)
    lab.finish()
    history = json.loads(lab.run("ledger", "history", "--json").out)
    *_, updated, added = history
    told = lab.run("provenance", "s/a").out
    assert f"  ledger        change {updated['number']} of 'asimov ledger history'\n" in told
    assert json.loads(lab.run("ledger", "history", "s/a", "--json").out)[-1] == updated
    told = lab.run("provenance", "project-analyses/whole").out
    assert f"  ledger        change {added['number']} of 'asimov ledger history'\n" in told

    ledger = lab.root / "ledger" / "subjects" / "s.yaml"
    ledger.write_text(ledger.read_text().replace("gain: 3", "gain: 4"))
    lab.run("production", "set", "s/a", "--status", "restart")
    lab.finish()
    told = lab.run("provenance", "s/a").out
    entry = f"change {updated['number']} of 'asimov ledger history', and edited by hand since\n"
    assert entry in told
    written = json.loads(lab.run("provenance", "s/a", "--format", "prov-json").out)
    (attempt,) = [each for each in written["activity"].values() if "asimov:host" in each]
    assert attempt["asimov:ledgerChange"] == updated["number"]
