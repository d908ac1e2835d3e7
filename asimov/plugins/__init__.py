"""Third-party code: find it, describe it, call it, and contain what it does."""
