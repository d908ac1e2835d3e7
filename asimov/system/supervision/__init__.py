"""Run a command in a child process, watched by a parent that reports how the child ended."""
