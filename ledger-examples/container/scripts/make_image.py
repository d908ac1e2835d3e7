"""Make the root folder of an image from this machine's Python: ``make_image.py FOLDER``.

A published plugin comes as an image in a registry. This one has the same commands in it.
"""

import sys
from pathlib import Path

from asimov.testing.image_root import write_root

WORKER = Path(__file__).resolve().parent.parent / "worker"
COMMANDS = {
    "generate-graphs": "generate_graphs.py",
    "spt-plugin-print-graph-request-configuration": "print_graph_request.py",
    "spt-plugin-print-training-configuration": "print_training.py",
    "spt-plugin-train-on-graphs": "train.py",
}


def make_image(folder: Path) -> Path:
    """Write the root folder of the image, and return it."""
    programs = {name: (WORKER / file).read_text() for name, file in COMMANDS.items()}
    return write_root(folder, programs, ["numpy", "h5py"])


if __name__ == "__main__":
    made = make_image(Path(sys.argv[1]).absolute())
    print(f"made {made.name}: {', '.join(COMMANDS)}")
