"""What the store has and no manifest lists yet: synced first, that of many analyses together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Any

from asimov.errors import AsimovError, FatalError
from asimov.project.storage.manifest import prepare_manifest, put_in_place, read_manifest
from asimov.project.storage.products import Item
from asimov.system.disk import sync_together
from asimov.system.files import unwritable


class Unlisted:
    """What was put into the folders of analyses, and waits for their manifests."""

    def __init__(self) -> None:
        self._manifests: dict[Path, Mapping[str, Any]] = {}
        #: What has to be on disk before a manifest names it: of each folder, files and folders.
        self._files: dict[Path, dict[Path, None]] = {}
        self._folders: dict[Path, dict[Path, None]] = {}
        #: The inode of each subject's folder whose name in the store is on disk.
        self._lasting: dict[Path, int] = {}

    def manifest(self, folder: Path) -> dict[str, Any] | None:
        """Return the manifest that a folder will have; None if nothing in it waits."""
        known = self._manifests.get(folder)
        return None if known is None else dict(known)

    def add(self, folder: Path, items: Iterable[Item], manifest: Mapping[str, Any]) -> None:
        """Have items listed.

        Parameters
        ----------
        folder
            The folder of the analysis that they were put into.
        items
            The items.
        manifest
            The folder's manifest, with them.
        """
        self._manifests[folder] = manifest
        files = self._files.setdefault(folder, {})
        folders = self._folders.setdefault(folder, {folder: None})
        for item in items:
            folders.update((folder / each, None) for each in PurePath(item.name).parents)
            if item.is_folder:
                folders[folder / item.name] = None
            elif item.link is None:
                files[folder / item.name] = None

    def settle(self) -> dict[Path, AsimovError]:
        """Sync all that waits, then put its manifests in place; return why that failed, by folder.

        Raises
        ------
        FatalError
            If the disk is full.
        """
        waiting, files, folders = self._manifests, self._files, self._folders
        self.forget()
        failed: dict[Path, AsimovError] = {}
        coming: dict[Path, Path] = {}
        for folder, manifest in waiting.items():
            with _contained(failed, folder):
                now = read_manifest(folder)
                wanted = {**now, **manifest}
                if wanted != now:
                    coming[folder] = prepare_manifest(folder, wanted)
        paths = {each: [*files[each], *folders[each]] for each in waiting}
        self._sync(paths, coming, failed)
        for folder in coming:
            if folder not in failed:
                with _contained(failed, folder):
                    put_in_place(folder)
        for folder, fault in sync_together(coming).items():
            _note(failed, folder, fault)
        return failed

    def forget(self) -> None:
        """Let nothing wait any more."""
        self._manifests, self._files, self._folders = {}, {}, {}

    def _sync(
        self,
        paths: Mapping[Path, Iterable[Path]],
        coming: Mapping[Path, Path],
        failed: dict[Path, AsimovError],
    ) -> None:
        """Sync what was put into folders, the names of the folders, and then the new manifests."""
        owners: dict[Path, list[Path]] = {}
        lasting: dict[Path, int] = {}
        for folder, inside in paths.items():
            for each in inside:
                owners[each] = [folder]
        for folder in paths:
            subject = folder.parent
            owners.setdefault(subject, []).append(folder)
            with _contained(failed, folder):
                inode = subject.stat().st_ino
                if self._lasting.get(subject) != inode:
                    lasting[subject] = inode
                    owners.setdefault(subject.parent, []).append(folder)
        owners.update((path, [folder]) for folder, path in coming.items())
        faults = sync_together(owners)
        for path, fault in faults.items():
            for folder in owners[path]:
                _note(failed, folder, fault)
        if not faults:
            self._lasting |= lasting


@contextmanager
def _contained(failed: dict[Path, AsimovError], folder: Path) -> Iterator[None]:
    """Keep what goes wrong for one analysis away from the others."""
    try:
        yield
    except AsimovError as error:
        failed[folder] = error
    except OSError as error:
        _note(failed, folder, error)


def _note(failed: dict[Path, AsimovError], folder: Path, fault: OSError) -> None:
    """Note what went wrong for an analysis; a full disk is no fault of any, and raised."""
    error = unwritable(fault, folder, "can't be stored")
    if isinstance(error, FatalError):
        raise error from fault
    failed[folder] = error
