"""What should exist: the ledger, a folder of YAML files that people own."""
