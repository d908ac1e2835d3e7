"""What is most likely wrong with a stuck analysis, and the last words of its job."""
