"""The pipeline ``container``: a command in any image, and the profile of SPT's plugins."""
