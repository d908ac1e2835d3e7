"""A project on HTCondor where no HTCondor can be reached, in processes of their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

NOWHERE = {"CONDOR_CONFIG": "ONLY_ENV"}  # the bindings then look for no daemon of anybody's
BLUEPRINT = """\
kind: subject
name: s
analyses:
- {name: a, pipeline: command, executable: /bin/true, outputs: {o: o.txt}}
- {name: b, pipeline: simpletestpipeline, needs: [a]}
"""


def test_what_can_not_be_submitted_stays_ready_and_every_command_says_why(
    quick_shell: Any, tmp_path: Path
) -> None:
    (tmp_path / "b.yaml").write_text(BLUEPRINT)
    made = quick_shell("asimov init U --scheduler htcondor && asimov apply -f b.yaml", **NOWHERE)
    assert made.code == 0, made
    ran = quick_shell("asimov monitor", **NOWHERE)
    assert (ran.code, "1 can be built and submitted" in ran.out) == (0, True), ran  # b needs a
    assert quick_shell("asimov manage build submit", **NOWHERE).code == 5
    (row, _) = json.loads(quick_shell("asimov status --json", **NOWHERE).out)
    assert row["status"] == "ready"
    assert "can't be submitted" in row["waiting_for"][0]
    assert "schedd can't be reached" in row["waiting_for"][0]
    waited = "asimov monitor --chain --until-idle --interval 0.2 --timeout 1"
    ran = quick_shell(waited, **NOWHERE)
    assert ran.code == 5, ran
    assert "stuck" not in ran.out
