"""Thin wrappers of the operating system: files, locks, mounts, users, processes, the clock."""
