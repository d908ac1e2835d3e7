"""Small functions for folders and settings, imported as `asimov.utils`."""

from asimov.compat.utils import diff_dict, set_directory, update

__all__ = ["diff_dict", "set_directory", "update"]
