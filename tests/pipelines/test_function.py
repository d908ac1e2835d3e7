"""The pipeline ``function``: registered functions as analyses, from a blueprint to assets."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from asimov.project.workspace import Workspace
from tests.searching import first

UNTIL = ("monitor", "--chain", "--until-idle", "--interval", "0.1", "--timeout", "300")

SERVICE = """
import logging, os
from asimov.functions import app, DataObject, celery

defaults = {"least": 1, "case": {"fold": True}, "labels": {}}

@app.register("Count Words", default_settings=defaults)
def count(data_objects, working_dir, settings):
    words = {}
    for each in data_objects:
        with open(each.path) as file:
            for word in file.read().split():
                word = word.lower() if settings["case"]["fold"] else word
                words[word] = words.get(word, 0) + 1
    path = os.path.join(working_dir, "words.txt")
    with open(path, "w") as file:
        for word, number in sorted(words.items()):
            if number >= settings["least"]:
                file.write(f"{word} {number}\\n")
    found = {"words": len(words)}
    return [DataObject(path=path, parent=data_objects[0], meta_data=found)]

@app.register("Fails")
def fails(data_objects, working_dir):
    logging.warning("looking for lungs")
    raise ValueError("two lines:\\nno lungs")

@app.register("Series")
def series(data_objects, working_dir):
    os.mkdir("slices")
    open("slices/1.dcm", "w").close()
    return [DataObject(type="DICOM", path="slices", series_instance_uid="1.2.3")]

@app.register("Inputs")
def inputs(data_objects, working_dir):
    with open("inputs.txt", "w") as file:
        for each in data_objects:
            name, series = os.path.basename(each.path), each.series_instance_uid
            file.write(f"{each.id} {each.type} {name} {each.meta_data} {series}\\n")
    return [DataObject(path="inputs.txt")]
