"""Free scratch space whose products are stored, and list files that no analysis owns."""
