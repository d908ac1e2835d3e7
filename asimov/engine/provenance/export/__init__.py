"""Write what made a result in forms that others read: W3C PROV-JSON, Graphviz, text."""
