"""PlatiPy's protocol under ``/api``: functions of the project as algorithms, for its clients.

A trigger becomes an analysis with the pipeline ``function``, of a subject that stands for the
dataset. What clients uploaded is in the project's folder ``uploads``, with rows in the journal.
The client: https://github.com/pyplati/platipy
"""
