"""Small helpers, by the older module."""

from asimov.compat.utils import diff_dict, set_directory, update

__all__ = ["diff_dict", "set_directory", "update"]
