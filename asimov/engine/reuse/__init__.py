"""Take over the products of an earlier run that would only be repeated (setting ``reuse``)."""
