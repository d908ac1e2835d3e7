"""The git repositories that hold configurations."""
