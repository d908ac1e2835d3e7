"""Misspelt names in blueprints: refused where they are surely a slip, noted where they may be."""
