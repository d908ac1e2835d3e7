"""What is installed: who publishes which plugin, whether it loads, what it says of itself."""
