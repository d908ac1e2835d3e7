"""Changing one's mind: remove and rename what is in the ledger, and undo changes of it."""
