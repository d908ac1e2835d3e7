"""Making a new journal from what can still be read and from the surviving evidence."""
