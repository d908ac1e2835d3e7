"""Helper processes of the service ``asimov serve``: sending them requests, and their replies."""
