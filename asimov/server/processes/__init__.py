"""The helper processes of the service: what asks them, and what each of them runs on."""
