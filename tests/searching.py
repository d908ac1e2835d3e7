"""How long searches for faults go on: with ``ASIMOV_SEARCH=10``, ten times as long."""

import os

#: A factor of the size of every search.
LONGER = float(os.environ.get("ASIMOV_SEARCH", "1"))
