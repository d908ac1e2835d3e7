"""The git repositories that hold rendered configurations."""
