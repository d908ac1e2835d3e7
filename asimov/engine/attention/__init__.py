"""What people look for first among many analyses: their order, and words that filter them."""
