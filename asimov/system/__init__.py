"""What the operating system offers: files, locks, mounts, users and processes."""
