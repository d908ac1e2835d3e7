"""Functions on small pictures (portable grey maps, PGM): find the bright blobs, and measure them.

Written for asimov's or PlatiPy's register alike: only the first import line differs. They need
only Python.
"""

import json
import logging
from pathlib import Path

from asimov.functions import DataObject, app

logger = logging.getLogger(__name__)

defaults = {"threshold": 128, "least pixels": 4}


def read(path):
    """Return the width and the rows of a picture."""
    magic, width, height, _, *pixels = Path(path).read_text().split()
    assert magic == "P2", f"{path} is no plain PGM"
    width = int(width)
    rows = [pixels[start : start + width] for start in range(0, width * int(height), width)]
    return width, [[int(pixel) for pixel in row] for row in rows]


def blob(rows, labels, row, column, label, threshold):
    """Label the connected bright pixels around one, and return their number."""
    todo, size = [(row, column)], 0
    while todo:
        row, column = todo.pop()
        inside = 0 <= row < len(rows) and 0 <= column < len(rows[0])
        if inside and not labels[row][column] and rows[row][column] >= threshold:
            labels[row][column] = label
            size += 1
            todo += [(row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)]
    return size


@app.register("Blob Finder", default_settings=defaults)
def find(data_objects, working_dir, settings):
    """Write a picture for each input in which every blob has a number of its own."""
    found = []
    for each in data_objects:
        width, rows = read(each.path)
        labels = [[0] * width for _ in rows]
        sizes = []
        for row in range(len(rows)):
            for column in range(width):
                if labels[row][column] or rows[row][column] < settings["threshold"]:
                    continue
                size = blob(rows, labels, row, column, len(sizes) + 1, settings["threshold"])
                sizes.append(size)
        logger.info("%s: blobs of %s pixels", each.path, sizes)
        path = Path(working_dir, f"{Path(each.path).stem}-labels.pgm")
        with path.open("w") as file:
            file.write(f"P2\n{width} {len(rows)}\n{max(len(sizes), 1)}\n")
            file.writelines(" ".join(map(str, row)) + "\n" for row in labels)
        noted = {"sizes": [size for size in sizes if size >= settings["least pixels"]]}
        found.append(DataObject(type="FILE", path=str(path), parent=each, meta_data=noted))
    return found


@app.register("Blob Table")
def table(data_objects, working_dir):
    """Write the sizes that the finder noted with each picture to one table."""
    path = Path(working_dir, "blobs.json")
    sizes = {Path(each.path).name: each.meta_data["sizes"] for each in data_objects}
    path.write_text(json.dumps(sizes))
    return [DataObject(type="FILE", path=str(path), parent=data_objects[0])]


if __name__ == "__main__":
    app.run()
