"""What the project knows as plain data: the same for ``--json`` of the commands and the service."""
