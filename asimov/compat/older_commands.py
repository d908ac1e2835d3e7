"""What took the place of the commands and options of asimov 0.8.0 that are gone.

docs/moving-in.md shows the same sentences; a test compares them, and the names with those of the
release.
"""

from __future__ import annotations

_SETTINGS = "settings of a subject come from a blueprint: 'asimov apply --update -f FILE'"
_LEDGER = "the ledger is always a folder of YAML files, and what happened is in an SQLite file"
_PULL = "nothing is fetched automatically; run 'git pull' in a repository of your own"
_WAY = "there is one way to the scheduler"
_CHECK = "a blueprint names its pipeline, and is checked with what that declares"
_STORED = "results are stored by the monitor, and listed as they are"
_HOW = "'asimov start --how' starts nothing, and recommends what keeps the monitor running"
_DEBUG = "what is wrong goes to logs/asimov.log, with its traceback"

#: By the words of a command, or those and an option.
INSTEAD = {
    "apply --update-unstarted": "settings are computed when they are needed, so 'asimov apply "
    "--update' reaches every analysis that has not started",
    "clone": "'asimov project clone PATH' copies a project; 'asimov ledger import PATH' takes over "
    "one of the older program",
    "event calibration": _SETTINGS,
    "event configurator": _SETTINGS,
    "event create --old": "'asimov ledger import PATH' takes over an older project with its "
    "subjects",
    "init --engine": f"{_LEDGER}. 'asimov ledger import PATH' takes over a project with a "
    "ledger.yml or a ledger.db",
    "manage results --update": _STORED,
    "manage resultslinks --update": _STORED,
    "manage submit --update": _PULL,
    "migrate-ledger": _LEDGER,
    "monitor --update": _PULL,
    "production create --approximant": "a setting like others: '--set "
    "waveform.approximant=IMRPhenomXPHM'",
    "serve --debug": _DEBUG,
    "start --dry-run": _HOW,
    "start -n": _HOW,
    "start --use-scheduler-api": _WAY,
    "stop --use-scheduler-api": _WAY,
    "stop --dry-run": "'asimov stop' leaves every job alone, and 'asimov start' undoes it",
    "stop -n": "'asimov stop' leaves every job alone, and 'asimov start' undoes it",
    "vocabulary check --no-plugins": _CHECK,
    "vocabulary check --pipeline": _CHECK,
    "vocabulary check -p": _CHECK,
    "vocabulary lint": "'asimov plugins check NAME' tests a pipeline with its settings",
    "vocabulary list --deprecated": "no setting is deprecated so far",
    "vocabulary list --no-deprecated": "no setting is deprecated so far",
}

#: Of the program ``locutus``, which kept the results store.
LOCUTUS = (
    "'asimov production results SUBJECT/NAME' lists stored files, and with '--file NAME' verifies "
    "one and prints its path; the monitor stores them, in results/SUBJECT/NAME"
)
#: Of the program ``olivaw``, which was a second name of asimov.
OLIVAW = "use 'asimov', with the same commands"
