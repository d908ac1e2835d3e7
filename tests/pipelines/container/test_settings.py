"""Settings of containers that ``apply`` points out, the registry of images among them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from asimov.pipelines.container.registry import plugin_of
from asimov.pipelines.container.settings import command_words, faults

GENERAL = {"image": "a/b", "command": "run", "outputs": {"o": "o"}}
SPT = {"image": "a/b", "contract": "spt", "input": "graphs"}


def found(settings: dict[str, Any], root: Path) -> list[str]:
    return [str(each) for each in faults(settings, root)]


def test_the_smallest_settings_have_no_fault(tmp_path: Path) -> None:
    assert found(GENERAL, tmp_path) == []
    assert found(SPT, tmp_path) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": None}, "image: is missing"),
        ({"image": "./no"}, "image: the image './no' does not exist"),
        ({"command": None}, "command: is missing"),
        ({"command": "a 'b"}, "command: can't be split into words: No closing quotation"),
        ({"command": ["{{ asets.x }}"]}, "command: [0]: '{{ asets.x }}': 'asets' is undefined"),
        (
            {"command": ["{{ meta.gpsu }}"], "gpus": 0},
            "command: [0]: '{{ meta.gpsu }}': there is no setting 'gpsu'; did you mean 'gpus'?",
        ),
        (
            {"environment": {"A": "{{ meta['nope'] }}"}},
            "environment: A: \"{{ meta['nope'] }}\": there",
        ),
        ({"mounts": {"/a": "nope"}}, "mounts: /a: 'nope' is not in the project"),
        ({"outputs": None}, "outputs: is missing"),
        ({"gpus": True}, "gpus: should be a whole number of at least 0, not True"),
        ({"gpus": -1}, "gpus: should be a whole number of at least 0"),
        ({"mounts": {"data": "x"}}, "mounts: data: should be an absolute path in the container"),
        ({"mounts": {"/": "x"}}, "mounts: /: should be an absolute path"),
        ({"mounts": {"/mnt/run": "x"}}, "mounts: /mnt/run: is the working folder of the job"),
        ({"mounts": {"/a": None}}, "mounts: /a: should name a file or folder"),
        ({"working folder": "here"}, "working folder: should be an absolute path"),
        ({"contract": "stp"}, "contract: 'stp' is not known; did you mean 'spt'?"),
        ({"section": "x"}, "section: is for plugins of SPT"),
        ({"runtime": "doker"}, "runtime: there is no runtime 'doker'; did you mean 'docker'?"),
        ({"runtime": "bubblewrap"}, "runtime: bubblewrap can't run a Docker reference"),
        ({"scheduler": {"queue": 3}}, "scheduler: queue:"),
        ({"processes": 0}, "processes: should be a whole number"),
    ],
)
def test_a_fault_of_a_general_container_is_pointed_out(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    assert any(each.startswith(message) for each in found({**GENERAL, **change}, tmp_path))


def test_values_that_may_be_there_are_no_faults(tmp_path: Path) -> None:
    command = ["{{ meta.nope | default(1) }}", "{{ meta.get('nope') }}", "{{ meta.mine }}"]
    mounts = {"/a": "/cvmfs/nope", "/b": "{{ assets.x }}", "/c": "osdf:///nope"}
    assert found({**GENERAL, "mine": 1, "command": command, "mounts": mounts}, tmp_path) == []


@pytest.mark.parametrize(
    ("change", "final"),
    [
        ({"runtime": "buble"}, True),
        ({"runtime": "bubblewrap"}, False),  # another image may follow in the registry
        ({"gpus": -1}, True),
        ({"contract": "stp"}, True),
        ({"mounts": {"data": "x"}}, True),
        ({"working folder": "here"}, True),
        ({"outputs": {"x": "/x"}}, True),
        ({"inputs": {"asset": "x"}}, True),
        ({"files": "transfr"}, True),
        ({"image": "./no"}, False),
    ],
)
def test_what_only_another_blueprint_can_mend_is_final(
    tmp_path: Path, change: dict[str, Any], final: bool
) -> None:
    (fault,) = faults({**GENERAL, **change}, tmp_path)
    assert fault.final is final


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input": None}, "input: is missing"),
        ({"input": "{{ asets.x }}"}, "input: '{{ asets.x }}'"),
        ({"command": "ls"}, "command: the contract 'spt' says what runs"),
        ({"settings": [1]}, "settings: should be a mapping"),
        ({"general": "x"}, "general: should be a mapping"),
        ({"shared folder": "yes"}, "shared folder: should be true or false"),
        ({"cohort stratifier": 1}, "cohort stratifier: should be text"),
    ],
)
def test_a_fault_of_a_plugin_is_pointed_out(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    assert any(each.startswith(message) for each in found({**SPT, **change}, tmp_path))


REGISTRY = {
    "cg-gnn": {
        "aliases": ["Graph Network"], "image": "nadeemlab/cg-gnn", "tag": "0.2", "gpu": True,
        "settings": {"epochs": 5}, "required settings": ["k_folds"],
    },
    "other": {"image": "a/b"},
}  # fmt: skip


def test_an_image_is_found_by_its_name_or_an_alias() -> None:
    for name in ("cg-gnn", "CG-GNN", "graph network"):
        plugin = plugin_of(name, REGISTRY)
        assert (plugin.name, plugin.image, plugin.gpu) == ("cg-gnn", "nadeemlab/cg-gnn:0.2", True)
        assert plugin.settings == {"epochs": 5}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a/b:1", "a/b"), ("host:5000/a/b:1", "host:5000/a/b"), ("docker://ubuntu", "ubuntu"),
        ("/images/w.sif", "w.sif"), (f"a@sha256:{'0' * 64}", "a"),
    ],
)  # fmt: skip
def test_an_unregistered_image_goes_by_its_reference(text: str, name: str) -> None:
    assert plugin_of(text, REGISTRY).name == name
    assert plugin_of(text, REGISTRY).image == text


def test_a_gpu_that_is_required_has_to_be_asked_for(tmp_path: Path) -> None:
    settings = {**SPT, "plugins": REGISTRY, "image": "cg-gnn", "settings": {"k_folds": 2}}
    wanted = "gpus: cg-gnn runs only on a GPU, but none is requested"
    assert found(settings, tmp_path) == [wanted]
    assert found({**settings, "gpus": 1}, tmp_path) == []
    assert found({**settings, "scheduler": {"request gpus": 1}}, tmp_path) == []


def test_a_setting_that_the_registry_requires_is_missed(tmp_path: Path) -> None:
    settings = {**SPT, "plugins": REGISTRY, "image": "cg-gnn", "gpus": 1}
    assert found(settings, tmp_path) == ["settings: k_folds: is missing: cg-gnn needs it"]


@pytest.mark.parametrize(
    ("registry", "message"),
    [
        (["a"], "plugins: should be a mapping"),
        ({"a": "b"}, "plugins: a: should be a mapping with an 'image'"),
        ({"a": {}}, "plugins: a: image: is missing"),
        ({"a": {"image": "b", "alias": ["c"]}}, "plugins: a: alias: is not known; did you mean"),
        ({"a": {"image": "b", "tag": 0.2}}, "plugins: a: tag: should be text"),
        ({"a": {"image": "b", "gpu": "no"}}, "plugins: a: gpu: should be true or false"),
        (
            {"a": {"image": "b", "aliases": ["c"]}, "C": {"image": "b"}},
            "plugins: C: the name 'C' also belongs to a",
        ),
    ],
)
def test_a_fault_of_the_registry_is_pointed_out(
    tmp_path: Path, registry: Any, message: str
) -> None:
    settings = {**GENERAL, "plugins": registry}
    told = found(settings, tmp_path)
    assert any(each.startswith(message) for each in told), told


def test_a_text_is_split_as_a_shell_would_but_values_stay_whole() -> None:
    assert command_words("""fit --in={{ assets.x or '' }} 'two words' {{ a }}{{ b }}""") == [
        "fit", "--in={{ assets.x or '' }}", "two words", "{{ a }}{{ b }}",
    ]  # fmt: skip
