"""What schedulers answer about jobs, in words."""

from __future__ import annotations

from asimov.scheduler.observations import Gone, Progress


def test_the_end_of_a_job_in_words() -> None:
    assert Gone(5, 1, "queue").ending == "job 5 ended with exit code 1"
    assert Gone(5, None, "queue", signal=9).ending == "job 5 was ended by signal 9"
    assert Gone(5, None, "queue", removed=True).ending == "job 5 was removed"
    with_nodes = Gone(5, 1, "queue", progress=Progress(3, 1, 2))
    assert with_nodes.ending == "job 5 ended with exit code 1 (1 of 3 done, 2 failed)"
