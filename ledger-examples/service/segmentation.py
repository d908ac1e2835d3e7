"""A function that segments small pictures (portable grey maps, PGM); it needs only Python.

Written for asimov's or PlatiPy's register alike: only the import line differs.
"""

import logging
from pathlib import Path

from asimov.functions import DataObject, app

logger = logging.getLogger(__name__)


@app.register("Dish Segmentation", default_settings={"threshold": 128, "contourName": "mask"})
def segment(data_objects, working_dir, settings):
    """Write a mask for each picture: 1 where it is bright, else 0."""
    made = []
    for each in data_objects:
        magic, width, height, _, *pixels = Path(each.path).read_text().split()
        if magic != "P2":
            raise ValueError(f"{Path(each.path).name} is no plain PGM")
        mask = [int(int(pixel) >= settings["threshold"]) for pixel in pixels]
        logger.info("%s: %d of %d pixels", each.path, sum(mask), len(mask))
        path = Path(working_dir, f"{Path(each.path).stem}-{settings['contourName']}.pgm")
        path.write_text(f"P2\n{width} {height}\n1\n{' '.join(map(str, mask))}\n")
        noted = {"pixels": sum(mask)}
        made.append(DataObject(type="FILE", path=str(path), parent=each, meta_data=noted))
    return made
