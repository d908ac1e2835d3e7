"""The HTTP protocol of PlatiPy (medical imaging): a project's functions as its algorithms.

Below ``/api``, clients list algorithms, add datasets, and trigger an algorithm on a dataset. Each
trigger makes a call, one run of a function: an analysis with the pipeline ``function``, of a
subject that stands for the dataset. Clients ask for the state of the call. What they uploaded is in
the project's folder ``uploads``, with rows in the journal.
The client: https://github.com/pyplati/platipy
"""
