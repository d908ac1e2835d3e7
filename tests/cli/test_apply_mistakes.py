"""Mistakes of a careful but tired person: none of them passes ``asimov apply`` in silence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Ran

SERVICE = """
from asimov.functions import app

defaults = {"descending": False, "header": {"text": "x"}, "limit": 3, "names": [], "free": {}}

@app.register("Sort Numbers", default_settings=defaults)
def sort(data_objects, working_dir, settings):
    return []
"""

#: What an analysis of each pipeline needs.
RIGHT = {
    "command": {"executable": "sleep", "arguments": "['0']", "outputs": "{o: job.out}"},
    "function": {"function": "service:sort", "inputs": "data/*.txt"},
    "container": {"image": "debian", "command": "[sh, -c, x]", "outputs": "{o: o}",
                  "runtime": "apptainer"},
}  # fmt: skip

#: What is added or put in place, by pipeline, and what is said of it.
ANALYSES = {
    "command": {
        "arguments: sleep 5": "arguments: should be a list with one item per argument",
        "arguments: [null]": "should be text, a number, or true or false, not None",
        "arguments: [[a]]": "should be text, a number, or true or false, not ['a']",
        "arguments: 0": "arguments: should be a list",
        "outputs: [a]": "outputs: should be a mapping of product names to files",
        "outputs: {a: 2020}": "outputs: a: should name a file, not 2020",
        "outputs: {a: {path: x, shema: {}}}": "did you mean 'schema'?",
        "outputs: {a: {path: 5}}": "outputs: a: should name a file, not 5",
        "outputs: {a: {path: x, schema: {data: {t: flaot}}}}": "did you mean 'float'?",
        "outputs: {a: {path: x, schema: {check: finit}}}": "did you mean 'finite'?",
        "inputs: x": "inputs: should be a list of assets",
        "inputs: [{aset: x}]": "should be a mapping with 'asset: NAME'",
        "processes: two": "processes: should be a whole number, at least 1",
        "environment: [A=1]": "environment: should be a mapping of variables",
        "environment: {A: }": "write '' for an empty value",
        "environment: {A: [1]}": "environment: A: should be text, a number",
        "environment: {'A B': 1}": "environment: A B: can't be the name of a variable",
        "enviroment: {A: 1}": "did you mean 'environment'?",
        "files: trasnfer": "did you mean 'transfer'?",
        "input files: data/a.txt": "input files: should be a list",
        "input files: [5]": "should be the path of a file, not 5",
        "input_files: [data/a.txt]": "did you mean 'input files'?",
        "seed: '7'": "seed: should be a whole number of at least 0, not '7'",
        "Executable: x": "did you mean 'executable'?",
        "gpus: 1": "command does not read it; container would",
        "template: nope": "template: there is no template 'nope'",
        "scheduler: fast": "scheduler: should be a mapping, not text",
        "scheduler: {request cups: 2}": "did you mean 'request cpus'?",
        "scheduler: {request memory: 4 gb ram}": "should be a size such as '4 GB'",
        "scheduler: {accounting group: [a]}": "accounting group: should be text",
        "request memory: 4 GB": "as a submit command it belongs under 'scheduler'",
        "request_cpus: 4": "as a submit command it belongs under 'scheduler'",
        "postprocessing: 5": "postprocessing: should be a mapping",
        "hooks: 5": "hooks: has no effect in an analysis",
        "pipelines: {command: {}}": "pipelines: has no effect in an analysis",
        "subjects: [s]": "it belongs in a document of the kind 'projectanalysis'",
        "repository: x": "it belongs in a subject",
        "needs: first": "needs: should be a list, not text",
        "needs: [label: quality => 3]": "'quality => 3' is not a comparison",
        "needs: [status: done-ish]": "there is no state 'done-ish'",
        "needs: [{step: a, optional: yes please}]": "optional should be true or false",
        "status: redy": "did you mean 'ready'?",
        "strategy: {a: 5}": "strategy: a: should be a list",
        "strategy: {pipelines.command: [{}]}": "pipelines: has no effect in an analysis",
        "labels: checked": "labels: should be a mapping or a list",
        "labels: {q: [1]}": "labels: q: should be text, a number",
        "holds: {memry: stuck}": "did you mean 'memory'?",
        "holds: {memory: {action: raise, up to: lots}}": "should be a size such as '64 GB'",
        "max resurrections: '5'": "should be a whole number of at least 0, not '5'",
        "max_resurrections: 5": "did you mean 'max resurrections'?",
        "resurrection pause: 5m": "should be a number of seconds, at least 0",
        "rerun: yes": "'rerun' should be 'on request' or 'automatic'",
        "outdated by: code": "should be a list of settings, inputs, code, version",
        "reuse: 'true'": "'reuse' should be true or false",
    },
    "function": {
        "function: 5": "should be 'module:name', not 5",
        "function: service.py:sort": "did you mean 'service:sort'?",
        "function: servce:sort": "did you mean 'service'?",
        "function: service:srt": "did you mean 'sort'?",
        "inputs: 5": "inputs: should be a path or a mapping, not 5",
        "inputs: [{pth: data/a.txt}]": "did you mean 'path'?",
        "inputs: data/*.nii": "matches no file of the project",
        "settings: [a]": "settings: should be a mapping",
        "settings: {decending: true}": "did you mean 'descending'?",
        "settings: {descending: 'yes'}": "descending: is true or false by default",
        "settings: {limit: '3'}": (
            "limit: is a number by default, but not here (write a number without"
        ),
        "settings: {limit: 1e-3}": "1.0e-3",
        "settings: {names: a}": "names: is a list by default",
        "settings: {header: {text: 5}}": "header: text: is text by default",
        "settings: {header: x}": "should be a mapping, as it is by default",
        "descending: true": "write 'settings: {descending: ...}'",
        "outputs: {a: 5}": "outputs: a: should be text, not 5",
        "python: 5": "python: should be the path of a Python, not 5",
        "python: pyton9": "is neither on PATH nor a file of the project",
        "executable: x": "function does not read it; command would",
        "arguments: [x]": "function does not read it; command would",
        "environment: {A: [1]}": "environment: A: should be text",
    },
    "container": {
        "image: 5": "image: should be a Docker reference, a SIF file or a root folder, not 5",
        "image: ./nosuch": "image: the image './nosuch' does not exist",
        "command: 5": "command: should be a list",
        "command: [sh, null]": "should be text, a number, or true or false, not None",
        "mounts: [a]": "mounts: should be a mapping",
        "mounts: {a: data}": "should be an absolute path in the container",
        "mounts: {/mnt/x: 5}": "should name a file or folder",
        "working folder: run": "should be an absolute path in the container",
        "gpus: one": "gpus: should be a whole number of at least 0",
        "runtime: bubblewarp": "did you mean 'bubblewrap'?",
        "runtime: htcondor": "the runtime htcondor needs the scheduler htcondor",
        "contract: sptt": "did you mean 'spt'?",
        "plugins: {a: {imag: x}}": "did you mean 'image'?",
        "plugins: {a: {image: x, aliases: y}}": "aliases: should be a list of names",
        "executable: x": "container does not read it; command would",
        "arguments: [x]": "container does not read it; command would",
    },
}

#: Whole documents, and what is said of them.
DOCUMENTS = {
    "kind: subject\nname: t\nrepository: x": "b.yaml:3:1: t: there is no repository at 'x'",
    "kind: configuration\nnotify: {email: ada}": "'asimov configuration update",
    "kind: subject\nname: t\nneeds: [x]\n": "needs: has no effect in a subject",
    "kind: subject\nname: t\npipelines: {command: {seed: 1}}\n": "no effect in a subject",
    "kind: subject\nname: t\npipeline: command\n": "it belongs in an analysis",
    "kind: subject\nname: t\nlabels: 5\n": "labels: should be a mapping or a list",
    "kind: subject\nname: t\nscheduler: []\n": "scheduler: should be a mapping, not a list",
    "kind: subject\nname: t\nanalyses: [{name: a, pipeline: command, subject: u}]\n":
        "subject: has no effect here, as the analysis is listed in the subject 't'",
    "kind: analysisbundle\nsubject: s\nname: b\nscheduler: {}\nanalyses: []\n":
        "scheduler: has no effect in a bundle",
    "kind: analysisbundle\nsubject: s\nname: b\nsampler: {}\nanalyses: []\n":
        "sampler: has no effect in a bundle",
    "kind: postprocessing\nevnt: s\nname: x\nplots: true\n": "did you mean 'event'?",
    "kind: postprocessing\nevent: s\npostprocessing: [a]\n": "should be a mapping",
    "kind: configuration\nsubject: s\n": "subject: has no effect here; it belongs in an analysis",
    "kind: configuration\npipelines: {command: {arguments: 5}}\n": "command: arguments: should be",
    "kind: configuration\npipelines: {function: {executable: x}}\n": "function does not read it",
    "kind: configuration\npipelines: {command: {needs: [x]}}\n":
        "needs: has no effect in the settings of a pipeline",
    "kind: configuration\nhooks: {postmonitr: [x]}\n": "did you mean 'postmonitor'?",
    "kind: configuration\nhooks: {postmonitor: [nosuch]}\n": "no installed package has the hook",
    "kind: configuration\nmonitor: {interval: 5}\n":
        "'asimov configuration update monitor/interval VALUE' sets it",
    "kind: configuration\nrequest memory: 4 GB\n": "it belongs under 'scheduler'",
}  # fmt: skip


def blueprint_of(pipeline: str, mistake: str = "") -> str:
    """Return a blueprint whose analysis is right but for a line."""
    given = {key: value for key, value in RIGHT[pipeline].items() if f"{key}:" not in mistake[:20]}
    lines = [f"{key}: {value}" for key, value in given.items()]
    head = f"kind: analysis\nname: a\nsubject: s\npipeline: {pipeline}\n"
    return head + "\n".join([*lines, mistake, ""])


@pytest.fixture
def said(project: Path, asimov: Callable[..., Ran]) -> Callable[[str], str]:
    """Try a blueprint in a project with a subject; return what is said beside what it would do."""
    (project / "service.py").write_text(SERVICE)
    (project / "data").mkdir()
    (project / "data" / "a.txt").write_text("3 1 2")
    path = project / "b.yaml"
    path.write_text("kind: subject\nname: s\n")
    assert asimov("apply", "-f", path).code == 0

    def tried(text: str) -> str:
        path.write_text(text)
        ran = asimov("apply", "-f", path, "--dry-run")
        assert "Traceback" not in ran.err, ran
        assert "bug in asimov" not in ran.err, ran
        return ran.err

    return tried


@pytest.mark.parametrize("pipeline", ANALYSES)
def test_no_mistake_in_an_analysis_passes_in_silence(
    said: Callable[[str], str], pipeline: str
) -> None:
    right = said(blueprint_of(pipeline))
    assert not right or pipeline == "container"  # where it does not run
    silent = {}
    for mistake, expected in ANALYSES[pipeline].items():
        assert expected not in right
        answer = said(blueprint_of(pipeline, mistake))
        if expected not in answer:
            silent[mistake] = answer
    assert not silent


def test_no_mistake_in_another_document_passes_in_silence(said: Callable[[str], str]) -> None:
    answer = {document: said(document) for document in DOCUMENTS}
    assert not {
        document: answer[document]
        for document, expected in DOCUMENTS.items()
        if expected not in answer[document]
    }


def test_what_is_inherited_is_said_with_the_place_where_it_is_written(
    said: Callable[[str], str],
) -> None:
    around = "kind: configuration\narguments: 5\n---\n"
    answer = said(around + blueprint_of("command", "").replace("arguments: ['0']\n", ""))
    assert "b.yaml:2:1: s/a (command): arguments: should be a list" in answer
