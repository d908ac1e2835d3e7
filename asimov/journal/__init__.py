"""What happened: the journal, an SQLite database that the program owns."""
