"""What moves analyses forward: build, submit, observe, monitor."""
