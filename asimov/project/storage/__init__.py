"""The results store: the files of finished analyses, with checksums."""
