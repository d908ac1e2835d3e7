"""``python -m asimov``."""

from asimov.cli import main

main()
