"""A command in a child process of its own, watched by a parent that reports how it ended."""
