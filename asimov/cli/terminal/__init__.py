"""What commands share: output to the terminal, tables, types of options."""
