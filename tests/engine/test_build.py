"""Building: what is rendered and committed, and what is left as it is."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from asimov.journal.keys import Key
from asimov.journal.tasks import Tasks

TEMPLATE = "[settings]\nspeed = {{ meta.speed }}\n"


def log(root: Path) -> list[str]:
    """Return the subjects of the commits, the newest first."""
    told = subprocess.run(
        ["git", "-C", str(root / "checkouts"), "log", "--format=%s"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return told.stdout.splitlines()


@pytest.fixture
def templated(lab: Any) -> Any:
    """A project with a template in it and a default of the project."""
    folder = lab.root / "templates"
    folder.mkdir()
    (folder / "t.ini").write_text(TEMPLATE)
    (lab.root / "ledger" / "project.yaml").write_text("speed: 1\n")
    return lab


def test_a_build_is_one_commit_of_all_that_it_rendered(templated: Any) -> None:
    templated.apply("a, template: t.ini", "b, template: t.ini")
    templated.run("manage", "build")
    assert log(templated.root) == ["Build 2 analyses"]
    assert templated.config("a").read_text() == "[settings]\nspeed = 1\n"
    templated.apply("c, template: t.ini")
    templated.run("manage", "build")
    assert log(templated.root) == ["Build s/c", "Build 2 analyses"]


def test_nothing_is_rendered_or_committed_when_nothing_has_changed(templated: Any) -> None:
    templated.apply("a, template: t.ini")
    templated.run("manage", "build")
    stamp = templated.config("a").stat()
    ran = templated.run("manage", "build")
    assert "1 unchanged" in ran.out
    assert templated.config("a").stat() == stamp
    assert len(log(templated.root)) == 1


def test_a_dry_run_prints_the_configuration_and_touches_nothing(
    templated: Any, everything: Any
) -> None:
    templated.apply("a, template: t.ini")
    before, journal = everything(templated.root), templated.dump()
    ran = templated.run("manage", "build", "--dry-run")
    assert "speed = 1" in ran.out
    assert (everything(templated.root), templated.dump()) == (before, journal)


def test_a_changed_default_reaches_analyses_that_have_not_started(templated: Any) -> None:
    templated.apply("a, template: t.ini", "b, template: t.ini, needs: [a]")
    templated.run("manage", "build", "submit")
    (templated.root / "ledger" / "project.yaml").write_text("speed: 2\n")
    templated.finish()
    assert templated.config("a").read_text() == "[settings]\nspeed = 1\n"
    assert templated.config("b").read_text() == "[settings]\nspeed = 2\n"


def test_a_changed_template_is_rendered_anew(templated: Any) -> None:
    templated.apply("a, template: t.ini")
    templated.run("manage", "build")
    (templated.root / "templates" / "t.ini").write_text(TEMPLATE + "more = 1\n")
    templated.run("manage", "build")
    assert "more = 1" in templated.config("a").read_text()


def test_an_edit_by_hand_is_kept_while_the_settings_stay(templated: Any) -> None:
    templated.apply("a, template: t.ini")
    templated.run("manage", "build")
    templated.config("a").write_text("[settings]\nspeed = 3\n")
    templated.run("manage", "build", "submit")
    assert templated.config("a").read_text() == "[settings]\nspeed = 3\n"
    assert templated.states() == {"a": "running"}


def test_an_edit_by_hand_is_not_overwritten_when_settings_have_changed(templated: Any) -> None:
    templated.apply("a, template: t.ini")
    templated.run("manage", "build")
    templated.config("a").write_text("[settings]\nspeed = 3\n")
    (templated.root / "ledger" / "project.yaml").write_text("speed: 2\n")
    ran = templated.run("manage", "build", code=1)
    assert "was edited by hand, and its settings have changed since" in ran.out
    assert "--force" in ran.out
    assert templated.config("a").read_text() == "[settings]\nspeed = 3\n"
    assert templated.states() == {"a": "ready"}
    assert "edited by hand" in " ".join(templated.rows()["a"]["waiting_for"])
    templated.run("manage", "build", "--force")
    assert templated.config("a").read_text() == "[settings]\nspeed = 2\n"
    assert templated.rows()["a"]["waiting_for"] == []


def test_a_name_that_is_not_defined_is_told_with_template_and_line(templated: Any) -> None:
    (templated.root / "templates" / "t.ini").write_text("[settings]\n\nx = {{ meta.nosuch }}\n")
    templated.apply("a, template: t.ini", "b")
    ran = templated.run("manage", "build", "submit", code=1)
    place = templated.root / "templates" / "t.ini"
    assert f"s/a: {place}:3: 'dict object' has no attribute 'nosuch'" in ran.out
    # One that can be mended is not stuck, and keeps no other from being submitted.
    assert templated.states() == {"a": "ready", "b": "running"}
    assert f"{place}:3" in " ".join(templated.rows()["a"]["waiting_for"])
    (templated.root / "templates" / "t.ini").write_text(TEMPLATE)
    templated.finish()
    assert templated.states() == {"a": "uploaded", "b": "uploaded"}


def test_an_asset_that_there_is_not_is_told_with_those_that_there_are(templated: Any) -> None:
    shell = "pipeline: command, executable: /bin/sh, arguments"
    (templated.root / "templates" / "t.ini").write_text("x = 1\ny = {{ assets['psds'] }}\n")
    templated.apply(
        f"first, {shell}: [-c, 'touch x y'], outputs: {{psd: x, samples: y}}",
        f"second, {shell}: [-c, 'touch z'], outputs: {{z: z}}",
        f"a, {shell}: ['{{{{ assets.sample }}}}'], outputs: {{o: o}}, needs: [first, second]",
        "b, template: t.ini, needs: [first]",
        f"c, {shell}: ['{{{{ assets.yy }}}}'], outputs: {{o: o}}",
    )
    templated.finish(code=3)
    there = "s/first has psd, samples"
    told = templated.run("why", "s/a").out
    assert "there is no asset 'sample'; did you mean 'samples'?" in told
    assert f"of its inputs, {there}; s/second has z" in told
    told = templated.run("why", "s/b").out
    assert "t.ini:2: there is no asset 'psds'; did you mean 'psd'?" in told and there in told
    told = templated.run("why", "s/c").out
    assert "there is no asset 'yy'" in told and "it has no inputs: name them in 'needs'" in told


def test_a_template_that_does_not_parse_is_told_with_its_line(templated: Any) -> None:
    (templated.root / "templates" / "t.ini").write_text("[settings]\n{% if %}\n")
    templated.apply("a, template: t.ini")
    ran = templated.run("manage", "build", code=1)
    assert f"{templated.root / 'templates' / 't.ini'}:2: is not a valid template" in ran.out


def test_an_unknown_template_is_told_with_the_places_that_were_looked_at(templated: Any) -> None:
    templated.apply("a, template: nosuch.ini")
    ran = templated.run("manage", "build", code=1)
    assert "there is no template 'nosuch.ini'" in ran.out
    assert str(templated.root / "templates") in ran.out


def test_templates_are_looked_for_in_the_documented_order(templated: Any) -> None:
    root = templated.root
    (root / "test.ini").write_text("the project's folder\n")
    templated.apply("own, template: test.ini", "pipelines")
    templated.run("manage", "build")
    assert templated.config("own").read_text() == "the project's folder\n"
    # Without the setting the pipeline's own template holds, looked for in the same places.
    (root / "templates" / "test.ini").write_text("the templates folder\n")
    templated.run("manage", "build")
    assert templated.config("own").read_text() == "the templates folder\n"
    (root / "test.ini").unlink()
    (root / "templates" / "test.ini").unlink()
    templated.run("manage", "build")
    assert "name = own" in templated.config("own").read_text()


def test_a_project_that_has_moved_is_built_anew(
    templated: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (templated.root / "templates" / "t.ini").write_text("here = {{ rundir }}\n")
    templated.apply("a, template: t.ini")
    templated.run("manage", "build")
    new = templated.root.with_name("moved")
    os.chdir(new.parent)
    templated.root.rename(new)
    monkeypatch.chdir(new)
    ran = templated.run("manage", "submit")
    assert "its settings have changed since it was built" in ran.out
    templated.root = new
    templated.finish()
    assert templated.config("a").read_text() == f"here = {new}/working/s/a\n"
    assert templated.states() == {"a": "uploaded"}
    templated.root.rename(templated.root.with_name("project"))
    monkeypatch.chdir(new.with_name("project"))


def test_only_the_named_subject_is_built(lab: Any) -> None:
    lab.apply("a")
    (lab.root / "other.yaml").write_text(
        "{kind: subject, name: t}\n---\n"
        "{kind: analysis, event: t, name: b, pipeline: simpletestpipeline}\n"
    )
    lab.run("apply", "-f", "other.yaml")
    lab.run("manage", "build", "--event", "t")
    assert not lab.config("a").exists()
    assert (lab.root / "checkouts" / "t" / "analyses" / "b.ini").exists()


def test_what_before_config_writes_to_the_settings_is_kept_and_rendered(
    templated: Any, simple: Any
) -> None:
    def before_config(self: Any, dryrun: bool = False) -> None:
        self.production.meta["speed"] = 7
        self.production.event.meta["seen"] = "by a"

    templated.register("writer", type("W", (simple,), {"before_config": before_config}))
    (templated.root / "templates" / "late.ini").write_text("{{ meta.seen }}\n")
    templated.apply("a, pipeline: writer, template: t.ini", "b, template: late.ini, needs: [a]")
    templated.run("manage", "build", "--dry-run")
    assert templated.open().facts == {}
    templated.finish()
    assert "speed = 7" in templated.config("a").read_text()
    assert templated.config("b").read_text() == "by a\n"
    assert "7" not in (templated.root / "ledger" / "subjects" / "s.yaml").read_text()


def test_why_it_can_not_be_built_is_not_said_of_settings_that_were_mended(lab: Any) -> None:
    refused, mended = "can't be built: ", "its settings have changed since its build failed"
    missing = "a, pipeline: command, executable: /no, outputs: {y: y}"
    lab.apply(missing)
    lab.run("manage", "build", code=1)
    assert refused in lab.run("why", "s/a").out
    assert refused in lab.rows()["a"]["waiting_for"][0]
    lab.apply(missing.replace("/no", "/bin/sh"), update=True)
    told = lab.run("why", "s/a").out
    assert mended in told and "'asimov manage build submit'" in told and refused not in told
    assert lab.rows()["a"]["waiting_for"] == [mended]
    # What is as it was is refused as it was.
    lab.apply(missing, update=True)
    assert refused in lab.run("why", "s/a").out
    lab.apply(missing.replace("/no", "/bin/sh"), update=True)
    lab.run("manage", "build")
    assert "it is built" in lab.run("why", "s/a").out


def test_what_a_program_waits_for_is_stuck_if_it_can_not_be_built(lab: Any) -> None:
    missing = "pipeline: command, executable: /no, outputs: {y: y}"
    lab.apply(f"a, {missing}", f"b, {missing}")
    tasks = Tasks(lab.open().journal)
    tasks.begin(tasks.add("command"), Key("s", "a"), "http://127.0.0.1/tasks/1/")
    lab.run("manage", "build", code=1)
    assert lab.states() == {"a": "stuck", "b": "ready"}  # a person may mend b meanwhile
    assert "/no" in lab.reason("a")
    lab.apply(f"a, {missing.replace('/no', '/bin/sh')}", update=True)
    lab.run("production", "set", "s/a", "--status", "ready")
    lab.run("manage", "build", code=1)  # of b
    assert lab.states()["a"] == "ready"
    assert "it is built" in lab.run("why", "s/a").out
