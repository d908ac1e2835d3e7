"""Which plugins are installed, whether they load, and how they describe themselves."""
