"""What ``asimov --server`` says of an address at which there is no service that it understands."""

from __future__ import annotations

import http.server
import json
import os
import socket
import ssl
import subprocess
import threading
from contextlib import contextmanager

import pytest
from click.testing import CliRunner

from asimov._version import __version__
from asimov.cli import cli
from asimov.errors import EXIT_UNREACHABLE, AsimovError
from asimov.server import client_connection
from tests.ports import kept_port


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(client_connection, "PAUSE", 0.0)
    monkeypatch.delenv("ASIMOV_KEY", raising=False)


def refusal(address, *command):
    ran = CliRunner().invoke(cli, ["--server", address, *(command or ("status",))])
    assert isinstance(ran.exception, AsimovError), ran.exception
    assert ran.stdout == ""
    return ran.exception


@contextmanager
def answering(answers, wrap=lambda listening: listening):
    """Serve a few answers: by path, the status, headers and body; yield the port."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, self.headers.get("Authorization")))
            status, headers, body = answers.get(self.path.partition("?")[0], (404, {}, "<html>"))
            self.send_response(status)
            for each in headers.items():
                self.send_header(*each)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = wrap(server.socket)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1], asked
        finally:
            server.shutdown()
            thread.join()


def test_nobody_there_is_told_with_an_exit_code_of_its_own():
    with kept_port() as port:
        address = f"http://127.0.0.1:{port}"
        error = refusal(address)
    assert str(error) == f"{address}: does not answer: [Errno 111] Connection refused"
    assert (error.hint, error.exit_code) == (
        "is 'asimov serve' running there?", EXIT_UNREACHABLE,
    )  # fmt: skip


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1:1",
        "ftp://x",
        "http://",
        "nonsense",
        "",
        "http://h:99999",
        "http://h:0",
        "http://[::1",
    ],
)
def test_what_is_no_address_is_refused_as_such(address):
    error = refusal(address)
    assert str(error) == f"{address!r} is not the address of a service"
    assert error.exit_code == 1


def test_a_password_in_the_address_is_refused_and_not_shown():
    error = refusal("http://ada:secret@127.0.0.1:1")
    assert str(error) == "127.0.0.1: the address of a service can't contain a user or password"


@pytest.mark.parametrize("key", ["a\nb", "a b", "\x00", "schlüssel"])
def test_what_can_not_be_a_key_is_refused_before_it_is_sent(key, monkeypatch):
    monkeypatch.setattr(os, "environ", {**os.environ, "ASIMOV_KEY": key})
    with answering({}) as (port, asked):
        error = refusal(f"http://127.0.0.1:{port}")
    assert "the key contains characters that no key has" in str(error)
    assert not asked


def test_a_command_that_there_is_not_is_told_from_one_that_is_for_here():
    for name, said in (
        ("stauts", "did you mean 'status'"),
        ("clean", "does not work with --server"),
    ):
        ran = CliRunner().invoke(cli, ["--server", "http://127.0.0.1:1", name])
        assert said in (ran.output + str(ran.exception))


@pytest.mark.parametrize("body", ["<html>hello", "[1]", "{"])
def test_another_program_is_no_service_of_asimov(body):
    with answering({"/v1/analyses": (200, {}, body)}) as (port, _):
        error = refusal(f"http://127.0.0.1:{port}")
    assert "no asimov service answers there" in str(error)


def test_another_version_is_named():
    told = json.dumps({"info": {"version": "7.5"}})
    rows = json.dumps({"items": [{"subject": "s"}], "next": None})
    answers = {"/v1/analyses": (200, {}, rows), "/openapi.json": (200, {}, told)}
    with answering(answers) as (port, _):
        error = refusal(f"http://127.0.0.1:{port}")
    assert f"the service runs asimov 7.5, and this is asimov {__version__}" in str(error)
    assert error.hint == "use the same version of asimov on both machines"


def test_a_key_goes_nowhere_else(monkeypatch):
    monkeypatch.setenv("ASIMOV_KEY", "secret")
    with answering({}) as (other, elsewhere):
        headers = {"Location": f"http://127.0.0.1:{other}/v1/analyses"}
        with answering({"/v1/analyses": (302, headers, "")}) as (port, asked):
            error = refusal(f"http://127.0.0.1:{port}")
    assert "no asimov service answers there" in str(error)
    assert (asked[0], elsewhere) == (("/v1/analyses?limit=1000", "Bearer secret"), [])


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Return a certificate of this machine's loopback that nobody else has signed, and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    files = folder / "certificate.pem", folder / "key.pem"
    words = ["openssl", "req", "-x509", "-nodes", "-days", "2", "-newkey", "rsa:2048"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    try:
        subprocess.run(
            [*words, *names, "-out", files[0], "-keyout", files[1]], check=True,
            capture_output=True,
        )  # fmt: skip
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    return files


def test_a_certificate_that_nobody_signed_is_refused_unless_it_is_given(certificate, monkeypatch):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    rows = json.dumps({"keeper": None, "line": "monitor: not running", "warning": None,
                       "notifications": []})  # fmt: skip

    def wrap(listening):
        return context.wrap_socket(listening, server_side=True)

    with answering({"/v1/monitor": (200, {}, rows)}, wrap) as (port, _):
        address = f"https://127.0.0.1:{port}"
        error = refusal(address, "status", "--monitor")
        assert str(error).startswith(f"{address}: its certificate is not accepted: self")
        assert "SSL_CERT_FILE" in str(error.hint)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        ran = CliRunner().invoke(cli, ["--server", address, "status", "--monitor"])
        assert (ran.exit_code, ran.stdout) == (0, "monitor: not running\n")
        assert "does not answer" in str(refusal(f"http://127.0.0.1:{port}"))


@pytest.mark.parametrize("host", ["far.example", "127.0.0.1.far.example"])
def test_a_key_in_plain_text_is_warned_of(host, monkeypatch):
    monkeypatch.setenv("ASIMOV_KEY", "secret")
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: (_ for _ in ()).throw(OSError("x")))
    ran = CliRunner().invoke(cli, ["--server", f"http://{host}", "status"])
    assert ran.stderr == f"warning: the key is sent to {host} as plain text; use https\n"