"""


class Functions:
    """A project with a module of functions."""

    def __init__(self, root: Path, asimov: Callable[..., Any]) -> None:
        self.root = root
        self.asimov = asimov
        self.service(SERVICE)
        (root / "data").mkdir()
        for number, text in enumerate(("a b A", "b c"), 1):
            (root / "data" / f"{number}.txt").write_text(text)

    def service(self, text: str, name: str = "service") -> None:
        (self.root / f"{name}.py").write_text(text)

    def apply(self, *analyses: dict[str, Any]) -> Any:
        documents: list[dict[str, Any]] = [{"kind": "subject", "name": "s"}]
        base = {"kind": "analysis", "event": "s", "name": "a", "pipeline": "function"}
        documents += [{**base, **each} for each in analyses]
        path = self.root / "blueprint.yaml"
        path.write_text("\n---\n".join(json.dumps(each, indent=1) for each in documents))
        return self.asimov("apply", "-f", path)

    def run(self, *analyses: dict[str, Any], code: int = 0) -> None:
        ran = self.apply(*analyses)
        assert ran.code == 0, ran
        ran = self.asimov(*UNTIL)
        assert ran.code == code, ran

    def modules(self, names: str) -> None:
        ran = self.asimov("configuration", "update", "functions/modules", names)
        assert ran.code == 0, ran

    def outputs(self, name: str = "a") -> Any:
        return json.loads((self.root / "working" / "s" / name / "outputs.json").read_text())

    def text(self, path: str, name: str = "a") -> str:
        return (self.root / "working" / "s" / name / "work" / path).read_text()

    def assets(self, name: str = "a") -> dict[str, Any]:
        workspace = Workspace.open(self.root)
        try:
            return dict(workspace.analysis(workspace.key("s", name)).assets)
        finally:
            workspace.journal.close()

    def reason(self, name: str = "a") -> str:
        rows = json.loads(self.asimov("status", "--json").out)
        return str(next(row for row in rows if row["name"] == name)["reason"])


@pytest.fixture
def functions(project: Path, asimov: Callable[..., Any]) -> Functions:
    return Functions(project, asimov)


COUNT = {"function": "service:count", "inputs": "data/*.txt"}


def test_a_function_is_named_by_module_and_python_name(functions: Functions) -> None:
    functions.run({**COUNT, "settings": {"least": 2}})
    assert functions.text("words.txt") == "a 2\nb 2\n"
    said = functions.outputs()
    assert said["settings"] == {"least": 2, "case": {"fold": True}, "labels": {}}
    assert [each["source"] for each in said["inputs"]] == ["data/1.txt", "data/2.txt"]
    assert (functions.root / "results/s/a/work/words.txt").read_text() == "a 2\nb 2\n"


def test_a_function_is_named_by_its_registered_name(functions: Functions) -> None:
    functions.run({**COUNT, "function": "service:Count Words"})
    assert functions.text("words.txt") == "a 2\nb 2\nc 1\n"


def test_a_registered_name_is_a_pipeline_of_the_projects_modules(functions: Functions) -> None:
    functions.modules("service")
    functions.run({"pipeline": "Count Words", "inputs": "data/1.txt"})
    assert functions.text("words.txt") == "a 2\nb 1\n"


def test_no_module_is_imported_unasked(functions: Functions) -> None:
    functions.service("open('imported', 'w')")
    ran = functions.apply({"pipeline": "Count Words"})
    assert ran.code == 1
    assert "there is no pipeline 'Count Words'" in ran.err
    assert not (functions.root / "imported").exists()
    assert not (functions.root / ".asimov/functions.json").exists()


def test_a_misspelt_registered_name_is_refused_with_the_nearest(functions: Functions) -> None:
    functions.modules("service")
    ran = functions.apply({"pipeline": "Count Wrods"})
    assert ran.code == 1
    assert "there is no pipeline 'Count Wrods'; did you mean 'Count Words'?" in ran.err


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"leest": 2}, "settings: leest: 'Count Words' has no such setting; did you mean 'least'?"),
        (
            {"case": {"fald": True}},
            "settings: case: fald: 'Count Words' has no such setting; did you mean 'fold'?",
        ),
        ("least", "settings: should be a mapping"),
    ],
)
@pytest.mark.parametrize("pipeline", ["function", "Count Words"])
def test_settings_that_a_function_does_not_have_are_refused_with_the_line(
    functions: Functions, pipeline: str, settings: Any, message: str
) -> None:
    functions.modules("service")
    own = COUNT if pipeline == "function" else {"inputs": "data/*.txt"}
    ran = functions.apply({**own, "pipeline": pipeline, "settings": settings})
    assert ran.code == 1
    assert f"s/a ({pipeline}): {message}" in ran.err
    lines = (functions.root / "blueprint.yaml").read_text().splitlines()
    key = (
        message.partition(": 'Count")[0].split(": ")[-1]
        if isinstance(settings, dict)
        else "settings"
    )
    line = next(number for number, text in enumerate(lines, 1) if f'"{key}"' in text)
    assert f"blueprint.yaml:{line}:" in ran.err
    assert json.loads(functions.asimov("status", "--json").out) == []


def test_an_empty_mapping_among_the_defaults_takes_any_keys(functions: Functions) -> None:
    functions.run({**COUNT, "settings": {"labels": {"left": 1}}})
    assert functions.outputs()["settings"]["labels"] == {"left": 1}


def test_the_configuration_has_the_effective_settings_and_the_inputs(
    functions: Functions,
) -> None:
    functions.run({**COUNT, "settings": {"least": 2}, "seed": 7})
    config = yaml.safe_load((functions.root / "checkouts/s/analyses/a.ini").read_text())
    assert config["function"] == "service:Count Words"
    assert config["settings"] == {"least": 2, "case": {"fold": True}, "labels": {}}
    assert config["seed"] == 7
    assert [each["source"] for each in config["inputs"]] == ["data/1.txt", "data/2.txt"]


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"function": 3}, "function: should be 'module:name', not 3"),
        ({"function": None}, "function: is missing: it names the function as 'module:name'"),
        ({"function": "service.py:count"}, "names a file, but should name a module; did you mean "
         "'service:count'?"),
        ({"settings": {"case": 3}}, "settings: case: should be a mapping, as it is by default"),
    ],
)  # fmt: skip
def test_what_can_never_be_a_function_or_its_settings_is_refused(
    functions: Functions, own: dict[str, Any], message: str
) -> None:
    ran = functions.apply({**COUNT, **own})
    assert ran.code == 1, ran
    assert message in ran.err


@pytest.mark.parametrize("seed", [7, None])
def test_a_seed_reaches_the_function(functions: Functions, seed: int | None) -> None:
    functions.service(
        "import os\nfrom asimov.functions import app\n"
        '@app.register("Draw", default_settings={"seed": None})\n'
        "def draw(data_objects, working_dir, settings):\n"
        "    assert settings['seed'] == int(os.environ['ASIMOV_SEED'])\n    return []\n"
    )
    own = {} if seed is None else {"seed": seed}
    functions.run({"function": "service:draw", **own})
    said = functions.outputs()
    assert said["seed"] == said["settings"]["seed"]
    assert isinstance(said["seed"], int)
    assert seed in {None, said["seed"]}
    if seed is None:  # another run has the same
        functions.asimov("production", "set", "s", "a", "--status", "restart")
        assert functions.asimov(*UNTIL).code == 0
        assert functions.outputs()["seed"] == said["seed"]


def test_settings_of_the_project_lie_below(functions: Functions) -> None:
    (functions.root / "defaults.yaml").write_text(
        "kind: configuration\npipelines: {function: {settings: {least: 2, case: {fold: false}}}}\n"
    )
    assert functions.asimov("apply", "-f", functions.root / "defaults.yaml").code == 0
    functions.run({**COUNT, "settings": {"case": {"fold": True}}})
    assert functions.outputs()["settings"] == {"least": 2, "case": {"fold": True}, "labels": {}}


def test_memory_disk_and_gpus_are_requested_of_the_scheduler(functions: Functions) -> None:
    asked = {"request memory": "3 GB", "request disk": "2 GB", "request_gpus": 1}
    functions.run({**COUNT, "scheduler": asked})
    (submit,) = (functions.root / "working" / "s" / "a").glob("*.sub")
    text = submit.read_text()
    for line in ("request_memory = 3 GB", "request_disk = 2 GB", "request_gpus = 1"):
        assert line in text.splitlines()


@pytest.mark.parametrize(
    ("analysis", "message"),
    [
        ({"inputs": "data/*.nii"}, "inputs: 'data/*.nii' matches no file of the project"),
        (
            {"function": "servic:count"},
            "function: the module 'servic' can't be imported: there is no module 'servic'; did you "
            "mean 'service'?",
        ),
        (
            {"function": "service:counts"},
            "function: the module 'service' registers no function 'counts'; did you mean 'count'?",
        ),
        ({"python": "no-such-python"}, "python: 'no-such-python' is neither on PATH nor a file"),
    ],
)
def test_what_may_follow_is_noted_and_keeps_the_analysis_from_being_built(
    functions: Functions, analysis: dict[str, Any], message: str
) -> None:
    ran = functions.apply({**COUNT, **analysis})
    assert ran.code == 0, ran
    assert f"can't be built as it is: {message}" in ran.out + ran.err
    assert message in functions.asimov("manage", "build").out


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([{"pth": "data"}], "inputs: [0]: pth: there is no such key; did you mean 'path'?"),
        ([{"path": "data", "asset": "x"}], "inputs: [0]: should have either 'path' or 'asset'"),
        ([{"path": "data", "of": "x"}], "inputs: [0]: of: belongs to an asset, not to a path"),
        ([{"asset": "x", "type": "NII"}], "inputs: [0]: type: should be FILE or DICOM, not 'NII'"),
        ([3], "inputs: [0]: should be a path or a mapping, not 3"),
    ],
)
def test_inputs_of_another_form_are_refused(
    functions: Functions, inputs: Any, message: str
) -> None:
    ran = functions.apply({**COUNT, "inputs": inputs})
    assert ran.code == 1
    assert message in ran.err


def test_assets_carry_type_series_and_metadata_to_the_next_function(functions: Functions) -> None:
    functions.run(
        {**COUNT, "name": "count"},
        {"name": "series", "function": "service:series"},
        {
            "name": "last",
            "function": "service:inputs",
            "needs": ["count", "series"],
            "inputs": [
                {"asset": "slices"},
                {"asset": "words", "of": "count"},
                {"asset": "words", "metadata": 1},
                {"path": "data", "metadata": {"k": 2}},
                "data/?.txt",
            ],
        },
    )
    assert functions.text("inputs.txt", "last").splitlines() == [
        "1 DICOM slices None 1.2.3",
        "2 FILE words.txt {'words': 3} None",
        "3 FILE words.txt 1 None",
        "4 DICOM data {'k': 2} None",
        "5 FILE 1.txt None None",
        "6 FILE 2.txt None None",
    ]
    assert functions.outputs("last")["inputs"][1]["source"] == "s/count: words"


def test_an_asset_that_no_analysis_has_is_named_with_the_nearest(functions: Functions) -> None:
    functions.run(
        {**COUNT, "name": "count"},
        {**COUNT, "needs": ["count"], "inputs": {"asset": "wods"}},
        code=3,
    )
    told = functions.asimov("why", "s", "a").out
    assert "s/a is ready" in told  # once the ledger is mended, it goes on
    missing = "the input 'wods' is missing; did you mean 'words'? Asked: count, which has manifest"
    assert f"can't be built: {missing} and outputs and words" in told


def test_outputs_get_the_names_that_the_ledger_gives_them(functions: Functions) -> None:
    functions.run({**COUNT, "outputs": {"table": "*.txt"}})
    assets = functions.assets()
    run = functions.root / "working/s/a"
    assert assets == {
        "manifest": str(run / "outputs.json"),
        "outputs": [str(run / "work/words.txt")],
        "table": str(run / "work/words.txt"),
    }


def test_an_output_that_the_ledger_names_and_the_function_does_not_make_is_missing(
    functions: Functions,
) -> None:
    functions.run({**COUNT, "outputs": {"mask": "*.nii.gz"}}, code=3)
    assert "mask (*.nii.gz) missing" in functions.reason()


def test_an_exceptions_last_line_is_the_reason_and_its_text_is_kept(functions: Functions) -> None:
    functions.run({"function": "service:fails"}, code=3)
    assert "it said: no lungs (call.err)" in functions.reason()
    failure = json.loads((functions.root / "working/s/a/failure.json").read_text())
    assert failure["exception"] == "two lines:\nno lungs"
    log = (functions.root / "working/s/a/call.err").read_text()
    assert "WARNING root: looking for lungs" in log
    assert 'in fails\n    raise ValueError("two lines:' in log
    assert "ValueError: two lines:" in functions.asimov("why", "s", "a").out


def test_a_function_that_returns_nothing_has_failed(functions: Functions) -> None:
    functions.service(SERVICE.replace('return [DataObject(path="inputs.txt")]', "return None"))
    functions.run({**COUNT, "function": "service:inputs"}, code=3)
    assert "the function returned None: it should return a list" in functions.reason()


def test_a_retry_starts_in_a_fresh_folder(functions: Functions) -> None:
    functions.run({"function": "service:fails"}, code=3)
    functions.service(SERVICE.replace('raise ValueError("two lines:\\nno lungs")', "return []"))
    functions.asimov("production", "set", "s", "a", "--status", "ready")
    assert functions.asimov(*UNTIL).code == 0
    assert functions.outputs()["outputs"] == []
    assert functions.assets() == {"manifest": str(functions.root / "working/s/a/outputs.json")}


def test_another_python_may_run_the_job_and_checks_the_settings(
    functions: Functions, tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    functions.service("import sys\n" + SERVICE.replace('"words": len(words)', '"p": sys.prefix'))
    own = {**COUNT, "python": str(bare / "bin/python")}
    assert functions.apply({**own, "settings": {"leest": 1}}).code == 1
    functions.run(own)
    assert functions.outputs()["outputs"][0]["metadata"] == {"p": str(bare)}


def test_a_change_of_the_module_is_noticed(functions: Functions) -> None:
    assert functions.apply({**COUNT, "settings": {"most": 2}}).code == 1
    functions.service(SERVICE.replace('"least": 1', '"least": 1, "most": 9'))
    assert functions.apply({**COUNT, "settings": {"most": 2}}).code == 0


def test_a_module_that_can_not_be_imported_is_named_and_stops_nothing_else(
    functions: Functions,
) -> None:
    functions.service("raise RuntimeError('no licence')", "broken")
    functions.modules("broken, service")
    ran = functions.apply({"pipeline": "Count Words", "inputs": "data/1.txt"})
    assert ran.code == 0, ran
    ran = functions.apply({"name": "b", "pipeline": "Segment"})
    assert "there is no pipeline 'Segment'" in ran.err
    assert "the module 'broken' can't be imported: RuntimeError: no licence" in ran.err


def test_two_modules_with_a_function_of_one_name_are_refused(functions: Functions) -> None:
    functions.service(SERVICE, "other")
    functions.modules("service other")
    ran = functions.apply({"pipeline": "Count Words", "inputs": "data/1.txt"})
    assert "two functions have the name 'Count Words'" in ran.out + ran.err
    assert "two functions have the name" in functions.asimov("manage", "build").out


def test_a_module_that_imports_another_ones_functions_is_no_second_one(
    functions: Functions,
) -> None:
    functions.service("import service", "all_of_them")
    functions.modules("service all_of_them")
    functions.run({"pipeline": "Count Words", "inputs": "data/1.txt"})


@pytest.mark.parametrize("function", first(1, ["", ":count"]))
def test_a_packages_functions_are_pipelines(
    functions: Functions,
    installed_package: Callable[..., Path],
    quick_shell: Callable[..., Any],
    function: str,
) -> None:
    points = f"[asimov.functions]\nwords = word_counter{function}\n"
    packages = installed_package(
        f"word-counter{len(function)}", {"word_counter.py": SERVICE}, points
    )
    (functions.root / "service.py").unlink()

    def run(*commands: str) -> Any:
        return quick_shell(" && ".join(commands), cwd=functions.root, PYTHONPATH=str(packages))

    subject = "{kind: subject, name: s, analyses: [{name: a, pipeline: Series}]}"
    (functions.root / "b.yaml").write_text(subject)
    if function:  # one function, not the module
        assert "there is no pipeline 'Series'" in run("asimov apply -f b.yaml").err
        subject = subject.replace("Series}", "Count Words, inputs: data}")
        (functions.root / "b.yaml").write_text(subject.replace("data}", "data/1.txt}"))
    ran = run("asimov apply -f b.yaml", f"asimov {' '.join(UNTIL)}")
    assert ran.code == 0, ran
    assert len(functions.outputs()["outputs"]) == 1
    assert "words" in run("asimov plugins list --kind function").out


def test_many_calls_at_once(functions: Functions) -> None:
    # tests/published/test_platipy.py has hundreds, on the pool too.
    names = [f"a{number}" for number in range(20)]
    functions.run(*({**COUNT, "name": name, "settings": {"least": 2}} for name in names))
    rows = json.loads(functions.asimov("status", "--json").out)
    assert {row["status"] for row in rows} == {"uploaded"}
    assert {functions.text("words.txt", name) for name in names} == {"a 2\nb 2\n"}


FORGED = {
    "empty": ("{}", "outputs.json: function: is missing"),
    "list": ("[]", "outputs.json: should be a mapping, not []"),
    "text": ("no JSON", "outputs.json: can't be read: "),
    "outside": (
        '{"function": "f", "module": "m", "inputs": [], "outputs": [{"id": 1, "type": "FILE", '
        '"path": "work/../../../x", "sha256": ""}]}',
        "outputs.json: outputs: [0]: 'work/../../../x' is outside the folder work",
    ),
    "shape": (
        '{"function": "f", "module": "m", "inputs": [], "outputs": [3]}',
        "outputs.json: outputs: [0]: should have id, type, path, sha256, not 3",
    ),
    "gone": (
        '{"function": "f", "module": "m", "inputs": [], "outputs": [{"id": 1, "type": "FILE", '
        '"path": "work/x", "sha256": ""}]}',
        "outputs.json: the output 'work/x' does not exist",
    ),
}


def test_a_forged_description_of_outputs_is_not_taken_for_a_result(functions: Functions) -> None:
    forged = "\n".join(
        f"@app.register({name!r})\n"
        "def f(data_objects, working_dir):\n"
        f"    open('../outputs.json', 'w').write({text!r})\n"
        "    os._exit(0)\n"
        for name, (text, _) in FORGED.items()
    )
    functions.service("import os\nfrom asimov.functions import app\n" + forged)
    outputs = {"table": "*.csv"}
    functions.run(
        *({"name": name, "function": f"service:{name}", "outputs": outputs} for name in FORGED),
        code=3,
    )
    for name, (_, said) in FORGED.items():
        wrong = f"its products are not what its pipeline declares: {said}"
        assert functions.reason(name).startswith(wrong), name
        assert not (functions.root / "results" / "s" / name).exists()


def test_an_output_that_changed_after_the_call_is_told(functions: Functions) -> None:
    functions.service(
        "import os, subprocess\nfrom asimov.functions import app, DataObject\n"
        "@app.register('late')\n"
        "def late(data_objects, working_dir):\n"
        "    open('x.txt', 'w').close()\n"
        "    wait = 'until [ -e ../outputs.json ]; do :; done; echo more > x.txt'\n"
        "    subprocess.Popen(['sh', '-c', wait], start_new_session=True)\n"
        "    return [DataObject(path='x.txt')]\n"
    )
    functions.apply({"function": "service:late"})
    assert functions.asimov("manage", "build", "submit").code == 0
    late = functions.root / "working" / "s" / "a" / "work" / "x.txt"
    end = time.monotonic() + 120
    while not (late.exists() and late.read_text()):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert functions.asimov(*UNTIL).code == 3
    assert "the output 'work/x.txt' is not what the call left" in functions.reason()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"function": "count"}, "function: should be 'module:name', not 'count'"),
        ({"function": "service"}, "function: should be 'module:name', not 'service'"),
        ({"files": "transfr"}, "files: should be one of auto, shared, transfer, not 'transfr'"),
        ({"seed": -1}, "seed: should be a whole number of at least 0, not -1"),
        ({"input": "data"}, "input: there is no such setting; did you mean 'inputs'?"),
        ({"outputs": {"x": "../x"}}, "outputs: x: '../x' is not a pattern of files in the folder"),
        ({"outputs": {"x": {"pth": "x"}}}, "outputs: x: pth: there is no such key"),
    ],
)
def test_what_only_another_blueprint_can_mend_is_refused(
    functions: Functions, settings: dict[str, Any], message: str
) -> None:
    ran = functions.apply({**COUNT, **settings})
    assert ran.code == 1
    assert message in ran.err


def test_settings_may_replace_the_defaults_as_a_whole(functions: Functions) -> None:
    call = {"function": "service:Count Words", "inputs": "data/*.txt", "settings": {"other": 1}}
    assert "other" in functions.apply({**call, "name": "laid-over"}).err
    ran = functions.apply({**call, "name": "wrong", "defaults": "no"})
    assert "defaults: should be true or false, not 'no'" in ran.err
    ran = functions.apply({**call, "name": "whole", "defaults": False})
    assert ran.code == 0, ran
    assert functions.asimov("manage", "build").code == 0
    (config,) = functions.root.glob("checkouts/**/whole.ini")
    assert yaml.safe_load(config.read_text())["settings"] == {"other": 1}
