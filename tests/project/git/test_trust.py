from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asimov.errors import AsimovError
from asimov.project.git import trust
from asimov.project.layout import find
from asimov.system.users import owner_of


@pytest.fixture
def others(project: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Have the project belong to another user, who says that it is shared."""

    def give(*, shared: bool = True, owner: int = 61001) -> Any:
        monkeypatch.setattr(trust.os, "getuid", lambda: project.stat().st_uid + owner)
        from asimov.configuration import PROJECT_FILE, update_file

        update_file(project / PROJECT_FILE, {("project", "shared"): str(shared)})
        return find(project)

    return give


def test_another_user_s_repository_is_used_only_if_that_user_is_trusted(
    project: Path, others: Callable[..., Any]
) -> None:
    theirs = others()
    owner = owner_of(theirs.root)
    assert not trust.is_trusted(theirs, project / "checkouts")
    trust.trust(owner)
    assert trust.is_trusted(theirs, project / "checkouts")
    assert not trust.is_trusted(theirs, project.parent)
    (project / "outside").symlink_to(project.parent)
    assert not trust.is_trusted(theirs, project / "outside")


def test_the_project_can_t_say_itself_whom_to_trust(
    project: Path, others: Callable[..., Any]
) -> None:
    from asimov.configuration import PROJECT_FILE, update_file

    theirs = others()
    value = owner_of(theirs.root)
    update_file(project / PROJECT_FILE, {trust.TRUSTED: value})
    assert not trust.is_trusted(find(project), project / "checkouts")


def test_what_a_trusted_user_has_not_shared_is_not_used(others: Callable[..., Any]) -> None:
    theirs = others(shared=False)
    trust.trust(owner_of(theirs.root))
    assert not trust.is_trusted(theirs, theirs.root / "checkouts")


def test_one_s_own_project_is_trusted(project: Path) -> None:
    assert trust.is_trusted(find(project), project / "checkouts")


def test_who_is_unknown_can_t_be_trusted(project: Path) -> None:
    with pytest.raises(AsimovError, match="there is no user 'nobody at all'"):
        trust.trust("nobody at all")
