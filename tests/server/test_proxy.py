"""The settings for nginx that docs/service.md shows, in front of a service."""

from __future__ import annotations

import json
import os
import re
import socket
import ssl
import subprocess
import time
from contextlib import closing
from http.client import HTTPSConnection
from pathlib import Path

import pytest

from asimov.journal.keys import Key
from asimov.project.workspace import Workspace
from tests.ports import kept_port
from tests.server.conftest import Service, made, new_key
from tests.server.platipy.client import form
from tests.server.qhana.conftest import install

TOP = Path(__file__).parents[2]
PAGE = TOP / "docs" / "service.md"
NAME = "asimov.example.org"
#: What is around the `server` block on a machine of its own.
AROUND = """
daemon off;
{user}
pid {folder}/pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{server}
}}
"""


@pytest.fixture(scope="module")
def nginx():
    found = subprocess.run(
        [TOP / "tools" / "nginx", "path"], capture_output=True, text=True, check=False
    )
    if found.returncode:
        pytest.skip("nginx is not available: tools/nginx install")
    return found.stdout.strip()


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return made(tmp_path_factory.mktemp("proxy") / "project")


@pytest.fixture(scope="module")
def key(root):
    return new_key(root)


@pytest.fixture(scope="module")
def port():
    with kept_port() as kept:
        yield kept


@pytest.fixture(scope="module")
def proxy(nginx, root, port, tmp_path_factory):
    """Return the port of an nginx with these settings, in front of a service with a plugin."""
    folder = tmp_path_factory.mktemp("nginx")
    install(folder, {"greeting"})
    words = ["openssl", "req", "-x509", "-nodes", "-days", "2", "-newkey", "rsa:2048"]
    pem, private = folder / "asimov.pem", folder / "asimov.key"
    try:
        subprocess.run(
            [*words, "-subj", f"/CN={NAME}", "-out", pem, "-keyout", private],
            check=True, capture_output=True,
        )  # fmt: skip
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]))
        service = Service(root, "--name", NAME, "--proxy", "127.0.0.1")
    text = re.search(r"^```nginx\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)[1]
    for shown, own in (
        ("listen 443", f"listen 127.0.0.1:{port}"),
        ("/etc/ssl", str(folder)),
        ("http://127.0.0.1:8642", service.address),
    ):
        assert shown in text
        text = text.replace(shown, own)
    user = "user root;" if os.getuid() == 0 else ""
    settings = folder / "nginx.conf"
    settings.write_text(AROUND.format(user=user, folder=folder, server=text))
    command = [nginx, "-e", "stderr", "-p", folder, "-c", settings]
    process = None
    try:
        tried = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
        assert tried.returncode == 0, tried.stderr
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        until(lambda: answers(port))
        yield port
    finally:
        if process is not None:
            process.terminate()
            process.wait()
        assert service.end()[0] == 0


def until(is_so):
    end = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionError:
        return False
    return True


def connection(port):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # a certificate of ours
    return HTTPSConnection("127.0.0.1", port, context=context, timeout=60)


def ask(port, method, path, body=None, **headers):
    """Ask as somebody elsewhere does; return status and JSON."""
    with closing(connection(port)) as made:
        made.request(method, path, body, {"Host": NAME, **headers})
        answer = made.getresponse()
        return answer.status, json.loads(answer.read())


def test_a_key_passes_in_a_header_with_an_underscore_and_in_the_usual_one(proxy, key):
    assert ask(proxy, "GET", "/api/datasets", API_KEY=key) == (200, [])
    assert ask(proxy, "GET", "/api/datasets")[0] == 401
    status, found = ask(proxy, "GET", "/v1/subjects", Authorization=f"Bearer {key}")
    assert (status, [each["name"] for each in found["items"]]) == (200, ["s", "t"])
    # Whoever comes through the proxy is not somebody on this machine.
    assert ask(proxy, "GET", "/v1/subjects")[0] == 401
    assert ask(proxy, "GET", "/v1/subjects", **{"X-Forwarded-For": "127.0.0.1"})[0] == 401


def test_addresses_have_the_name_and_the_scheme_of_the_proxy(proxy, key):
    bearer = {"Authorization": f"Bearer {key}"}
    status, found = ask(proxy, "GET", "/plugins/", **bearer, **{"X-Forwarded-Proto": "http"})
    assert status == 200
    (plugin,) = found["plugins"]
    assert plugin["apiRoot"] == f"https://{NAME}/plugins/greeting@v0-1-0/"
    # The proxy's own pages are of the same origin.
    origin = {"Origin": f"https://{NAME}"}
    assert ask(proxy, "GET", "/v1/subjects", **bearer, **origin)[0] == 200
    assert ask(proxy, "GET", "/v1/subjects", **bearer, Origin="https://other.example.org")[0] == 403


def test_events_are_sent_as_they_happen(proxy, key, root):
    with closing(connection(proxy)) as made:
        bearer = {"Host": NAME, "Authorization": f"Bearer {key}", "Last-Event-ID": "0"}
        made.request("GET", "/v1/events/stream", headers=bearer)
        stream = made.getresponse()
        for number in range(3):
            with closing(Workspace.open(root).journal) as journal:
                journal.note(Key("t", "other"), "ada", "note", f"through the proxy {number}")
            while f"through the proxy {number}".encode() not in stream.readline():
                pass  # a buffer would keep it, and the connection has a limit of time


def test_uploads_are_passed_on_as_they_come_and_may_be_large(proxy, key, root):
    dataset = ask(proxy, "POST", "/api/dataset", API_KEY=key)[1]["id"]
    content = os.urandom(12_000_000)
    body = form({"dataset": dataset, "type": "FILE", "file_name": "large"}, content)
    incoming = root / "uploads" / "incoming"
    with closing(connection(proxy)) as made:
        made.putrequest("POST", "/api/dataobject", skip_host=True)
        for name, value in (
            ("Host", NAME), ("API_KEY", key), ("Content-Length", str(len(body))),
            ("Content-Type", "multipart/form-data; boundary=3b1f2c5e9a"),
        ):  # fmt: skip
            made.putheader(name, value)
        made.endheaders(body[:8_000_000])
        until(lambda: sum(each.stat().st_size for each in incoming.glob("*")) > 5_000_000)
        made.send(body[8_000_000:])
        answer = made.getresponse()
        one = json.loads(answer.read())
    assert (answer.status, one["is_fetched"]) == (200, True)
    with closing(connection(proxy)) as made:
        path = f"/api/dataobject/download/{one['id']}"
        made.request("GET", path, headers={"Host": NAME, "API_KEY": key})
        assert made.getresponse().read() == content
    # Elsewhere a body has the limit of the service.
    with closing(connection(proxy)) as made:
        large = {"Host": NAME, "Content-Length": "10600000", "Authorization": f"Bearer {key}"}
        made.request("POST", "/v1/blueprints", headers=large)
        assert made.getresponse().status == 413
