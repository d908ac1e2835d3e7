"""Submit a list of submit files in a bare loop: ``bare_loop.py LIST``.

Prints how many seconds the loop alone took.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import htcondor2


def main() -> None:
    """Submit them."""
    paths = Path(sys.argv[1]).read_text().splitlines()
    schedd = htcondor2.Schedd()
    began = time.perf_counter()
    for path in paths:
        schedd.submit(htcondor2.Submit(Path(path).read_text()))
    print(time.perf_counter() - began)


if __name__ == "__main__":
    main()
