"""Templates that ship with asimov."""
