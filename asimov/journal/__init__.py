"""What happened: the journal, an SQLite database that only asimov writes."""
