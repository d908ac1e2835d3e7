"""SHA-256 of files and folders, computed once for as long as a file's stamp stays the same."""

from __future__ import annotations

import hashlib
import os
import stat

from asimov.errors import AsimovError
from asimov.journal.provenance import Checksum, ProvenanceRecords
from asimov.project.storage.copying import checksum
from asimov.system import clock

#: A file that changed less than this many seconds ago may change again within its stamp.
_FRESH = 2
#: A file of at most so many bytes is read again in less time than its checksum is looked up.
SMALL = 20_000
#: Larger files, in bytes, are recorded without a checksum, and so are folders of more files.
LARGEST = 20_000_000_000
MOST_FILES = 10_000


class Checksums:
    """Checksums of files, with those that the journal knows.

    Parameters
    ----------
    records
        The journal's records, from which known checksums come and to which new ones go.
    """

    def __init__(self, records: ProvenanceRecords) -> None:
        self._records = records
        self._known: dict[str, Checksum] = {}
        self._new: dict[str, Checksum] = {}

    def of(self, path: str) -> tuple[str | None, int, str]:
        """Return the SHA-256 of a file or folder, its size in bytes, and why there is no SHA-256.

        That of a folder is the SHA-256 of lines ``sha256  path`` of all files in it, sorted by
        path, as ``sha256sum`` writes them.
        """
        try:
            status = os.stat(path)
            if stat.S_ISDIR(status.st_mode):
                return self._of_folder(path)
            if not stat.S_ISREG(status.st_mode):
                return None, 0, "it is neither a file nor a folder"
            if status.st_size > LARGEST:
                return None, status.st_size, f"it is larger than {LARGEST // 10**9} GB"
            return self._of_file(path, status), status.st_size, ""
        except (OSError, AsimovError) as error:
            return None, 0, getattr(error, "strerror", None) or str(error)

    def _of_file(self, path: str, status: os.stat_result) -> str:
        if status.st_size <= SMALL:
            return checksum(path)
        stamp = f"{status.st_dev} {status.st_ino} {status.st_size} {status.st_mtime_ns}"
        if path not in self._known:
            self._known.update(self._records.checksums([path]))
        known = self._known.get(path)
        if known is not None and known.stamp == stamp:
            return known.sha256
        sha256 = checksum(path)
        if clock.now() - status.st_mtime > _FRESH:
            self._known[path] = self._new[path] = Checksum(stamp, sha256)
        return sha256

    def _of_folder(self, path: str) -> tuple[str | None, int, str]:
        files = []
        for folder, folders, names in os.walk(path):
            folders.sort()
            files += [os.path.join(folder, name) for name in names]
            if len(files) > MOST_FILES:
                return None, 0, f"it has more than {MOST_FILES} files"
        digest, total = hashlib.sha256(), 0
        for each in sorted(files):
            sha256, size, why = self.of(each)
            if sha256 is None:
                return None, total, f"{os.path.relpath(each, path)}: {why}"
            digest.update(
                f"{sha256}  {os.path.relpath(each, path)}\n".encode(errors="surrogateescape")
            )
            total += size
        return digest.hexdigest(), total, ""

    def keep(self) -> None:
        """Have the journal keep the new ones."""
        if self._new:
            self._records.keep_checksums(self._new)
            self._new = {}
