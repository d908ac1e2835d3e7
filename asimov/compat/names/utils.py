"""Re-export small functions for folders and settings for packages that import `asimov.utils`."""

from asimov.compat.utils import diff_dict, set_directory, update

__all__ = ["diff_dict", "set_directory", "update"]
