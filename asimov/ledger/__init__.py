"""What should exist (the ledger) and what happened (the journal)."""
