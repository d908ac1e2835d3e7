"""A process that answers another one's questions: a slow or fatal one harms only this process."""
