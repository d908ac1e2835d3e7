"""The validator of RO-Crates, without any network: it finds the context in its own cache.

It runs as a program of its own, which may warn of what it likes: ``python -m tests.crates CRATE
CACHE`` prints the severity and the message of each issue, as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any

CONTEXT = "https://w3id.org/ro/crate/1.1/context"


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
        [sys.executable, "-m", "tests.crates", str(crate), str(cache)],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [tuple(each) for each in json.loads(done.stdout)]


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
