"""Methods of a subject's repository that find one file, by the names that packages call."""

#: Methods of a subject's repository that find one file of a category, by their names, with the
#: pattern of that file (asimov-bayeswave, asimov-lalinference and RIFT ask for them).
FILES = {
    "find_timefile": "*gps*.txt",
    "find_coincfile": "*coinc*.xml",
}
