"""The helper processes of the service: who asks them, and how they answer."""
