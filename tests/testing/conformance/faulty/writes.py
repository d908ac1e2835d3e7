from pathlib import Path

from faulty.good import Plain

Path("imported.txt").touch()


class Faulty(Plain):
    """Its import writes a file."""
