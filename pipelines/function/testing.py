"""A function for tests of the pipeline ``function``: it writes a text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asimov.functions import DataObject, app


@app.register("Write Text", default_settings={"text": "one"})
def write(
    data_objects: list[DataObject], working_dir: str, settings: dict[str, Any]
) -> list[DataObject]:
    """Write the text."""
    path = Path(working_dir, "text.txt")
    path.write_text(f"{settings['text']}\n")
    return [DataObject(path=str(path))]
