"""For packages of the older program: its names, methods, globals and conventions."""
