"""The validator of RO-Crates, without any network: it finds the context in its own cache.

It runs in an environment of its own, since it wants other versions of packages than asimov does;
that is made once, in the cache folder. ``python tests/crates.py CRATE CACHE`` there prints the
severity and the message of each issue, as JSON.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any

CONTEXT = "https://w3id.org/ro/crate/1.1/context"
#: The validator, and the release that has the context of RO-Crate 1.1; later ones have that of 1.3.
PACKAGES = ("roc-validator==0.13.0", "rocrate==0.14.0")


def issues(crate: Path, cache: Path) -> list[tuple[str, str]]:
    """Return the severity and the message of each issue that the validator has with a crate.

    Parameters
    ----------
    crate
        A zip file or a folder.
    cache
        A file to be made for the validator's cache.
    """
    done = subprocess.run(
        [_environment() / "bin" / "python", __file__, str(crate), str(cache)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [tuple(each) for each in json.loads(done.stdout)]


def _environment() -> Path:
    """Return the folder of the validator's environment, which pip fills once."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    version = ".".join(map(str, sys.version_info[:2]))
    folder = cache / "asimov-rocrate" / version
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{version}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        mark = folder / "installed.txt"
        wanted = "\n".join(PACKAGES)
        if not mark.exists() or mark.read_text() != wanted:
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
            pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", *PACKAGES]
            subprocess.run(pip, check=True)
            mark.write_text(wanted)
    return folder


def _fill(cache: str) -> None:
    """Have the validator's cache hold the context that the package ``rocrate`` ships."""
    from requests import PreparedRequest, Response
    from requests.adapters import HTTPAdapter
    from requests_cache import CachedSession
    from urllib3 import HTTPResponse

    class Shelf(HTTPAdapter):
        def send(self, request: PreparedRequest, *_: object, **__: object) -> Response:
            context = files("rocrate").joinpath("data/ro-crate.jsonld").read_bytes()
            answer = HTTPResponse(
                BytesIO(context),
                status=200,
                headers={"Content-Type": "application/ld+json"},
                preload_content=False,
                request_url=CONTEXT,
            )
            return self.build_response(request, answer)

    with CachedSession(cache, backend="sqlite") as session:
        session.mount(CONTEXT, Shelf())
        assert session.get(CONTEXT).json()["@id"] == CONTEXT


def _validate(crate: str, cache: str) -> None:
    from rocrate_validator import services
    from rocrate_validator.models.settings import ValidationSettings

    _fill(cache)
    settings: Any = ValidationSettings(
        rocrate_uri=crate,
        profile_identifier="workflow-run-crate-0.5",
        requirement_severity="RECOMMENDED",
        validate_profile_checks=False,
        offline=True,
        cache_path=cache,
    )
    found = services.validate(settings).get_issues()
    told = [(each.severity.name, f"{each.message} ({each.violatingEntity})") for each in found]
    print(json.dumps(told))


if __name__ == "__main__":
    _validate(*sys.argv[1:])
