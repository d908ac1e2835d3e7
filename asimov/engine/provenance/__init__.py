"""Record what each attempt ran with, and compare attempts."""
