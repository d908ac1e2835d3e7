"""Support for packages written for asimov 0.5 to 0.8: names, methods, globals, conventions."""
