"""HTCondor's file formats: submit files, DAG files, event logs, and DAGMan's output files."""
