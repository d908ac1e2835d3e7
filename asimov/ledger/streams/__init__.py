"""YAML streams: read and written with PyYAML, which most commands do without."""
