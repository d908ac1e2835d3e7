"""Scene: build, submit and run the analysis, up to its stored results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asimov.errors import ReportedError
from asimov.scheduler import Gone, NotFound
from asimov.scheduler.languages.dag_file import read_dag_file
from asimov.testing.conformance import snapshots
from asimov.testing.conformance.diagnosis import not_over
from asimov.testing.conformance.findings import Findings
from asimov.testing.conformance.products import judge_products
from asimov.testing.conformance.scene_project import SceneProject, scene_project
from asimov.testing.conformance.scene_task import BY_OBJECT, BY_PROGRAM, Task


def run(task: Task, findings: Findings) -> None:
    """Run the analysis up to its stored results."""
    with scene_project(task, findings) as here:
        here.prepare()
        _rehearse(here, "build")
        here.build()
        _rehearse(here, "submit")
        _build_again(here)
        job_id = _submit(here)
        if job_id is None:
            findings.stop("job-number")
            return
        findings.note(BY_OBJECT if here.watch.by_object else BY_PROGRAM)
        _while_running(here)
        answer = here.outcome()
        if not isinstance(answer, Gone):
            why = not_over(answer, task.patience, here.scheduler())
            findings.unknown("complete-after", why)
            findings.stop("complete-after")
            return
        if _complete(here, answer):
            judge_products(here)
        else:
            findings.stop("complete-after")


def _rehearse(here: SceneProject, command: str) -> None:
    """Check that a dry run changes nothing."""
    workspace = here.project.reopen()
    before = here.files(), snapshots.journal(workspace), snapshots.jobs(workspace, here.key)
    try:
        getattr(here.project, command)(here.key, dry_run=True)
    except ReportedError as error:
        here.findings.fails("dry-runs", f"manage {command} --dry-run: {error}")
    workspace = here.project.reopen()
    after = here.files(), snapshots.journal(workspace), snapshots.jobs(workspace, here.key)
    found = [snapshots.difference(before[0], after[0])]
    found += ["the journal has changed"] if before[1] != after[1] else []
    found += ["a job was submitted"] if before[2] != after[2] else []
    seen = f"manage {command} --dry-run: {'; '.join(filter(None, found))}"
    here.findings.judge("dry-runs", not any(found), seen)


def _build_again(here: SceneProject) -> None:
    """Call `build_dag` twice before the submission, which calls it once more."""
    findings = here.findings
    here.project.reopen()
    try:
        here.call("before_build", dryrun=False)
        here.call("build_dag", dryrun=False)
    except ReportedError as error:
        findings.unknown("builds-again", str(error))
        return
    with findings.judging("builds-again"):
        first = _built(here)
        here.project.reopen()
        here.call("build_dag", dryrun=False)
        changed = snapshots.difference(first, _built(here))
        findings.judge("builds-again", not changed, f"after the second call, {changed}")
    with findings.judging("incomplete-before"):
        said = here.call("detect_completion")
        findings.judge(
            "incomplete-before",
            not said,
            f"detect_completion returned {said!r} before a job has run",
        )


def _built(here: SceneProject) -> dict[str, str]:
    """Return the names of the run directory's files; for DAG files, also their nodes."""
    working = here.project.workspace.project.working
    found = dict.fromkeys(snapshots.files(working), "")
    for path in here.rundir.rglob("*.dag"):
        found[str(path.relative_to(working))] = " ".join(sorted(read_dag_file(path).nodes))
    return found


def _submit(here: SceneProject) -> int | None:
    findings = here.findings
    before = here.jobs()
    here.watch.said.clear()
    try:
        job_id = here.submit()
    except ReportedError as error:
        findings.fails("job-number", str(error))
        job_id = None
    _, said, _, raised = here.watch.said[-1] if here.watch.said else (None,) * 4
    new = {number: uid for number, uid in here.jobs().items() if number not in before}
    if job_id is None:
        if len(new) > 1:
            findings.fails("one-job", f"jobs {', '.join(map(str, new))} were submitted")
        return None
    if raised:
        findings.fails("job-number", f"{raised}, although job {job_id} was submitted")
    findings.judge(
        "job-number",
        said is not None,
        f"submit_dag returned no job number; job {job_id} was found by its tag",
    )
    if job_id not in new and isinstance(here.observe(), NotFound):
        findings.fails(
            "job-number",
            f"submit_dag returned job {job_id}, but the scheduler has no such job",
        )
        return None
    attempt = here.project.workspace.journal.attempts(here.key)[-1]
    findings.judge(
        "tagged",
        new.get(job_id) == attempt.uid,
        f"job {job_id} carries {new.get(job_id) or 'no tag'}, but the attempt is {attempt.uid}",
    )
    findings.judge(
        "one-job", len(new) == 1, f"{len(new)} jobs were submitted: {', '.join(map(str, new))}"
    )
    return job_id


def _while_running(here: SceneProject) -> None:
    with here.findings.judging("running"):
        here.call("while_running")
        here.call("check_progress")
        here.findings.holds("running")


def _complete(here: SceneProject, answer: Gone) -> bool:
    """Ask several times whether the analysis is complete; return the first answer."""
    findings = here.findings
    here.project.reopen()
    complete = False
    with findings.judging("complete-after"):
        complete = bool(here.call("detect_completion"))
        findings.judge("complete-after", complete, _ending(here, answer))
    if not findings.made["complete-after"].holds:
        return False
    with findings.judging("completion-repeats"):
        before = here.files(), here.jobs()
        answers = [complete]
        for _ in range(2):
            here.project.reopen()
            answers.append(bool(here.call("detect_completion")))
        changed = snapshots.difference(before[0], here.files())
        if before[1] != here.jobs():
            changed += "; a job was submitted"
        findings.judge("completion-repeats", not changed, f"asking again caused changes: {changed}")
        findings.judge(
            "completion-repeats", all(answers), f"asked {len(answers)} times, it answered {answers}"
        )
    elsewhere: Any = None
    with findings.judging("any-folder"):
        here.project.reopen()
        elsewhere = here.call_elsewhere("detect_completion")
        seen = f"called in another folder, detect_completion returned {elsewhere!r}"
        findings.judge("any-folder", elsewhere, seen)
    return True


def _ending(here: SceneProject, answer: Gone) -> str:
    """Explain why an analysis may not be complete."""
    found = (
        f"detect_completion is false; job {answer.job_id} ended with exit code {answer.exit_code}"
    )
    for method, what in (("missing_outputs", "missing"), ("collect_logs", "logs")):
        try:
            more = here.call(method)
        except ReportedError:
            continue
        if what == "logs" and isinstance(more, Mapping):
            texts = [str(text).strip().splitlines() for text in more.values()]
            more = [lines[-1] for lines in texts if lines]
        if more:
            found += f"; {what}: {', '.join(map(str, more))[:300]}"
    return found
