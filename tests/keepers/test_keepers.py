"""Ways to keep the monitor running without HTCondor: a process, a systemd user unit, cron."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from asimov.keepers.choice import KEEPERS, Way, recommended
from asimov.keepers.cron import entry
from asimov.keepers.launcher import kept_variables, write_launcher
from asimov.keepers.systemd import unit_name, unit_text

#: A program that keeps a crontab in a file, as cron's does for each user.
CRONTAB = """#!/bin/sh
case "$1" in
  -l) if test -e {file}; then cat {file}; else echo "no crontab for ada" >&2; exit 1; fi ;;
  -) cat > {file} ;;
esac
"""

#: Runs a systemd user manager in namespaces of its own, and commands under it.
MANAGER = """
set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system /run/user/0
chmod 700 /run/user/0
export XDG_RUNTIME_DIR=/run/user/0
/usr/lib/systemd/systemd --user > "$1" 2>&1 &
for i in $(seq 600); do
  test "$(systemctl --user is-system-running)" = running && break; sleep 0.1
done
set +e
shift
"$@"
code=$?
systemctl --user exit
exit $code
"""


def eventually(true: Callable[[], Any], seconds: float = 60) -> Any:
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


def told(lab: Any) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(lab.run("status", "--monitor", "--json").out)
    return shown


def log(lab: Any) -> Path:
    found: Path = lab.root / "logs" / "monitor.log"
    return found


def bare(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the shell in an empty environment."""
    return subprocess.run(
        ["/bin/sh", *arguments], env={}, cwd="/", capture_output=True, text=True, check=False
    )


# --- the script that all of them run


def test_the_script_keeps_the_environment_without_the_session_and_without_secrets() -> None:
    given = {
        "PATH": "/bin", "LAL_DATA_PATH": "/data", "_CONDOR_SCHEDD_HOST": "far", "KRB5CCNAME": "x",
        "BEARER_TOKEN_FILE": "/f", "SSH_TTY": "/dev/pts/1", "DISPLAY": ":0", "PWD": "/", "_": "x",
        "GITHUB_TOKEN": "x", "BEARER_TOKEN": "x", "DB_PASSWORD": "x", "AWS_SECRET_ACCESS_KEY": "x",
        "BASH_FUNC_ml%%": "() { :; }", "TERM": "dumb", "ASIMOV_LOCAL_ATTEMPT": "7",
    }  # fmt: skip
    wanted = {"PATH", "LAL_DATA_PATH", "_CONDOR_SCHEDD_HOST", "KRB5CCNAME", "BEARER_TOKEN_FILE"}
    assert set(kept_variables(given)) == wanted


