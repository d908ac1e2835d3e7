"""Our own API: its routes under ``/v1``, the types of its JSON, and its OpenAPI document."""
