"""The stored results of analyses: whether they are whole, and what no analysis owns."""
