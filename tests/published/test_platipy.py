"""PlatiPy's service framework: functions written for it, and its own, run unchanged."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.published.conftest import Place

SERVICES = Path(__file__).parent / "services"
#: The volume of a voxel of `services/volumes.py`, in mm^3.
VOXEL = 0.5
IMPORTS = ("platipy.backend", "asimov.functions")
#: Functions that the framework itself calls too: module, name, settings that are no defaults.
WORKERS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "its own": (
        "platipy.backend.sample.sample", "Primitive Body Segmentation",
        {"seed": [0, 39, 0], "lowerThreshold": 0, "upperThreshold": 100},
    ),
    "a service module": ("blobs", "Blob Segmentation", {}),
}  # fmt: skip


class Phantom:
    """A project with volumes of known content, and functions to segment them."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.root = place.root
        (self.root / "data").mkdir()
        self.python(str(SERVICES / "volumes.py"), str(self.root / "data"))

    def python(self, *arguments: str) -> str:
        """Run the environment's Python, away from the project, and return what it prints."""
        folder = self.root.parent / "elsewhere"
        folder.mkdir(exist_ok=True)
        done = subprocess.run(
            [self.place.prefix / "bin" / "python", *arguments],
            cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def service(self, imports: str) -> None:
        """Put the service module into the project, with its names from one of `IMPORTS`."""
        text = (SERVICES / "blobs.py").read_text()
        assert text.count("platipy.backend") == 1
        (self.root / "blobs.py").write_text(text.replace("platipy.backend", imports))

    def finish(self, *analyses: dict[str, Any]) -> None:
        """Run analyses to their results."""
        documents = [{"kind": "subject", "name": "s", "analyses": list(analyses)}]
        self.place.write("\n---\n".join(map(json.dumps, documents)))
        self.place.run("apply", "-f", "blueprint.yaml")
        names = [each["name"] for each in analyses]
        self.place.monitor("--chain", until=dict.fromkeys(names, "uploaded"))

    def outputs(self, name: str) -> list[dict[str, Any]]:
        """Return the outputs of an analysis, from the results store."""
        said = json.loads((self.root / "results/s" / name / "outputs.json").read_text())
        return list(said["outputs"])

    def of_the_framework(
        self, module: str, name: str, settings: dict[str, Any] | None, *inputs: str
    ) -> list[dict[str, Any]]:
        """Return what PlatiPy itself makes of a function, in a folder beside the project."""
        there = self.root.parent / "there"
        there.mkdir()
        script = Path(__file__).parent / "originals" / "platipy_task.py"
        paths = [str(self.root / each) for each in inputs]
        done = subprocess.run(
            [self.place.prefix / "bin/python", script, module, name, json.dumps(settings), *paths],
            cwd=there, capture_output=True, text=True, check=False,
            env={**os.environ, "PYTHONPATH": str(self.root), "TMPDIR": str(there)},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return list(json.loads(done.stdout.splitlines()[-1]))

    def contours(self, file: Path) -> Any:
        """Return the contours of a DICOM structure set; their colours are drawn at random."""
        program = (
            f"import json, pydicom; regions = pydicom.dcmread({str(file)!r}).ROIContourSequence; "
            "print(json.dumps([str(list(each.ContourSequence)) for each in regions]))"
        )
        return json.loads(self.python("-c", program))

    def array(self, name: str, path: str, what: str) -> Any:
        """Return an expression of the array ``a`` of an output."""
        file = self.root / "results/s" / name / path
        program = (
            "import json, SimpleITK as s; "
            f"a = s.GetArrayFromImage(s.ReadImage({str(file)!r})); print(json.dumps({what}))"
        )
        return json.loads(self.python("-c", program))


@pytest.fixture(params=["local", "htcondor"])
def phantom(request: pytest.FixtureRequest, place: Callable[..., Place]) -> Phantom:
    if request.param == "htcondor":
        request.getfixturevalue("pool")
    return Phantom(place("platipy", scheduler=request.param))


@pytest.mark.parametrize("imports", IMPORTS)
def test_a_segmentation_finds_exactly_the_boxes(phantom: Phantom, imports: str) -> None:
    phantom.service(imports)
    phantom.place.run("configuration", "update", "functions/modules", "blobs")
    phantom.finish(
        {"name": "nifti", "pipeline": "Blob Segmentation", "inputs": "data/volume.nii.gz"},
        {"name": "dicom", "pipeline": "Blob Segmentation", "inputs": "data/series",
         "settings": {"keep": 3, "names": {"prefix": "box"}}},
    )  # fmt: skip
    sizes = [1000, 120, 1]
    for name, prefix, count in (("nifti", "blob", 2), ("dicom", "box", 3)):
        outputs = phantom.outputs(name)
        assert [each["metadata"]["voxels"] for each in outputs] == sizes[:count]
        assert [each["metadata"]["volume"] for each in outputs] == [
            pytest.approx(size * VOXEL) for size in sizes[:count]
        ]
        assert [each["path"] for each in outputs] == [
            f"work/{prefix}-{number + 1}.nii.gz" for number in range(count)
        ]
        assert {(each["type"], each["parent"]) for each in outputs} == {("FILE", 1)}
        for size, each in zip(sizes, outputs, strict=False):
            assert phantom.array(name, each["path"], "int(a.sum())") == size
        where = "[[int(i.min()), int(i.max()) + 1] for i in a.nonzero()]"
        found = phantom.array(name, outputs[1]["path"], where)
        assert found == [[13, 15], [20, 26], [1, 11]]


@pytest.mark.parametrize("imports", IMPORTS)
def test_a_dicom_series_is_read_and_a_new_one_is_made(phantom: Phantom, imports: str) -> None:
    phantom.service(imports)
    phantom.finish(
        {"name": "segment", "pipeline": "function", "function": "blobs:segment",
         "inputs": "data/series"},
        {"name": "mask", "pipeline": "function", "function": "blobs:Mask Series",
         "needs": ["segment"], "inputs": ["data/series", {"asset": "blob-1"}]},
        {"name": "again", "pipeline": "function", "function": "blobs:segment",
         "needs": ["mask"], "inputs": [{"asset": "masked"}], "settings": {"keep": 9}},
    )  # fmt: skip
    (made,) = phantom.outputs("mask")
    assert (made["type"], made["path"], made["parent"]) == ("DICOM", "work/masked", 1)
    folder = phantom.root / "results/s/mask" / made["path"]
    program = (
        "import json, pydicom, pathlib; "
        f"r = [pydicom.dcmread(p) for p in sorted(pathlib.Path({str(folder)!r}).iterdir())]; "
        "print(json.dumps([[str(d.SeriesInstanceUID) for d in r], "
        "[int((d.pixel_array == 500).sum()) for d in r]]))"
    )
    series, pixels = json.loads(phantom.python("-c", program))
    assert set(series) == {made["series"]}
    assert pixels == [0, 0] + [100] * 10 + [0] * 4
    # The series is an input like any other: only the first box is left in it.
    assert [each["metadata"]["voxels"] for each in phantom.outputs("again")] == [1000]


@pytest.mark.parametrize("worker", WORKERS)
def test_the_framework_itself_makes_the_same_of_the_function(phantom: Phantom, worker: str) -> None:
    module, name, settings = WORKERS[worker]
    phantom.service("platipy.backend")
    inputs = ["data/volume.nii.gz", "data/series"]
    phantom.finish(
        {"name": "a", "pipeline": "function", "function": f"{module}:{name}", "inputs": inputs,
         **({"settings": settings} if settings else {})},
    )  # fmt: skip
    ours = json.loads((phantom.root / "results/s/a/outputs.json").read_text())
    # The framework takes settings as a whole, so it gets those that ours came to.
    given = ours["settings"] if settings else None
    theirs = phantom.of_the_framework(module, name, given, *inputs)

    def told(outputs: list[dict[str, Any]]) -> list[list[object]]:
        return [
            [each["type"], Path(each["path"]).name, each["parent"], each["metadata"]]
            for each in outputs
        ]

    assert told(ours["outputs"]) == told(theirs)
    assert len(theirs) in (3, 4)
    results = phantom.root / "results/s/a"
    for mine, other in zip(ours["outputs"], theirs, strict=True):
        path = os.path.relpath(other["path"], results)
        if mine["type"] == "FILE":
            what = "[a.shape, a.ravel().tolist()]"
            mask = phantom.array("a", mine["path"], what)
            assert mask == phantom.array("a", path, what)
            assert 0 < sum(mask[1]) < len(mask[1])
        else:
            found = phantom.contours(results / mine["path"])
            assert found == phantom.contours(results / path)
            assert found


def test_a_setting_that_the_published_function_lacks_is_refused(phantom: Phantom) -> None:
    phantom.place.write(
        "kind: subject\nname: s\nanalyses:\n"
        "  - name: a\n    pipeline: function\n"
        "    function: platipy.backend.sample.sample:primitive_body_segmentation\n"
        "    settings: {lowerTreshold: 3}\n"
    )
    ran = phantom.place.run("apply", "-f", "blueprint.yaml", code=1)
    assert "lowerTreshold: 'Primitive Body Segmentation' has no such setting" in ran.err
    assert "did you mean 'lowerThreshold'?" in ran.err
    left = {path.name for path in phantom.root.iterdir()}
    assert not {name for name in left if name.endswith((".log", ".db"))}, left


def test_hundreds_of_calls_at_once(phantom: Phantom) -> None:
    phantom.service("asimov.functions")
    phantom.finish(
        *(
            {"name": f"a{number}", "pipeline": "function", "function": "blobs:segment",
             "inputs": "data/volume.nii.gz", "settings": {"keep": number % 3 + 1}}
            for number in range(200)
        )
    )  # fmt: skip
    for number in range(200):
        found = [each["metadata"]["voxels"] for each in phantom.outputs(f"a{number}")]
        assert found == [1000, 120, 1][: number % 3 + 1]
