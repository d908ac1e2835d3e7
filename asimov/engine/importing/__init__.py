"""Import a whole project of another program, such as asimov 0.8: all of it, or nothing."""
