"""Users are named, or numbered where the system has no name for them."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from asimov.system.users import owner_of, user_name


def test_a_user_without_a_name_has_a_number(tmp_path: Path) -> None:
    number = max(each.pw_uid for each in pwd.getpwall() if each.pw_uid < 2**31) + 1
    assert user_name(number) == str(number)
    assert owner_of(tmp_path) == user_name(os.getuid()) == pwd.getpwuid(os.getuid()).pw_name
