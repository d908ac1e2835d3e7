"""Plugins of SPT: real training in real containers, and every fault that a user meets."""

from __future__ import annotations

import csv
import json
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import containers
from tests.pipelines.container.conftest import InContainers
from tests.searching import first

h5py = pytest.importorskip("h5py")
np = pytest.importorskip("numpy")

WORKER = containers.EXAMPLE / "worker"
TRAIN = "spt-plugin-train-on-graphs"
PRINT = "spt-plugin-print-training-configuration"
REQUEST = "spt-plugin-print-graph-request-configuration"
#: Trains, and then does to its output what a setting says.
DAMAGED = """
/usr/local/bin/train "$@" || exit
for last in "$@"; do :; done
cd "$last" && eval "$(sed -n 's/^damage = //p' "$4")"
"""


def graphs(folder: Path, cells: int = 148, seed: int = 3) -> Path:
    command = [sys.executable, WORKER / "generate_graphs.py", folder, "--cells", str(cells)]
    subprocess.run([*command, "--seed", str(seed)], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def made_graphs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make graphs of 148 cells of 2 specimens."""
    return graphs(tmp_path_factory.mktemp("cohort") / "graphs")


@pytest.fixture
def cohort(runs: InContainers, made_graphs: Path) -> InContainers:
    """Put the graphs into the project."""
    shutil.copytree(made_graphs, runs.root / "graphs")
    return runs


def spt(**settings: Any) -> dict[str, Any]:
    return {"contract": "spt", "input": "graphs", "seed": 11, **settings}


@pytest.fixture(scope="module")
def damaging() -> Iterator[Path]:
    """Make an image whose training damages its result as the setting ``damage`` says."""
    printed = "echo '[logit]'; echo epochs = 5; echo learning_rate = 1; echo random_seed = 0"
    commands = {TRAIN: DAMAGED, PRINT: f"{printed}; echo damage = none"}
    with containers.folder() as top:
        made = containers.altered(top / "image", commands)
        shutil.copy2(containers.image() / "usr/local/bin" / TRAIN, made / "usr/local/bin/train")
        yield made


# --- what it makes


@pytest.mark.parametrize("runtime", first(1, ["bubblewrap", "charliecloud"]))
def test_a_plugin_trains_and_its_cells_are_ranked(cohort: InContainers, runtime: str) -> None:
    before = {path: path.read_bytes() for path in (cohort.root / "graphs").iterdir()}
    registry = {"logit": {"image": str(containers.image()), "aliases": ["LR"],
                          "settings": {"epochs": 30, "learning_rate": 1}}}  # fmt: skip
    use = {
        "name": "b", "pipeline": "command", "executable": "cp", "needs": ["a"],
        "arguments": ["{{ assets.ranks }}", "copy.csv"], "outputs": {"copy": "copy.csv"},
    }  # fmt: skip
    cohort.apply(
        spt(
            plugins=registry, image="lr", runtime=runtime, settings={"learning_rate": 0.2},
            general={"study_name": "mine"}, **{"cohort stratifier": "outcome"},
        ),
        use,
    )  # fmt: skip
    cohort.finish()

    rows = list(csv.DictReader(cohort.file("output/importances.csv").read_text().splitlines()))
    assert sorted(int(row["histological_structure"]) for row in rows) == list(range(1, 149))
    ranked = list(csv.DictReader(cohort.file("ranks.csv").read_text().splitlines()))
    assert list(ranked[0]) == ["specimen", "histological_structure", "rank"]
    assert len(ranked) == 148
    importance = {row["histological_structure"]: float(row["importance"]) for row in rows}
    for specimen in ("lesion 0-1", "lesion 6-4"):
        order = [r["histological_structure"] for r in ranked if r["specimen"] == specimen]
        assert order == sorted(order, key=lambda cell: -importance[cell])
        assert [r["rank"] for r in ranked if r["specimen"] == specimen][:2] == ["1", "2"]
    metadata = json.loads(cohort.file("ranks.metadata.json").read_text())
    assert metadata.pop("datetime_of_run")[:2] == "20"
    assert metadata == {
        "plugin_used": "logit", "plugin_version": "", "cohort_stratifier": "outcome"
    }  # fmt: skip

    used = json.loads(cohort.file("output/model/settings.json").read_text())
    assert used == {"study_name": "mine", "random_seed": "11", "epochs": "30",
                    "learning_rate": "0.2"}  # fmt: skip
    config = (cohort.root / "checkouts/s/analyses/a.ini").read_text()
    assert cohort.file("configuration/training.config").read_text() == config
    assert "[graph-generation]\nneighbours = 4\n" in config
    printed = cohort.file("configuration/training.printed.config").read_text()
    assert "learning_rate = 0.5" in printed
    assert "roi_area" in cohort.file("configuration/graph-request.printed.config").read_text()

    with h5py.File(cohort.file("output/lesion_0-1_0.h5")) as file:
        assert len(file["graph/importances"]) == len(file["graph/node_features"])
    assert {path: path.read_bytes() for path in (cohort.root / "graphs").iterdir()} == before
    shown = json.loads(cohort.asimov("production", "show", "s", "a", "--json").out)
    assert len(shown["attempts"]) == 1
    stored = cohort.root / "results/s/a"
    assert (stored / "output/model/weights.npy").exists()
    assert (stored / "ranks.csv").exists()
    copied = (cohort.root / "results/s/b/copy.csv").read_text()
    assert copied == cohort.file("ranks.csv").read_text()


def test_the_result_is_that_of_the_worker_by_itself(cohort: InContainers, tmp_path: Path) -> None:
    cohort.apply(spt(), spt(name="b"), spt(name="c", seed=12))
    cohort.finish()
    alone = tmp_path / "alone"
    alone.mkdir()
    subprocess.run(
        [sys.executable, WORKER / "train.py", "--input_directory", cohort.root / "graphs",
         "--config_file", cohort.file("configuration/training.config"),
         "--output_directory", alone],
        check=True, capture_output=True,
    )  # fmt: skip
    expected = (alone / "importances.csv").read_bytes()
    assert cohort.file("output/importances.csv").read_bytes() == expected
    assert cohort.file("output/importances.csv", "b").read_bytes() == expected
    assert cohort.file("output/importances.csv", "c").read_bytes() != expected


def test_a_seed_is_drawn_and_kept_where_the_ledger_has_none(cohort: InContainers) -> None:
    cohort.apply(spt(seed=None))
    cohort.finish()
    used = json.loads(cohort.file("output/model/settings.json").read_text())
    assert (
        f"random_seed = {used['random_seed']}"
        in cohort.file("configuration/training.config").read_text()
    )
    assert int(used["random_seed"]) >= 0
    assert f"ASIMOV_SEED={used['random_seed']}" in cohort.file("train.sub").read_text()


def test_one_folder_may_be_input_output_and_working_folder(cohort: InContainers) -> None:
    cohort.apply(spt(**{"shared folder": True}))
    cohort.finish()
    there = {path.name for path in cohort.file("output").iterdir()}
    assert {"feature_names.txt", "training.config", "importances.csv", "model"} <= there
    with h5py.File(cohort.file("output/lesion_0-1_0.h5")) as file:
        assert "importances" in file["graph"]
    with h5py.File(cohort.root / "graphs" / "lesion_0-1_0.h5") as file:
        assert "importances" not in file["graph"]


def test_a_larger_cohort_is_ranked_up_to_a_thousand(runs: InContainers) -> None:
    graphs(runs.root / "graphs", cells=2400)
    runs.apply(spt(settings={"epochs": 3}))
    runs.finish()
    ranked = list(csv.DictReader(runs.file("ranks.csv").read_text().splitlines()))
    assert [row["rank"] for row in ranked].count("1000") == 2
    assert len(ranked) == 2000


# --- faults


DAMAGES = {
    "header": ("sed -i 1s/importance/weight/ importances.csv",
               ":1: the header should be 'histological_structure,importance'"),
    "repeated": ("sed -i 3s/2,/1,/ importances.csv", ":3: cell 1 is repeated"),
    "foreign": ("sed -i 5s/4,/9999,/ importances.csv", ":5: cell 9999 is in no input graph"),
    "nan": ("sed -i 7s/,.*/,nan/ importances.csv",
            ":7: the importance of cell 6 is 'nan', not a finite number"),
    "missing": ("sed -i 9d importances.csv",
                ": cell 8 of the graph lesion_0-1_0.h5 is missing"),
    "none": ("rm importances.csv", " missing"),
}  # fmt: skip


@pytest.mark.parametrize("kinds", first(1, [["foreign", "none"], list(DAMAGES)]), ids=len)
def test_a_faulty_result_makes_the_analysis_stuck_with_its_line(
    cohort: InContainers, damaging: Path, kinds: list[str]
) -> None:
    damages = {kind: DAMAGES[kind] for kind in kinds}
    cohort.apply(
        *(
            spt(name=name, image=str(damaging), settings={"damage": damage})
            for name, (damage, _) in damages.items()
        )
    )
    cohort.finish(3)
    for name, (_, message) in damages.items():
        assert cohort.state(name) == "stuck"
        why = cohort.why(name)
        refused = "exit code 0, but it is not complete"
        if name != "none":
            refused = "its products are not what its pipeline declares"
        assert refused in why, name
        assert f"output/importances.csv{message}" in why, why
        assert not cohort.file("ranks.csv", name).exists()
        assert not (cohort.root / "results/s" / name).exists()


def test_all_faults_of_a_result_are_listed(cohort: InContainers, damaging: Path) -> None:
    damage = "sed -i -e 7s/,.*/,nan/ -e 8s/,.*/,inf/ importances.csv"
    cohort.apply(spt(image=str(damaging), settings={"damage": damage}))
    cohort.finish(3)
    assert (
        "importances.csv:7: the importance of cell 6 is 'nan', not a finite number (and 1 more)"
        in cohort.why()
    )
    assert "importances.csv:8: the importance of cell 7 is 'inf'" in cohort.why()


def test_a_faulty_result_is_trained_again_after_a_restart(
    cohort: InContainers, damaging: Path
) -> None:
    broken = spt(image=str(damaging), settings={"damage": "rm importances.csv; touch half"})
    cohort.apply(broken)
    cohort.finish(3)
    image = containers.image() / "usr/local/bin" / TRAIN
    own = damaging / "usr/local/bin" / TRAIN
    text = own.read_text()
    own.write_text(f'#!/bin/sh\nexec /usr/local/bin/{image.name.replace(TRAIN, "train")} "$@"\n')
    try:
        assert not cohort.asimov("production", "set", "s", "a", "--status", "restart").code
        cohort.finish()
    finally:
        own.write_text(text)
    assert cohort.file("output/importances.csv").exists()
    assert not cohort.file("output/half").exists()  # of the attempt before


def test_the_untouched_template_s_last_words_are_told(cohort: InContainers, tmp_path: Path) -> None:
    train = "exec python3 -c \"import configparser; c = configparser.ConfigParser(); c['plugin']\""
    python = Path(sys.executable).resolve()
    image = containers.altered(
        tmp_path / "image", {PRINT: ":", REQUEST: ":", TRAIN: train.replace("python3", str(python))}
    )
    cohort.apply(spt(image=str(image)))
    cohort.finish(3)
    assert "KeyError: 'plugin'" in cohort.why()
    assert cohort.file("configuration/training.printed.config").read_text() == ""
    assert "[plugin]" not in cohort.file("configuration/training.config").read_text()


def test_settings_for_an_image_that_prints_nothing_go_to_the_section_plugin(
    cohort: InContainers, tmp_path: Path
) -> None:
    image = containers.altered(tmp_path / "image", {PRINT: ":", REQUEST: ":"})
    cohort.apply(spt(image=str(image), settings={"anything": 1}))
    cohort.finish(3)  # this worker reads another section
    assert "[plugin]\nanything = 1" in cohort.file("configuration/training.config").read_text()
    assert "KeyError: 'logit'" in cohort.why()


def refused(cohort: InContainers, **settings: Any) -> str:
    """Return what a build says of settings; the analysis stays ready."""
    cohort.apply(spt(**settings))
    ran = cohort.asimov("manage", "build")
    assert cohort.state() == "ready", ran
    assert not (cohort.root / "checkouts/s/analyses/a.ini").exists()
    return str(ran)


def test_an_unknown_setting_is_refused_with_the_nearest_when_it_is_built(
    cohort: InContainers,
) -> None:
    told = refused(cohort, settings={"epoch": 4})
    assert "settings: epoch: the image knows no setting 'epoch'; did you mean 'epochs'?" in told


def test_an_unknown_section_is_refused(cohort: InContainers) -> None:
    assert "the image prints no [logits]; did you mean 'logit'?" in refused(
        cohort, section="logits"
    )


@pytest.mark.parametrize("runtime", ["bubblewrap", "charliecloud"])
def test_a_missing_command_is_named_when_it_is_built(
    cohort: InContainers, tmp_path: Path, runtime: str
) -> None:
    image = containers.altered(tmp_path / "image", {PRINT: None})
    told = refused(cohort, image=str(image), runtime=runtime)
    assert f"has no command {PRINT}" in told


def test_a_printing_command_that_fails_is_told_with_its_last_words(
    cohort: InContainers, tmp_path: Path
) -> None:
    image = containers.altered(tmp_path / "image", {REQUEST: "echo no config >&2; exit 4"})
    told = refused(cohort, image=str(image))
    assert f"{REQUEST} of the image" in told
    assert "failed with exit code 4: no config" in told


def test_a_print_that_is_no_configuration_is_refused(cohort: InContainers, tmp_path: Path) -> None:
    image = containers.altered(tmp_path / "image", {PRINT: "echo Loading; echo '[a]'"})
    assert "line 1: is not an INI file" in refused(cohort, image=str(image))


def test_a_gpu_that_is_required_and_not_asked_for_is_refused(cohort: InContainers) -> None:
    registry = {"net": {"image": str(containers.image()), "gpu": True}}
    cohort.apply(spt(plugins=registry, image="net"))
    ran = cohort.asimov("manage", "build")
    assert "gpus: net runs only on a GPU, but none is requested" in str(ran)
    assert cohort.state() == "ready"


def test_a_missing_training_command_is_in_the_reason(cohort: InContainers, tmp_path: Path) -> None:
    image = containers.altered(tmp_path / "image", {TRAIN: None})
    cohort.apply(spt(image=str(image)))
    cohort.finish(3)
    assert TRAIN in cohort.why()
    assert "not found" in cohort.why()


def test_an_input_that_could_not_be_protected_and_was_changed_is_told(
    cohort: InContainers, damaging: Path
) -> None:
    damage = "echo CD9 >> /mnt/inputs/1/graphs/feature_names.txt"
    changed = {"image": str(damaging), "settings": {"damage": damage}}
    cohort.apply(spt(name="open", runtime="charliecloud", **changed))
    before = (cohort.root / "graphs/feature_names.txt").read_text()
    cohort.finish(3)
    assert "the input has changed since the job was submitted: feature_names.txt" in cohort.why(
        "open"
    )
    (cohort.root / "graphs/feature_names.txt").write_text(before)
    cohort.apply(spt(name="only", runtime="bubblewrap", **changed))
    cohort.finish(3)
    assert "Read-only file system" in cohort.why("only")
    assert (cohort.root / "graphs/feature_names.txt").read_text() == before


# --- faults of the input


def stuck(cohort: InContainers, **settings: Any) -> str:
    cohort.apply(spt(**settings))
    cohort.finish(3)
    return cohort.why()


def test_a_folder_without_graphs_is_refused(cohort: InContainers) -> None:
    (cohort.root / "empty").mkdir()
    assert "contains no graph (NAME.h5)" in stuck(cohort, input="empty")


def test_a_folder_without_names_of_features_is_refused(cohort: InContainers) -> None:
    (cohort.root / "graphs/feature_names.txt").unlink()
    assert "has no feature_names.txt" in stuck(cohort)


def test_an_input_that_does_not_exist_is_refused(cohort: InContainers) -> None:
    assert "input: there is no file or folder 'grahps'" in stuck(cohort, input="grahps")


def test_a_graph_that_is_damaged_or_lacks_a_part_is_named(cohort: InContainers) -> None:
    with h5py.File(cohort.root / "graphs/lesion_0-1_0.h5", "a") as file:
        del file["graph/centroids"]
    assert "lesion_0-1_0.h5: the graph has no 'graph/centroids'" in stuck(cohort)


def test_a_file_that_is_no_graph_is_named(cohort: InContainers) -> None:
    (cohort.root / "graphs/lesion_0-1_0.h5").write_text("not HDF5\n")
    assert "lesion_0-1_0.h5: the graph can't be read" in stuck(cohort)


def test_a_cell_of_two_specimens_is_named_with_both_graphs(cohort: InContainers) -> None:
    with h5py.File(cohort.root / "graphs/lesion_6-4_1.h5", "a") as file:
        file["graph/histological_structure_ids"][0] = 1
    why = stuck(cohort)
    assert (
        "cell 1 is of the specimen 'lesion 6-4' here, and of 'lesion 0-1' in lesion_0-1_0.h5" in why
    )


def test_the_generated_graphs_have_the_documented_layout(tmp_path: Path) -> None:
    assert runpy.run_path(str(WORKER / "generate_graphs.py"))["FEATURES"]
    folder = graphs(tmp_path / "graphs")
    names = (folder / "feature_names.txt").read_text().split()
    ids: dict[bytes, set[int]] = {}
    for path in sorted(folder.glob("*.h5")):
        with h5py.File(path) as file:
            cells = file["graph/histological_structure_ids"][()]
            shape = tuple(file["graph/adj/shape"][()])
            assert shape == (len(cells), len(cells))
            assert len(file["graph/adj/indptr"]) == len(cells) + 1
            assert len(file["graph/adj/data"]) == len(file["graph/adj/indices"])
            assert file["graph/node_features"].shape == (len(cells), len(names))
            assert file["graph/centroids"].shape == (len(cells), 2)
            assert file["set"][()] in {b"train", b"validation", b"test"}
            known = ids.setdefault(file["specimen"][()], set())
            assert path.stem.endswith("_0") or known & set(map(int, cells))  # shared cells
            known |= set(map(int, cells))
    assert sorted(map(len, ids.values())) == [74, 74]
