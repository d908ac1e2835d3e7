"""What jobs wrote: the files of their output and errors, node by node, and their ends."""
