"""Calls that are wrong in any way: an error in the protocol's shape, and nothing is changed."""

from __future__ import annotations

import random

from tests.searching import LONGER
from tests.server.conftest import asking_from, tracebacks

PATHS = [
    "algorithm", "dataset", "dataset/{}", "dataset/ready/{}", "datasets", "dataobject",
    "dataobject/{}", "dataobjects", "dataobject/download/{}", "dicomlocation",
    "dicomlocation/{}", "trigger", "status/{}",
]  # fmt: skip
NAMES = [
    "dataset", "type", "file_name", "meta_data", "parent", "timeout", "algorithm", "config",
    "name", "host", "port", "ae_title", "from_dicom_location", "to_dicom_location", "seriesUID",
    "dicom_retrieve", "file_data",
]  # fmt: skip
VALUES = [
    "", "0", "-1", "1e400", "9" * 50, "FILE", "DICOM", "SEND", "GET", "nul\x00", "\x1b[31m",
    "../..", "{", "[]", '{"a": NaN}', '"\\ud800"', "ü" * 300, "' OR 1=1 --", "{{ 7*7 }}",
    "Show Settings", "null", "a\r\nb", "\u202e", "1" * 5000, "\ufffe",
]  # fmt: skip
MANY = round(250 * LONGER)


def test_malformed_calls_are_refused_and_change_nothing(nobody, keys, root):
    client = asking_from(nobody, "127.0.0.1", API_KEY=keys["often"])
    chance = random.Random(1)
    ledger = sorted((each, each.read_bytes()) for each in (root / "ledger").rglob("*.yaml"))
    told = tracebacks(root)
    seen = set()
    for _ in range(MANY):
        given = {chance.choice(NAMES): chance.choice(VALUES) for _ in range(chance.randrange(5))}
        path = chance.choice(PATHS).format(chance.choice(["0", "x", "-1", "9" * 30, "%00", "é"]))
        how = chance.choice(["params", "data", "files", "content"])
        if how == "files":
            sent = {"files": {name: (value or "x", value) for name, value in given.items()}}
        elif how == "content":
            media = chance.choice(["multipart/form-data; boundary=x", "text/plain", "x"])
            sent = {"content": str(given), "headers": {"Content-Type": media}}
        else:
            sent = {how: given}
        method = chance.choice(["GET", "POST", "DELETE", "PUT"])
        if (method, path) == ("POST", "dataset"):
            given.setdefault("timeout", "x")
            sent = {"params": given | {"timeout": "x"}}
        elif (method, path) == ("POST", "dicomlocation"):
            sent = {"params": given | {"port": "x"}}
        answer = client.request(method, f"/api/{path}", **sent)
        seen.add(answer.status_code)
        assert answer.status_code in {200, 400, 404, 405}, (method, path, sent, answer.text)
        if answer.status_code == 400:
            assert list(answer.json()) in (["Error"], ["message"])
        if method == "POST":
            assert answer.status_code != 200, (path, sent)
    print(f"\n{MANY} malformed requests, statuses {sorted(seen)}")
    assert seen == {200, 400, 404, 405}
    now = sorted((each, each.read_bytes()) for each in (root / "ledger").rglob("*.yaml"))
    assert now == ledger
    assert tracebacks(root) == told
    assert client.get("/api/datasets").json() == []
