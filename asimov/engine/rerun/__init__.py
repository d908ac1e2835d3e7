"""Run analyses again whose results no longer hold: on request, or by themselves."""
