"""``asimov init``."""

from asimov.project import layout as projects


def test_a_project_is_made_in_the_current_folder(project):
    assert (project / ".asimov" / "asimov.conf").is_file()
    assert (project / "ledger" / "project.yaml").is_file()
    assert projects.find(project / "ledger").root == project


def test_a_second_project_in_one_folder_is_refused(project, asimov):
    ran = asimov("init", "Again")
    assert ran.code == 1
    assert "this folder already contains a project" in ran.err


def test_an_unknown_scheduler_is_refused_with_the_nearest(tmp_path, monkeypatch, asimov):
    monkeypatch.chdir(tmp_path)
    ran = asimov("init", "New", "--scheduler", "htcondr")
    assert ran.code == 1
    assert "did you mean 'htcondor'?" in ran.err
    assert not list(tmp_path.iterdir())


def test_outside_a_project_one_line_says_so(tmp_path, monkeypatch, asimov):
    monkeypatch.chdir(tmp_path)
    ran = asimov("status")
    assert ran.code == 1
    assert ran.err.startswith(f"error: {tmp_path} is not in an asimov project")
    assert "Traceback" not in ran.err


def test_a_scheduler_that_is_not_found_here_is_noted(tmp_path, monkeypatch, asimov):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/nonexistent")
    ran = asimov("init", "New", "--scheduler", "htcondor")
    assert ran.code == 0
    assert "HTCondor's programs, such as condor_submit, are not on PATH here" in ran.err
