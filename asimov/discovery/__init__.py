"""Find what other packages add: plugins by entry point, extensions, importable names."""
