"""Projects that the real 0.5, 0.6 and 0.7 made; see tests/published/older_project.py."""

from __future__ import annotations

import pytest

from asimov.compat.importing.reading import read
from asimov.journal.keys import Key

RELEASES = ("0.5.16", "0.6.2", "0.7.1")


@pytest.fixture(params=RELEASES)
def release(request):
    return request.param


@pytest.fixture
def incoming(old, release):
    return read(old(release))


def test_analyses_arrive_with_their_states_and_settings(incoming, release):
    arrivals = {key.name: each for key, each in incoming.arrivals.items()}
    assert incoming.program == f"asimov {release}"
    assert {name: each.status for name, each in arrivals.items()} == {
        "done": "uploaded",
        "later": "wait",
        "going": "running",
        # 0.6.2 loses a state that a person sets.
        "failed": "ready" if release == "0.6.2" else "stuck",
        "again": "wait",
    }
    assert arrivals["going"].job == 18
    assert arrivals["done"].job is None
    assert (arrivals["going"].rundir / "job.out").read_text() == "step 1\n"
    assert incoming.project["quality"]["minimum frequency"] == {"H1": 20, "L1": 20}
    subject = incoming.subjects["GW1"]
    assert subject["quality"] == {"minimum frequency": {"H1": 30}}
    assert subject["analyses"][1]["needs"] == ["done"]
    assert subject["analyses"][1]["waveform"] == {"approximant": "IMRPhenomXPHM"}
    # There, the project's settings beat the pipeline's.
    assert incoming.project["pipelines"][subject["analyses"][1]["pipeline"]]["quality"] == {
        "state vector": "strict"
    }
    assert arrivals["later"].settings["quality"]["state vector"] == "loose"


def test_reviews_products_and_repositories_come_along(incoming, release):
    done = Key("GW1", "done")
    (product,) = incoming.products
    assert (product.key, product.path.read_text()) == (done, "1 2 3\n")
    category = "analyses" if release == "0.7.1" else "C01_offline"
    assert (incoming.repositories["GW1"] / category / "done.ini").exists()
    assert incoming.options["general", "calibration_directory"] == category
    review = incoming.arrivals[done].facts.get("review")
    if release == "0.6.2":  # it loses reviews as well
        assert review is None
    else:
        assert (review["status"], review["messages"][0]["message"]) == ("approved", "looks good")
    assert all(
        "review" not in incoming.arrivals[Key("GW1", each)].facts for each in ("later", "again")
    )


def test_remarks_name_the_release(incoming, release):
    checks = {str(each.what): each.detail for each in incoming.remarks if each.kind == "check"}
    assert "0.8" not in checks["GW1/again"]
    assert "'restart'" in checks["GW1/again"]
    derived = "quality: lowest minimum frequency = 20" in checks.get("GW1/done", "")
    assert derived is (release != "0.7.1")
    for each in incoming.remarks:
        if each.kind == "derived":
            assert each.detail.endswith(f": asimov {release} had derived it")
