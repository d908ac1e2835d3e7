"""Random walks as an asimov pipeline."""
