"""The options of the local scheduler."""

from __future__ import annotations

from configparser import ConfigParser

import pytest

from asimov.errors import AsimovError
from asimov.scheduler.local import LocalScheduler


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("processes", "many"),
        ("processes", "0"),
        ("processes", "1.5"),
        ("processes", "inf"),
        ("grace", "-1"),
        ("enforce memory", "perhaps"),
    ],
)
def test_an_option_that_cannot_be_is_refused_by_its_name(tmp_path, option, value):
    config = ConfigParser()
    config.read_dict({"local": {option: value}})
    with pytest.raises(AsimovError, match=rf"^configuration: local/{option}: should be "):
        LocalScheduler.from_project(tmp_path, config)
