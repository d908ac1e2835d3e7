"""Say whether results still hold: compare what each analysis ran with and what is there now."""
