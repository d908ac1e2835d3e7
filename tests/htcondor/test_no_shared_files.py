"""Stock pipelines on a pool whose execute side sees nothing of the project's folder."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from asimov.pipeline.progress import INTERVAL
from tests import containers
from tests.htcondor.own_pool import OwnPool, Project, started, until

pytestmark = pytest.mark.htcondor

#: Runs a job in a mount namespace in which a folder is empty.
HIDING = """#!/bin/sh
exec unshare --user --map-root-user --mount --propagation private \\
    sh -c 'mount -t tmpfs none "$0" && exec "$@"' {hidden} "$@"
"""


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnPool]:
    with started() as pool:
        wrapper = pool.folder / "hiding"
        wrapper.write_text(HIDING.format(hidden=tmp_path_factory.getbasetemp()))
        wrapper.chmod(0o755)
        pool.configure(
            "elsewhere",
            f"STARTD.FILESYSTEM_DOMAIN = elsewhere.invalid\nUSER_JOB_WRAPPER = {wrapper}\n",
        )
        asked = ("condor_status", "-af", "FileSystemDomain")
        until(lambda: pool.tool(*asked), lambda told: set(told.split()) == {"elsewhere.invalid"})
        yield pool


@pytest.fixture
def project(pool: OwnPool, tmp_path: Path) -> Iterator[Project]:
    root = tmp_path / "p"
    root.mkdir()
    project = Project(root, pool)
    project.apply("{kind: subject, name: s}")
    yield project
    project.end()


def command(name: str, script: str, **more: object) -> str:
    return json.dumps(
        {
            "kind": "analysis", "event": "s", "name": name, "pipeline": "command",
            "executable": "/bin/sh", "arguments": ["-c", script, "sh"], **more,
        }
    )  # fmt: skip


def script(project: Project, name: str, text: str) -> None:
    path = project.root / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)


def results(project: Project, name: str, file: str) -> str:
    return (project.root / "results/s" / name / file).read_text()


def test_the_project_is_really_hidden(project: Project) -> None:
    path = project.root / "secret"
    path.touch()
    project.apply(command("a", f"ls {project.root}; echo $? > code", outputs={"code": "code"}))
    assert project.finish() == {"a": "uploaded"}
    assert results(project, "a", "code") == "2\n"


def test_a_chain_reads_a_program_data_and_an_asset(project: Project) -> None:
    script(
        project, "bin/first", 'mkdir -p d/e; cat "$1" > d/e/x; cat "$2" >> d/e/x; echo hello >&2\n'
    )
    script(project, "bin/second", 'find "$1" -name x -exec cat {} + > y; grep -c . "$2" > z\n')
    (project.root / "data").mkdir()
    (project.root / "data/in put.txt").write_text("data\n")
    project.apply(
        json.dumps(
            {
                "kind": "analysis", "event": "s", "name": "a", "pipeline": "command",
                "executable": "bin/first", "arguments": ["data/in put.txt", "{{ config_file }}"],
                "template": "a.ini", "outputs": {"tree": "d"},
            }
        )
    )  # fmt: skip
    (project.root / "templates").mkdir()
    (project.root / "templates/a.ini").write_text("[a]\nname = {{ name }}\n")
    project.apply(
        json.dumps(
            {
                "kind": "analysis", "event": "s", "name": "b", "pipeline": "command",
                "executable": "bin/second", "arguments": ["{{ assets.tree }}", "{{ config_file }}"],
                "needs": ["a"], "outputs": {"y": "y", "z": "z"},
            }
        )
    )  # fmt: skip
    assert project.finish() == {"a": "uploaded", "b": "uploaded"}
    assert results(project, "b", "y") == "data\n[a]\nname = a\n"
    assert (project.root / "working/s/a/job.err").read_text() == "hello\n"


def test_paths_in_a_configuration_are_right_on_the_execute_node(project: Project) -> None:
    (project.root / "templates").mkdir()
    (project.root / "templates/a.ini").write_text(
        "in={{ project_root }}/x.txt\nout={{ rundir }}/made.txt\n"
    )
    (project.root / "x.txt").write_text("x\n")
    project.apply(
        command(
            "a", '. "$1"; cat "$in" > "$out"', template="a.ini", outputs={"made": "made.txt"},
        ).replace('"sh"]', '"sh", "{{ config_file }}"]')
    )  # fmt: skip
    assert project.finish() == {"a": "uploaded"}
    assert results(project, "a", "made.txt") == "x\n"


def test_a_url_is_fetched_on_the_execute_node(project: Project, pool: OwnPool) -> None:
    served = pool.folder / "served"
    served.mkdir()
    (served / "map.txt").write_text("a map\n")
    handler = partial(SimpleHTTPRequestHandler, directory=str(served))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        project.apply(command("a", 'cat "$1" > o', outputs={"o": "o"}, **{
            "input files": [f"{address}/map.txt"],
        }).replace('"sh"]', f'"sh", "{address}/map.txt"]'))  # fmt: skip
        assert project.finish() == {"a": "uploaded"}
        server.shutdown()
    assert results(project, "a", "o") == "a map\n"


def test_a_macro_in_the_name_of_an_input_is_part_of_its_name(project: Project) -> None:
    (project.root / "year$(x).txt").write_text("right\n")
    (project.root / "year.txt").write_text("wrong\n")
    project.apply(command("a", "cat ../year*.txt > o", outputs={"o": "o"}, **{
        "input files": ["year$(x).txt"]
    }))  # fmt: skip
    assert project.finish() == {"a": "uploaded"}
    assert results(project, "a", "o") == "right\n"


def test_what_a_failed_job_has_left_returns(project: Project) -> None:
    project.apply(
        command(
            "a", "mkdir -p part; echo 1 > part/one; echo no luck >&2; exit 3", outputs={"a": "all"}
        )
    )
    assert project.finish("stuck") == {"a": "stuck"}
    assert (project.root / "working/s/a/part/one").read_text() == "1\n"
    assert "no luck" in project.run("why", "s", "a").out


def test_an_input_that_vanishes_holds_the_job_and_why_names_it(project: Project) -> None:
    (project.root / "x.txt").write_text("x\n")
    later = {"hold": True}  # so that it starts once the input has gone
    document = command("a", "cat $1 > y", outputs={"y": "y"}, scheduler=later)
    project.apply(document.replace('"sh"]', '"sh", "x.txt"]'))
    project.run("manage", "build", "submit")
    (project.root / "x.txt").unlink()
    project.pool.tool("condor_release", "-constraint", f'AsimovProject == "{project.name}"')

    def why() -> str:
        project.run("monitor", code=None)
        return project.run("why", "s", "a", code=None).out

    until(why, lambda told: "held" in told.lower() and "x.txt" in told)


def test_progress_is_seen_while_the_job_runs(project: Project) -> None:
    work = 'echo 1/4 fit > "$ASIMOV_PROGRESS"; while :; do sleep 1; done'
    project.apply(command("a", work, outputs={"o": "o"}, environment={INTERVAL: "1"}))
    project.run("manage", "build", "submit")

    def progress() -> str:
        project.run("monitor", code=None)
        return str(project.rows()["a"]["progress"])

    until(progress, lambda told: told.startswith("25% fit"))


CHECKPOINTS = """\
step=$(cat step 2>/dev/null || echo 0)
echo "$step" >> starts
while [ "$step" -lt 9 ]; do
    step=$((step + 1)); echo "$step" > step; echo "$step" >> steps
    [ "$step" -eq 2 ] && [ ! -e saved ] && { touch saved; exit 85; }
    sleep 1
