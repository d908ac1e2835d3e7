"""A process that answers questions for another one, which is not held up or broken by them."""
