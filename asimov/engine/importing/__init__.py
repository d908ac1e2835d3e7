"""Take over a project of another program: all of it, or nothing."""