done
cp steps done
"""


def test_an_evicted_job_resumes_from_its_checkpoint(project: Project) -> None:
    script(project, "worker", CHECKPOINTS)
    project.apply(
        json.dumps(
            {
                "kind": "analysis", "event": "s", "name": "a", "pipeline": "command",
                "executable": "worker", "outputs": {"done": "done", "starts": "starts"},
                "scheduler": {"checkpoint exit code": 85},
            }
        )
    )  # fmt: skip
    project.run("manage", "build", "submit")
    log = project.root / "working/s/a/job.log"
    # After its checkpoint the worker goes on; then the machine is wanted by somebody else.
    saved = "Finished transferring output files"
    until(lambda: log.read_text() if log.exists() else "", lambda told: saved in told)
    jobs = f'AsimovProject == "{project.name}"'
    project.pool.tool("condor_vacate_job", "-fast", "-constraint", jobs)
    assert project.finish() == {"a": "uploaded"}
    assert "004 (" in log.read_text()  # it was evicted
    assert results(project, "a", "starts").split()[:2] == ["0", "2"]
    assert results(project, "a", "done").split()[:3] == ["1", "2", "3"]
    assert results(project, "a", "done").split()[-1] == "9"


SERVICE = """\
import os
import helper
from words import WORDS
from asimov.functions import app, DataObject, celery

@app.register("Find", default_settings={"words": 2})
def find(data_objects, working_dir, settings):
    try:
        import asimov.cli
        raise RuntimeError("asimov is here")
    except ImportError:
        found = WORDS[: settings["words"]]
    os.mkdir("series")
    for each in data_objects:
        with open(os.path.join("series", helper.name(each)), "w") as file:
            file.write(" ".join([*found, open(each.path).read()]))
    return [DataObject(type="DICOM", path="series", series_instance_uid="1.2", meta_data=[1])]

