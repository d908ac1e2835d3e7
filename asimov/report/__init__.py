"""Reports: what a project looks like, written for people and for other programs."""
