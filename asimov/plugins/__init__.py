"""Other people's code: finding it, describing it, calling it, and containing what it does."""
