#!/usr/bin/env python3
"""Stands in for RIFT's util_RIFT_pseudo_pipe.py: its DAG with one node, and no iterations."""

import argparse
import pathlib

parser = argparse.ArgumentParser()
parser.add_argument("--use-rundir", required=True, type=pathlib.Path)
parser.add_argument("--use-ini", required=True, type=pathlib.Path)
told, _ = parser.parse_known_args()
told.use_ini.read_text(encoding="utf-8")
run = told.use_rundir
run.mkdir(parents=True)
(run / "extrinsic.sub").write_text(
    f"executable = /usr/bin/touch\narguments = {run}/extrinsic_posterior_samples.dat\n"
    f"log = {run}/extrinsic.log\nqueue\n"
)
dag = run / "marginalize_intrinsic_parameters_BasicIterationWorkflow.dag"
dag.write_text(f"JOB extrinsic {run}/extrinsic.sub\n")
