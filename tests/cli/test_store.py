"""``asimov store``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from typing import Any

from tests.lab import lab

__all__ = ["lab"]

MAKES = 'pipeline: command, executable: /bin/sh, outputs: {y: y}, arguments: [-c, "echo 2 > y"]'


def test_results_are_verified_and_faults_are_told_with_their_owner(lab: Any) -> None:
    lab.apply(f"a, {MAKES}", "b, pipeline: simpletestpipeline")
    assert lab.run("store", "verify").out.startswith("0 stored files")
    lab.finish()
    told = lab.run("store", "verify").out
    assert "all as they were stored" in told and told.startswith("4 stored files")
    stored = lab.root / "results/s/a/y"
    stored.chmod(0o644)
    stored.write_text("3\n")
    assert "s/a: changed: y: its checksum differs\n" in lab.run("store", "verify", code=1).out
    assert "all as they" in lab.run("store", "verify", "--quick").out, "it is a second old"
    later = time.time() + 100
    os.utime(stored, (later, later))
    lab.run("store", "verify", "--quick", code=1)
    assert "all as they" in lab.run("store", "verify", "s/b").out
    assert "changed: y" in lab.run("store", "verify", "s/a*", "--pipeline", "command", code=1).out
    found = json.loads(lab.run("store", "verify", "--json", code=1).out)
    assert found["faults"] == [
        {"subject": "s", "analysis": "a", "name": "y", "kind": "changed",
         "detail": "its checksum differs"}
    ]  # fmt: skip
    stored.unlink()
    assert "s/a: missing: y: " in lab.run("store", "verify", code=1).out
    (lab.root / "results/s/a/manifest.json").unlink()
    told = lab.run("store", "verify", code=1).out
    assert (
        "s/a: missing: manifest.json: its results are recorded as stored, but nothing is stored"
        in told
    )


def test_the_advice_about_faults_works_when_it_is_pasted(lab: Any) -> None:
    lab.apply(f"a, {MAKES}")
    lab.finish()
    folder = lab.root / "results/s/a"
    (folder / "manifest.json").write_text("{")
    told = lab.run("store", "verify", code=1).out
    assert told.count("1 fault\n") == 1
    advice = "Restore such files from a backup, or make the results again: asimov "
    (line,) = [each for each in told.splitlines() if each.startswith(advice)]
    lab.run(*line.removeprefix(advice).split(), "--yes")
    lab.finish()
    assert lab.states() == {"a": "uploaded"}
    (folder / "y").rename(folder / "superseded-1" / "z")
    told = lab.run("store", "verify", code=1).out
    assert "superseded-1/manifest.json: is not a valid manifest" in told
    removal = told.partition("if nobody needs them, remove them: ")[2].splitlines()[0]
    subprocess.run(["/bin/sh", "-c", removal], check=True)
    assert lab.run("store", "verify", code=1).out.count(": missing: y: it does not exist") == 1
    lab.run("rerun", "s/a", "--yes")
    lab.finish()
    (folder / "superseded-1/manifest.json").unlink()
    (folder / "y.bak").write_text("")
    told = lab.run("store", "verify", code=1).out
    assert (
        "unknown: y.bak" in told and "Move files that no manifest lists out of the results" in told
    )
    lab.run("rm", "s/a", "--yes")


def test_results_that_are_gone_are_a_fault_even_without_the_run_directory(lab: Any) -> None:
    lab.apply(f"a, {MAKES}")
    lab.finish()
    shutil.rmtree(lab.rundir("a"))
    shutil.rmtree(lab.root / "results")
    told = lab.run("store", "verify", code=1).out
    assert (
        "s/a: missing: manifest.json: its results are recorded as stored, but nothing is stored"
        in told
    )
    assert "nothing is stored in" in lab.run("why", "s/a").out


def test_a_manifest_with_an_odd_entry_is_one_fault_and_stops_no_other(lab: Any) -> None:
    lab.apply(f"a, {MAKES}", f"b, {MAKES}")
    lab.finish()
    manifest = lab.root / "results/s/a/manifest.json"
    manifest.chmod(0o644)
    (lab.root / "results/s/b/y").chmod(0o644)
    (lab.root / "results/s/b/y").write_text("3\n")
    for text in ('{"y": 5}', '{"files": []}', "[]", "null", "{"):
        manifest.write_text(text)
        ran = lab.run("store", "verify", code=1)
        assert "s/a: unreadable: manifest.json" in ran.out, ran
        assert "s/b: changed: y" in ran.out
        for command in (("manage", "results"), ("clean", "-n"), ("production", "results", "s/a")):
            assert "bug in asimov" not in str(lab.asimov(*command))
