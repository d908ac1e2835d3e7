"""``asimov serve``: what it refuses before it serves; tests/server has the rest."""

from __future__ import annotations

import socket
import sys

import pytest

from asimov import configuration


def test_an_extra_that_is_missing_is_named(project, asimov, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    ran = asimov("serve")
    assert ran.code == 1
    assert ran.err.splitlines() == [
        "error: 'asimov serve' needs the Python package uvicorn",
        "  install it: pip install 'asimov[server]'",
    ]  # fmt: skip


def test_a_port_that_is_taken_is_reported_in_one_line(project, asimov):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = asimov("serve", "--port", port)
    assert ran.code == 1
    assert ran.err.startswith(
        f"error: 127.0.0.1:{port}: can't listen on this address: Address already in"
    )
    assert "--port 0" in ran.err


def test_a_host_that_is_no_address_of_this_machine_is_reported_in_one_line(project, asimov):
    ran = asimov("serve", "--host", "127.0.0.1.x.invalid")
    assert ran.code == 1
    assert ran.err.startswith("error: ")


def test_other_machines_are_not_served_in_plain_text(project, asimov):
    ran = asimov("serve", "--host", "0.0.0.0")
    assert ran.code == 1
    assert "error: --host: 0.0.0.0 is not a loopback address" in ran.err
    assert "--insecure" in ran.err
    (project / "no.pem").write_text("nothing")
    both = ("--certificate", "no.pem", "--private-key", "no.pem")
    ran = asimov("serve", "--host", "0.0.0.0", *both)
    assert (ran.code, "can't be used for TLS" in ran.err) == (1, True), ran
    ran = asimov("serve", "--certificate", "no.pem")
    assert (ran.code, "TLS needs both" in ran.err) == (1, True), ran


@pytest.mark.parametrize(
    ("option", "value"),
    [("--proxy", "nonsense"), ("--proxy", "proxy.example.org"), ("--proxy", "127.0.0.1:80"),
     ("--name", "a b"), ("--name", ""), ("--name", "https://a.example.org"), ("--name", "a/b")],
)  # fmt: skip
def test_what_no_request_can_ever_match_is_refused(project, asimov, option, value):
    ran = asimov("serve", "--port", "0", option, value)
    assert ran.code == 1
    assert ran.err.startswith(f"error: {option}: {value!r} is not a"), ran


@pytest.mark.parametrize("option", ["service/largest upload", "platipy/dicom port"])
def test_a_number_that_can_not_be_is_refused_before_anything_is_served(project, asimov, option):
    for value in ("-1", "x", "nan", "inf"):
        changed = {tuple(option.split("/")): value}
        configuration.update_file(project / configuration.PROJECT_FILE, changed)
        ran = asimov("serve", "--port", "0")
        assert ran.code == 1, ran
        assert ran.err.startswith(f"error: configuration: {option}: "), ran
