"""The scenes that a pipeline is put through, one module for each."""
