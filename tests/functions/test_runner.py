"""The program that calls a function in a job: a process of its own, with and without asimov."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from asimov.functions import runner

PACKAGE = Path(runner.__file__).parent

SERVICE = '''
import logging
import os
from asimov.functions import app, DataObject, celery

defaults = {"name": "out", "cut": {"first": 0, "last": 3}, "more": {}}

@app.register("Copy Tool", default_settings=defaults)
def copy(data_objects, working_dir, settings):
    """Copy the first input's text, cut."""
    logging.getLogger(__name__).info("cutting %s", settings["cut"])
    with open(data_objects[0].path) as file:
        text = file.read()[settings["cut"]["first"]:settings["cut"]["last"]]
    path = os.path.join(working_dir, settings["name"] + ".txt")
    with open(path, "w") as file:
        file.write(text)
    settings["cut"]["first"] = 99
    found = {"length": len(text)}
    first = DataObject(type="FILE", path=path, parent=data_objects[0], meta_data=found)
    open("relative.txt", "w").close()
    return [first, DataObject(type="FILE", path="relative.txt", parent=first)]
'''


class Job:
    """A folder in which the program runs as it does in a job."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = sys.executable
        self.runner = PACKAGE / "runner.py"
        self.environment: dict[str, str] = {"PATH": os.environ["PATH"]}
        folder.mkdir()

    def service(self, text: str) -> None:
        (self.folder.parent / "service.py").write_text(text)

    def command(self, *paths: Path | str) -> list[str]:
        path = f"--path={self.folder.parent / 'service.py'}"
        return [self.python, str(self.runner), "call.json", path, *map(str, paths)]

    def describe_call(self, name: str, settings: Any = None, inputs: Any = ()) -> None:
        call = {"module": "service", "name": name, "settings": settings, "inputs": inputs}
        (self.folder / "call.json").write_text(json.dumps(call))

    def call(
        self, name: str, *paths: Path | str, settings: Any = None, kind: str = "FILE"
    ) -> subprocess.CompletedProcess[str]:
        self.describe_call(name, settings, [{"type": kind} for _ in paths])
        return subprocess.run(
            self.command(*paths), cwd=self.folder, env=self.environment,
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    def read(self, name: str) -> Any:
        return json.loads((self.folder / name).read_text())


@pytest.fixture
def job(tmp_path: Path) -> Job:
    made = Job(tmp_path / "job")
    made.service(SERVICE)
    (tmp_path / "in.txt").write_text("abcdef")
    return made


def failing(job: Job, body: str) -> str:
    """Register a function with a body, call it, and return the last line of its error output."""
    job.service(
        "import os, sys\nfrom asimov.functions import app, DataObject\n"
        f'@app.register("tool")\ndef tool(data_objects, working_dir):\n    {body}\n'
    )
    done = job.call("tool")
    assert done.returncode == 1
    assert not (job.folder / "outputs.json").exists()
    return done.stderr.splitlines()[-1]


def test_outputs_are_described_with_parent_checksum_and_metadata(job: Job) -> None:
    done = job.call("Copy Tool", "../in.txt", settings={"cut": {"last": 2}})
    assert done.returncode == 0, done.stderr
    found = job.read("outputs.json")
    assert found["function"] == "Copy Tool"
    first, second = found["outputs"]
    assert first == {
        "id": 2,
        "type": "FILE",
        "path": "work/out.txt",
        "parent": 1,
        "sha256": hashlib.sha256(b"ab").hexdigest(),
        "series": None,
        "metadata": {"length": 2},
    }
    # A relative path is one in the working folder.
    assert (second["id"], second["parent"], second["path"]) == (3, 2, "work/relative.txt")
    assert (job.folder / first["path"]).read_text() == "ab"


def test_logging_goes_to_the_error_output(job: Job) -> None:
    assert "INFO service: cutting" in job.call("copy", "../in.txt").stderr


def test_settings_lie_over_the_defaults_key_by_key(job: Job) -> None:
    job.call("copy", "../in.txt", settings={"cut": {"first": 1}, "more": {"any": 1}})
    wanted = {"name": "out", "cut": {"first": 1, "last": 3}, "more": {"any": 1}}
    said = job.read("outputs.json")["settings"]
    wanted["cut"]["first"] = 99  # the function has changed its own copy # type: ignore[index]
    assert said == wanted


@pytest.mark.parametrize("given", [{"nane": 1}, {"cut": {"frist": 1}}])
def test_an_unknown_setting_is_refused_in_the_job_too(job: Job, given: Any) -> None:
    done = job.call("copy", "../in.txt", settings=given)
    assert done.returncode == 1
    assert "'Copy Tool' has no setting" in done.stderr


@pytest.mark.parametrize(
    ("registered", "settings", "arguments"),
    [
        ("", None, 2),
        ("", {}, 2),
        ("", {"a": 1}, 3),
        (", default_settings={}", None, 3),
        (', default_settings={"a": 1}', None, 3),
    ],
)
def test_settings_are_passed_as_the_published_framework_does(
    job: Job, registered: str, settings: Any, arguments: int
) -> None:
    job.service(
        "from asimov.functions import app\n"
        f'@app.register("tool"{registered})\n'
        f"def tool(*given):\n    assert len(given) == {arguments}, given\n    return []\n"
    )
    done = job.call("tool", settings=settings)
    assert done.returncode == 0, done.stderr
    assert job.read("outputs.json")["outputs"] == []


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("pass", "the function returned None: it should return a list of data objects"),
        ("return DataObject(path='x')", "it should return a list"),
        (
            "return ['mask.nii']",
            "the function returned 'mask.nii' in its list: it is not a DataObject",
        ),
        (
            "return [DataObject(path='no')]",
            "the function returned the output 'no', which does not exist",
        ),
        ("return [DataObject()]", "the function returned the output None, which does not exist"),
        ("return [DataObject(type='NII', path=__file__)]", "an output's type is 'NII'"),
        (
            "return [DataObject(path=__file__, parent=DataObject(path='x'))]",
            "is neither an input nor an output of the call",
        ),
        ("return [DataObject(path=working_dir)]", "which contains the folder it works in"),
        (
            "os.mkfifo('pipe'); return [DataObject(path='pipe')]",
            "the output pipe is neither a file nor a folder",
        ),
        (
            "return [DataObject(path=__file__, meta_data={'labels': {1, 2}})]",
            "can't be written as JSON: set {1, 2} has no place in JSON",
        ),
        (
            "return [DataObject(path=__file__, meta_data={'dice': float('nan')})]",
            "can't be written as JSON",
        ),
    ],
)
def test_an_answer_against_the_contract_is_a_fault(job: Job, body: str, line: str) -> None:
    assert line in failing(job, body)


def test_the_text_of_an_exception_is_kept_by_itself(job: Job) -> None:
    assert failing(job, "raise ValueError('two lines:\\nno lungs')") == "no lungs"
    failure = job.read("failure.json")
    assert failure["exception"] == "two lines:\nno lungs"
    assert failure["type"] == "ValueError"
    assert failure["line"] == "no lungs"
    assert failure["traceback"].startswith("Traceback")
    # The traceback begins in the function.
    assert str(PACKAGE) not in failure["traceback"]


@pytest.mark.parametrize("code", ["0", "3", "'enough'"])
def test_a_function_that_exits_has_failed(job: Job, code: str) -> None:
    assert failing(job, f"sys.exit({code})").startswith("SystemExit")


def test_a_module_that_does_not_exist_is_named(job: Job) -> None:
    (job.folder.parent / "service.py").unlink()
    assert job.call("tool").stderr == "there is no module 'service'\n"


def test_a_function_that_is_not_registered_is_named_with_those_that_are(job: Job) -> None:
    said = job.call("cut").stderr
    assert said == "service registers 'Copy Tool', not 'cut'\n"


def test_what_a_module_imports_and_lacks_is_its_own_error(job: Job) -> None:
    job.service("import service_helper")
    assert "No module named 'service_helper'" in job.call("tool").stderr


def test_the_published_framework_that_is_not_installed_is_explained(job: Job) -> None:
    job.service(SERVICE.replace("asimov.functions", "platipy.backend"))
    assert job.call("copy").stderr == (
        "platipy.backend is not installed: import its names from asimov.functions instead\n"
    )


def test_outputs_from_elsewhere_are_copied_into_the_working_folder(job: Job) -> None:
    job.service(
        "import os, tempfile\nfrom asimov.functions import app, DataObject\n"
        '@app.register("tool")\n'
        "def tool(data_objects, working_dir):\n"
        "    folder = tempfile.mkdtemp()\n"
        "    for place in (folder, working_dir):\n"
        "        with open(os.path.join(place, 'mask'), 'w') as file:\n"
        "            file.write(place)\n"
        "    return [DataObject(path=os.path.join(folder, 'mask')), DataObject(path=folder)]\n"
    )
    assert job.call("tool").returncode == 0
    file, folder = (job.folder / each["path"] for each in job.read("outputs.json")["outputs"])
    assert file == job.folder / "work" / "2-mask"
    assert (folder / "mask").read_text() == file.read_text()


def test_a_link_is_returned_under_its_own_name_with_what_it_leads_to(job: Job) -> None:
    job.service(
        "import os\nfrom asimov.functions import app, DataObject\n"
        '@app.register("tool")\n'
        "def tool(data_objects, working_dir):\n"
        "    open('made', 'w').write('made')\n"
        "    os.symlink('made', 'link')\n"
        "    return [DataObject(path='link')]\n"
    )
    assert job.call("tool").returncode == 0
    (output,) = job.read("outputs.json")["outputs"]
    assert output["path"] == "work/link"
    assert not (job.folder / output["path"]).is_symlink()
    assert (job.folder / output["path"]).read_text() == "made"


@pytest.mark.parametrize("place", ["working_dir", "tempfile.mkdtemp()"])
@pytest.mark.parametrize("output", ["unpacked/link", "unpacked"])
def test_a_link_of_an_archive_gives_nobody_what_it_leads_to(
    job: Job, place: str, output: str
) -> None:
    """A function may unpack what somebody sent, and return what was in it."""
    secret = job.folder.parent / "secret"
    secret.write_text("secret")
    job.service(
        "import os, tempfile\nfrom asimov.functions import app, DataObject\n"
        '@app.register("tool")\n'
        "def tool(data_objects, working_dir):\n"
        f"    folder = os.path.join({place}, 'unpacked')\n"
        "    os.mkdir(folder)\n"
        f"    os.symlink({str(secret)!r}, os.path.join(folder, 'link'))\n"
        f"    return [DataObject(path=os.path.join(os.path.dirname(folder), {output!r}))]\n"
    )
    ran = job.call("tool")
    assert ran.returncode != 0
    assert "has a link that leads elsewhere: link" in ran.stderr
    assert not [
        each
        for each in job.folder.rglob("*")
        if each.is_file() and not each.is_symlink() and each.read_text() == "secret"
    ]


def test_links_to_an_input_or_beside_themselves_are_outputs(job: Job) -> None:
    job.service(
        "import os, tempfile\nfrom asimov.functions import app, DataObject\n"
        '@app.register("tool")\n'
        "def tool(data_objects, working_dir):\n"
        "    elsewhere = tempfile.mkdtemp()\n"
        "    open(os.path.join(elsewhere, 'made'), 'w').write('made')\n"
        "    os.symlink('made', os.path.join(elsewhere, 'newest'))\n"
        "    os.symlink(os.path.abspath(data_objects[0].path), 'same')\n"
        "    return [DataObject(path=os.path.join(elsewhere, 'newest')), DataObject(path='same')]\n"
    )
    given = job.folder.parent / "given"
    given.write_text("given")
    assert job.call("tool", given).returncode == 0
    newest, same = (job.folder / each["path"] for each in job.read("outputs.json")["outputs"])
    assert (newest.read_text(), same.read_text()) == ("made", "given")


def test_what_a_thread_still_writes_belongs_to_the_output(job: Job) -> None:
    job.service(
        "import threading, time\nfrom asimov.functions import app, DataObject\n"
        "def later():\n"
        "    time.sleep(0.5)\n"
        "    open('made', 'a').write(' late')\n"
        '@app.register("tool")\n'
        "def tool(data_objects, working_dir):\n"
        "    open('made', 'w').write('early')\n"
        "    threading.Thread(target=later).start()\n"
        "    return [DataObject(path='made')]\n"
    )
    assert job.call("tool").returncode == 0
    (output,) = job.read("outputs.json")["outputs"]
    assert output["sha256"] == hashlib.sha256(b"early late").hexdigest()


def test_metadata_of_usual_types_are_written(job: Job) -> None:
    job.service(
        "import datetime, decimal, pathlib\nfrom asimov.functions import app, DataObject\n"
        '@app.register("tool")\n'
        "def tool(data_objects, working_dir):\n"
        "    data = {'day': datetime.date(2026, 1, 2), 'path': pathlib.Path('a'), 'pair': (1, 2)}\n"
        "    return [DataObject(path=__file__, meta_data=data)]\n"
    )
    assert job.call("tool").returncode == 0
    (output,) = job.read("outputs.json")["outputs"]
    assert output["metadata"] == {"day": "2026-01-02", "path": "a", "pair": [1, 2]}


def test_the_checksum_of_a_folder_is_that_of_its_list(job: Job) -> None:
    job.service(
        "import os\nfrom asimov.functions import app, DataObject\n"
        '@app.register("tool")\n'
        "def tool(data_objects, working_dir):\n"
        "    os.makedirs('series/b')\n"
        "    for name in ('series/b/2', 'series/1'):\n"
        "        with open(name, 'w') as file:\n"
        "            file.write(name)\n"
        "    return [DataObject(type='DICOM', path='series', series_instance_uid='1.2')]\n"
    )
    assert job.call("tool").returncode == 0
    (series,) = job.read("outputs.json")["outputs"]
    listed = subprocess.run(
        "sha256sum 1 b/2 | sha256sum", shell=True, cwd=job.folder / series["path"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert series["sha256"] == listed.stdout.split()[0]
    assert (series["type"], series["series"]) == ("DICOM", "1.2")


def test_a_dicom_input_is_a_folder(job: Job) -> None:
    job.service(
        "import os\nfrom asimov.functions import app\n"
        '@app.register("tool")\n'
        "def tool(data_objects, working_dir):\n"
        "    assert os.listdir(data_objects[0].path) == ['in.txt']\n    return []\n"
    )
    done = job.call("tool", "../in.txt", kind="DICOM")
    assert done.returncode == 0, done.stderr


def test_an_input_that_is_not_there_is_named(job: Job) -> None:
    assert (
        f"the input {job.folder}/../no.txt does not exist" in job.call("copy", "../no.txt").stderr
    )


def test_the_working_folder_is_fresh_each_time(job: Job) -> None:
    job.call("copy", "../in.txt", settings={"name": "first"})
    job.call("copy", "../in.txt", settings={"name": "second"})
    assert sorted(each.name for each in (job.folder / "work").iterdir()) == [
        "relative.txt",
        "second.txt",
    ]
    assert (job.folder / "work.aside-1" / "first.txt").exists()
    failing(job, "raise ValueError")
    assert not (job.folder / "outputs.json").exists()


def test_a_kill_leaves_no_outputs(job: Job) -> None:
    job.service(
        "import time\nfrom asimov.functions import app, DataObject\n"
        '@app.register("tool")\n'
        "def tool(data_objects, working_dir):\n"
        "    open('half', 'w').close()\n    time.sleep(600)\n    return []\n"
    )
    job.describe_call("tool")
    process = subprocess.Popen(job.command(), cwd=job.folder)
    half = job.folder / "work" / "half"
    deadline = time.monotonic() + 120
    while not half.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert half.exists()
    assert not (job.folder / "outputs.json").exists()


def test_nothing_of_asimov_need_be_installed(job: Job, tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "alone")
    job.runner = tmp_path / "alone" / "runner.py"
    job.python = _bare(tmp_path)
    done = job.call("copy", "../in.txt")
    assert done.returncode == 0, done.stderr


def test_a_function_may_start_processes(job: Job, tmp_path: Path) -> None:
    job.python = _bare(tmp_path)
    job.service(
        "import multiprocessing\nfrom asimov.functions import app, DataObject\n"
        "def square(number):\n    return number * number\n"
        '@app.register("tool")\n'
        "def tool(data_objects, working_dir):\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
        "        assert pool.map(square, [3]) == [9]\n"
        "    return []\n"
    )
    done = job.call("tool")
    assert done.returncode == 0, done.stderr


def _bare(folder: Path) -> str:
    """Make an environment without any package."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "bare"], check=True)
    python = str(folder / "bare" / "bin" / "python")
    assert subprocess.run([python, "-c", "import asimov"], cwd=folder, check=False).returncode
    return python


def test_progress_is_written_where_asimov_reads_it(job: Job) -> None:
    job.environment["ASIMOV_PROGRESS"] = "call.progress"
    job.service(
        "import os\nfrom asimov.functions import app\n"
        '@app.register("tool")\n'
        "def tool(data_objects, working_dir):\n"
        "    with open(os.environ['ASIMOV_PROGRESS'], 'a') as file:\n"
        "        file.write('1/2 half\\n')\n"
        "    return []\n"
    )
    job.call("tool")
    assert (job.folder / "call.progress").read_text() == "1/2 half\n"


def describe(job: Job, module: str = "service") -> Any:
    done = subprocess.run(
        [job.python, job.runner, "describe", module, f"--path={job.folder.parent}/"],
        cwd=job.folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


def test_a_description_names_functions_defaults_and_files(job: Job) -> None:
    (job.folder.parent / "helper.py").write_text("print('noise')")
    package = job.folder.parent / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "part.py").write_text("")
    job.service("import helper, package.part, json\n" + SERVICE)
    found = describe(job)
    assert found["functions"] == {
        "Copy Tool": {
            "python": "copy",
            "defined": "service",
            "default_settings": {"name": "out", "cut": {"first": 0, "last": 3}, "more": {}},
        }
    }
    here = job.folder.parent
    assert found["parts"] == [f"{here}/helper.py", f"{here}/package", f"{here}/service.py"]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("raise ValueError('no licence')", "ValueError: no licence"),
        ("import sys; sys.exit(0)", "SystemExit: 0"),
        ("import no_such_package", "ModuleNotFoundError: No module named 'no_such_package'"),
    ],
)
def test_a_description_says_why_a_module_can_not_be_imported(
    job: Job, text: str, error: str
) -> None:
    job.service(text)
    assert describe(job) == {"error": error}


def test_run_says_that_there_is_no_project_to_serve(job: Job) -> None:
    job.service(SERVICE + "\nif __name__ == '__main__':\n    app.run(debug=True, port=8000)\n")
    done = subprocess.run(
        [sys.executable, job.folder.parent / "service.py"],
        cwd=job.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "is not in an asimov project" in done.stderr


def test_the_innermost_folder_says_what_is_pythons_own(job: Job, tmp_path: Path) -> None:
    # An environment in the project's folder, and another project in that environment.
    job.python = _bare(tmp_path)
    lib = next((tmp_path / "bare" / "lib").glob("python3*")) / "site-packages"
    (lib / "installed.py").write_text("")
    job.service("import installed")
    assert describe(job)["parts"] == [str(tmp_path / "service.py")]
    inner = Job(tmp_path / "bare" / "project")
    inner.python, inner.folder = job.python, tmp_path / "bare" / "project" / "job"
    inner.folder.mkdir()
    inner.service("import installed")
    assert describe(inner)["parts"] == [str(tmp_path / "bare" / "project" / "service.py")]