def test_the_script_makes_a_pass_in_an_empty_environment(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ODD", 'it\'s $HOME `x`\n"two" lines')
    lab.apply("a")
    workspace = lab.open()
    script = write_launcher(workspace.project)
    workspace.journal.close()
    assert script.stat().st_mode & 0o777 == 0o600
    done = bare(str(script))
    assert done.returncode == 0, done
    assert lab.states() == {"a": "running"}
    shown = script.read_text().rpartition("exec ")[0] + 'printf %s "$ODD"'
    done = bare("-c", shown)
    assert done.stdout == os.environ["ODD"]


# --- a process


def test_a_process_watches_until_it_is_stopped(lab: Any) -> None:
    lab.run("configuration", "update", "monitor/keeper", "process")
    lab.apply("a")
    started = lab.run("start", "--interval", "0.1").out
    assert "The monitor now runs in the background as process " in started
    eventually(lambda: lab.states() == {"a": "uploaded"})
    assert told(lab)["alive"] and told(lab)["keeper"] == "process"
    assert "is already running in the background, as process " in lab.run("start", code=1).err
    assert "Stopped the monitor (process " in lab.run("stop").out
    assert not told(lab)["alive"]
    assert "is not running in the background" in lab.run("stop", code=1).err


def test_a_process_that_was_killed_is_seen_and_can_be_started_again(lab: Any) -> None:
    lab.apply("a, seconds: 1000")
    lab.run("start", "--as", "process", "--interval", "0.1")
    eventually(lambda: told(lab)["looked"])
    first = told(lab)["runs"]
    os.kill(int(first.split()[1]), signal.SIGKILL)
    eventually(lambda: not told(lab)["alive"])
    assert f"monitor: {first}, not alive; last pass" in lab.run("status").out
    assert lab.run("stop").out == (
        f"The monitor ({first}) was not running any more; jobs keep running\n"
    )
    assert "is not running in the background" in lab.run("stop", code=1).err
    lab.run("start", "--as", "process", "--interval", "0.1")
    first = told(lab)["runs"]
    os.kill(int(first.split()[1]), signal.SIGKILL)
    eventually(lambda: not told(lab)["alive"])
    lab.run("start", "--as", "process", "--interval", "0.1")
    assert told(lab)["runs"] != first
    lab.run("stop")


def test_a_process_is_not_started_beside_another_watch(lab: Any) -> None:
    watch = subprocess.Popen(
        [sys.executable, "-m", "asimov", "monitor", "--watch", "--interval", "0.2"],
        cwd=lab.root, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        eventually(lambda: told(lab)["watch"])
        refused = lab.run("start", "--as", "process", code=1).err
        assert "a monitor already runs in this project: asimov monitor --watch" in refused
        assert told(lab)["keeper"] is None
    finally:
        watch.kill()
        watch.wait()


# --- cron


@pytest.fixture
def crontab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program ``crontab`` and the file that it keeps."""
    file = tmp_path / "crontab file"
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "crontab").write_text(CRONTAB.format(file=shlex.quote(str(file))))
    (folder / "crontab").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return file


def run_by_cron(line: str) -> None:
    """Run a line of a crontab as cron does; see crontab(5)."""
    command = line.split(maxsplit=5)[5]
    assert "%" not in command.replace("\\%", "")
    environment = {
        "HOME": os.environ["HOME"], "LOGNAME": "ada", "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"
    }  # fmt: skip
    done = subprocess.run(
        ["/bin/sh", "-c", command.replace("\\%", "%")],
        env=environment, cwd="/", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("", "")


def test_cron_carries_analyses_through(lab: Any, crontab: Path) -> None:
    crontab.write_text("0 4 * * * backup\n")
    lab.apply("a")
    started = lab.run("start", "--as", "cron").out
    assert "The monitor now runs in the background from cron every 10 minutes" in started
    other, line = crontab.read_text().splitlines()
    assert other == "0 4 * * * backup" and line.startswith("*/10 * * * * /bin/sh ")

    def look() -> bool:
        run_by_cron(line)
        return bool(lab.states() == {"a": "uploaded"})

    eventually(look)
    assert told(lab)["alive"] and told(lab)["runs"] == "cron every 10 minutes"
    assert "is already running in the background, from cron" in lab.run("start", code=1).err
    lab.run("stop")
    assert crontab.read_text() == "0 4 * * * backup\n"


def test_one_pass_at_a_time_whoever_makes_it(lab: Any, crontab: Path) -> None:
    lab.apply("a, seconds: 1000")
    lab.run("start", "--as", "cron", "--interval", "60")
    (line,) = crontab.read_text().splitlines()
    assert line.startswith("*/1 * * * * ")
    from asimov.engine.lease import at_work

    workspace = lab.open()
    with at_work(workspace, "a test"):
        run_by_cron(line)
    workspace.journal.close()
    assert "another asimov process is using this project" in log(lab).read_text()
    assert lab.states() == {"a": "ready"}
    lab.run("stop")


def test_a_copy_of_the_project_has_no_monitor(lab: Any, crontab: Path, tmp_path: Path) -> None:
    lab.run("start", "--as", "cron")
    copy = tmp_path / "copy"
    shutil.copytree(lab.root, copy)
    lab.run("--project", copy, "project", "copied")
    shown = json.loads(lab.run("--project", copy, "status", "--monitor", "--json").out)
    assert shown["keeper"] is None
    assert told(lab)["keeper"] == "cron"
    assert len(crontab.read_text().splitlines()) == 1
    lab.run("stop")


def test_a_line_that_was_deleted_by_hand_is_added_again(lab: Any, crontab: Path) -> None:
    lab.run("start", "--as", "cron")
    crontab.write_text("")
    lab.run("start", "--as", "cron")
    assert len(crontab.read_text().splitlines()) == 1
    crontab.unlink()
    assert "was not running any more" in lab.run("stop").out
    assert not crontab.exists()


def test_percent_signs_and_quotes_in_paths_survive_cron(tmp_path: Path, lab: Any) -> None:
    odd = tmp_path / "100% o'dd"
    odd.mkdir()
    (odd / "script").write_text("echo ran\n")
    workspace = lab.open()
    line = entry(workspace.project, odd / "script", odd / "log", 5)
    workspace.journal.close()
    run_by_cron(line)
    assert (odd / "log").read_text() == "ran\n"


def test_a_crontab_that_is_denied_is_not_replaced(
    lab: Any, crontab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = Path(shutil.which("crontab") or "")
    program.write_text("#!/bin/sh\necho 'ada is not allowed to use this program' >&2\nexit 1\n")
    refused = lab.run("start", "--as", "cron", code=1).err
    assert "not allowed to use this program" in refused
    assert told(lab)["keeper"] is None and not crontab.exists()


# --- systemd


def has_namespaces() -> bool:
    """Return whether a systemd user manager can be run here in namespaces of its own."""
    if not (shutil.which("unshare") and Path("/usr/lib/systemd/systemd").exists()):
        return False
    tried = ["unshare", "-mpf", "--mount-proc", "mount", "-t", "tmpfs", "tmpfs", "/run"]
    return subprocess.run(tried, capture_output=True, check=False).returncode == 0


@pytest.fixture
def unit(lab: Any) -> Iterator[Path]:
    """The unit of a project, in a folder."""
    workspace = lab.open()
    project = workspace.project
    path = lab.root / unit_name(project)
    command = ["/bin/sh", str(lab.root / '100% o\'dd $x "y" \\z'), "--watch"]
    path.write_text(unit_text(project, command, lab.root / "logs" / "100% log"))
    yield path
    workspace.journal.close()


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd")
def test_systemd_finds_no_fault_in_the_unit(unit: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", unit],
        env={**os.environ, "XDG_RUNTIME_DIR": str(unit.parent)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_words_of_the_unit_are_quoted(unit: Path) -> None:
    (line,) = [each for each in unit.read_text().splitlines() if each.startswith("ExecStart=")]
    assert line.endswith(r'''100%% o'dd $$x \"y\" \\z" "--watch"''')


@pytest.mark.skipif(not has_namespaces(), reason="NO SYSTEMD USER MANAGER CAN BE RUN HERE")
@pytest.mark.long
def test_a_systemd_user_unit_starts_the_monitor_again_until_it_is_stopped(
    lab: Any, tmp_path: Path
) -> None:
    lab.apply("a")
    asimov = f"{shlex.quote(sys.executable)} -m asimov"
    script = tmp_path / "steps.sh"
    script.write_text(f"""
cd {shlex.quote(str(lab.root))}
wait_for() {{
    for i in $(seq 1200); do eval "$1" && return; sleep 0.1; done; echo "never: $1"; exit 1
}}
pid() {{ systemctl --user show -p MainPID --value "$unit"; }}
{asimov} start --how --json
{asimov} configuration update monitor/keeper systemd
{asimov} start --interval 0.2 || exit 1
wait_for "{asimov} status --json | grep -q uploaded"
{asimov} status --monitor
unit=$(systemctl --user list-unit-files 'asimov-*' --no-legend | cut -d' ' -f1)
systemctl --user is-enabled "$unit" || exit 1
first=$(pid)
kill -9 "$first"
wait_for 'now=$(pid); test "$now" != 0 -a "$now" != "$first"'
wait_for "{asimov} status --monitor | grep -q alive"
{asimov} stop || exit 1
test -z "$(systemctl --user list-unit-files 'asimov-*' --no-legend)" || exit 1
""")
    manager = tmp_path / "manager.sh"
    manager.write_text(MANAGER)
    done = subprocess.run(
        ["unshare", "-mpf", "--mount-proc", "/bin/sh", manager, tmp_path / "manager.log",
         "/bin/sh", script],
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, (done, log(lab).read_text() if log(lab).exists() else "")
    assert "as the systemd user unit asimov-" in done.stdout
    assert "it ends when you log out, unless 'loginctl enable-linger'" in done.stderr
    assert ".service, alive; last pass" in done.stdout
    assert told(lab)["keeper"] is None


def test_without_a_user_manager_no_unit_is_made(
    lab: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "none"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    refused = lab.run("start", "--as", "systemd", code=1).err
    assert "systemd can't keep the monitor running here" in refused
    assert "'asimov start --how' recommends another way" in refused
    assert not (tmp_path / "config" / "systemd").exists()


# --- which one


def test_the_way_is_chosen_by_the_configuration_and_checked(lab: Any) -> None:
    wrong = lab.run("configuration", "update", "monitor/keeper", "crom", code=1).err
    assert "'crom' is not a way to keep a monitor running; did you mean 'cron'?" in wrong
    assert "is not a way to keep a monitor running" in lab.run("start", "--as", "crom", code=1).err
    assert "has no universes" in lab.run("start", "--as", "scheduler-job", code=1).err


def test_it_recommends_a_way_and_shows_why_others_are_not(lab: Any) -> None:
    told = json.loads(lab.run("start", "--how", "--json").out)
    assert [way["name"] for way in told["ways"]] == list(KEEPERS)
    assert told["recommended"] in KEEPERS and told["why"]
    shown = lab.run("start", "--how").out
    assert f"Recommended on this machine: {told['recommended']}, " in shown
    assert f"asimov configuration update monitor/keeper {told['recommended']}" in shown
    assert "not here: the scheduler local has no universes" in shown
    job, other = told["ways"][:2]
    assert job["meaning"] == "a process of the scheduler local on this machine"
    assert other["meaning"] == "a job in HTCondor's scheduler universe, which counts with DAGs"
    assert "HTCondor" not in job["meaning"] + job["outlives"]
    assert "--json needs --how" in lab.run("start", "--json", code=2).err


@pytest.mark.parametrize(
    ("scheduler", "usable", "cautions", "best"),
    [
        ("htcondor", "job systemd cron process", "", "job"),
        ("htcondor", "job systemd cron process", "job", "systemd"),
        ("htcondor", "job systemd cron process", "job systemd", "cron"),
        ("htcondor", "job process", "job", "job"),
        ("htcondor", "process", "", "process"),
        ("local", "job systemd cron process", "", "systemd"),
        ("local", "job systemd cron process", "systemd", "cron"),
        ("local", "job systemd process", "systemd", "job"),
        ("local", "job process", "", "job"),
        ("local", "systemd process", "systemd", "systemd"),
    ],
)
def test_the_best_way_outlives_most(
    lab: Any, scheduler: str, usable: str, cautions: str, best: str
) -> None:
    lab.run("configuration", "update", "scheduler/type", scheduler)
    workspace = lab.open()
    ways = [
        Way(
            name, "", "",
            None if name in usable.split() else "absent",
            "beware" if name in cautions.split() else None,
        )
        for name in KEEPERS
    ]  # fmt: skip
    way, why = recommended(workspace, ways)
    workspace.journal.close()
    assert way.name == best
    assert ("beware" in why) == (best in cautions.split())