@app.register("List")
def names(data_objects, working_dir):
    each, = data_objects
    with open("names", "w") as file:
        file.write(" ".join(sorted(os.listdir(each.path))))
    return [DataObject(path="names", parent=each, meta_data=[each.type, each.meta_data])]

@app.register("Fail")
def fail(data_objects, working_dir):
    open("half", "w").close()
    raise ValueError("no lungs")
"""

HELPER = """\
import os

def name(each):
    return f"{each.id}-{os.path.basename(each.path)}"
"""
WORDS = """\
import os

with open(os.path.join(os.path.dirname(__file__), "list")) as file:
    WORDS = file.read().split()
"""


def test_a_function_needs_only_its_modules_and_python(project: Project) -> None:
    files = {
        "service.py": SERVICE,
        "helper.py": HELPER,
        "words/__init__.py": WORDS,
        "words/list": "one two three",
        "data/a/x.txt": "xa",
        "data/b/x.txt": "xb",
    }  # fmt: skip
    for name, text in files.items():
        path = project.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    # Python without asimov.
    base = {"kind": "analysis", "event": "s", "pipeline": "function",
            "python": f"{sys.base_prefix}/bin/python3"}  # fmt: skip
    project.apply(
        json.dumps({**base, "name": "a", "function": "service:find", "inputs": "data/*/x.txt"})
    )
    project.apply(
        json.dumps(
            {**base, "name": "b", "function": "service:List", "needs": ["a"],
             "inputs": [{"asset": "series"}]}
        )
    )  # fmt: skip
    assert project.finish() == {"a": "uploaded", "b": "uploaded"}
    assert results(project, "a", "work/series/2-x.txt") == "one two xb"
    assert results(project, "b", "work/names") == "1-x.txt 2-x.txt"
    (made,) = json.loads(results(project, "b", "outputs.json"))["outputs"]
    assert (made["parent"], made["metadata"]) == (1, ["DICOM", [1]])


def test_a_function_that_fails_without_shared_files_says_why(project: Project) -> None:
    (project.root / "helper.py").touch()
    (project.root / "words.py").write_text("WORDS = []")
    (project.root / "service.py").write_text(SERVICE)
    project.apply("{kind: analysis, event: s, name: a, pipeline: function, function: service:fail}")
    assert project.finish("stuck") == {"a": "stuck"}
    run = project.root / "working/s/a"
    assert json.loads((run / "failure.json").read_text())["exception"] == "no lungs"
    assert (run / "work/half").exists()
    assert "it said: ValueError: no lungs" in project.run("why", "s", "a").out


@pytest.mark.parametrize("runtime", ["bubblewrap", "charliecloud"])
def test_containers_read_and_leave_files(
    project: Project, runtime: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The image is where execute nodes see it; what it reads is sent along."""
    pytest.importorskip("h5py")
    programs = containers.programs()
    environment = project.pool.environment
    monkeypatch.setitem(environment, "PATH", f"{programs}{os.pathsep}{environment['PATH']}")
    path = f"{programs}:/usr/bin:/bin"
    project.pool.configure("containers", f'STARTER_JOB_ENVIRONMENT = "PATH={path}"\n')
    (project.root / "data").mkdir()
    (project.root / "data/in put.txt").write_text("data\n")
    base = {
        "kind": "analysis", "subject": "s", "pipeline": "container", "runtime": runtime,
        "image": str(containers.image()),
    }  # fmt: skip
    script = 'ls /mnt/data > seen; cat "$1"/* > out; generate-graphs graphs --seed 2'
    first = {
        "name": "a", "command": ["sh", "-c", script, "sh", "data/"],
        "mounts": {"/mnt/data": "data"},
        "outputs": {"out": "out", "seen": "seen", "graphs": "graphs"},
    }  # fmt: skip
    second = {
        "name": "b", "needs": ["a"], "contract": "spt", "input": "{{ assets.graphs }}", "seed": 1
    }  # fmt: skip
    project.apply("\n---\n".join(json.dumps({**base, **each}) for each in (first, second)))
    assert project.finish() == {"a": "uploaded", "b": "uploaded"}
    assert results(project, "a", "out") == "data\n"
    assert results(project, "a", "seen") == "in put.txt\n"
    assert len(results(project, "b", "ranks.csv").splitlines()) == 149


def test_an_image_in_the_project_s_folder_is_not_sent_along(project: Project) -> None:
    (project.root / "image" / "usr").mkdir(parents=True)
    project.apply(
        json.dumps(
            {
                "kind": "analysis", "subject": "s", "name": "a", "pipeline": "container",
                "image": "image", "command": "ls", "outputs": {"a": "a"}, "runtime": "bubblewrap",
            }
        )
    )  # fmt: skip
    assert project.finish("ready") == {"a": "ready"}
    assert "HTCondor can't transfer the image " in project.run("why", "s", "a").out
