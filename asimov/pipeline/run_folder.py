"""The wrapper of a job with file transfer: it runs the program in a folder of its own.

It also sends the job's progress to the run directory while the program runs, by HTCondor's program
``condor_chirp``. Few machines have that on ``PATH``: it is looked for where HTCondor's packages put
it, and where there is none, the progress is seen when the job has ended.

Source: HTCondor's manual, "condor_chirp".
"""

from __future__ import annotations

from asimov.pipeline.progress import INTERVAL, VARIABLE

#: Its name, and the folder.
WRAPPER, FOLDER = "in-run-folder.sh", "run"
SCRIPT = f"""#!/bin/sh
# Work in the folder '{FOLDER}': HTCondor returns its content to the run directory.
mkdir -p {FOLDER} && cd {FOLDER} || exit 1
case $1 in ../*) chmod +x "$1" 2>/dev/null ;; esac

# Send the progress on while the program runs. Whatever fails here, the program goes on.
send_progress() {{
    for chirp in "$(command -v condor_chirp)" "$_CONDOR_BIN/../libexec/condor/condor_chirp" \\
        "$_CONDOR_BIN/../libexec/condor_chirp" "$_CONDOR_BIN/../lib/condor/libexec/condor_chirp" \\
        "$("$_CONDOR_BIN/condor_config_val" LIBEXEC)/condor_chirp"
    do
        [ -x "$chirp" ] && break
    done
    [ -x "$chirp" ] || return
    sent=
    while sleep "${{{INTERVAL}:-60}}" && kill -0 $$; do
        size=$(wc -c < "${VARIABLE}") || continue
        [ "$size" = "$sent" ] || "$chirp" put "${VARIABLE}" "${VARIABLE}" && sent=$size
    done
}}
# By way of another shell, so that the program has no child that it did not make.
(send_progress < /dev/null > /dev/null 2>&1 &)
exec "$@"
"""
