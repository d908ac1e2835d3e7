"""Whether the service is well (``/healthz``), and its figures for Prometheus (``/metrics``).

The format: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from starlette.responses import PlainTextResponse, Response

from asimov.server.api import schemas
from asimov.server.api.route import Call, Route
from asimov.server.responses import json_response
from asimov.states import STATES

_MEDIA = "text/plain; version=0.0.4; charset=utf-8"


async def health(call: Call) -> Response:
    """Say that the project can be read."""
    await call.request.app.state.backend.ask("overview")
    return json_response(call.request, '{"status": "ok"}')


async def metrics(call: Call) -> Response:
    """Return the figures."""
    state = call.request.app.state
    overview = await state.backend.ask("overview")
    lines = [
        *_of_project(overview),
        *_gauge(
            "asimov_service_waiting_requests", "Requests that wait for a helper process, by helper",
            "helper", state.backend.waiting,
        ),
        *_gauge("asimov_service_event_streams", "Open event streams", "", {"": state.feed.streams}),
    ]  # fmt: skip
    return PlainTextResponse("\n".join([*lines, ""]), media_type=_MEDIA)


def _of_project(overview: Mapping[str, Any]) -> Iterator[str]:
    states = {**dict.fromkeys(STATES, 0), **overview["states"]}
    monitor = overview["monitor"]
    yield from _gauge("asimov_analyses", "Analyses by state", "state", states)
    yield from _gauge("asimov_subjects", "Subjects", "", {"": overview["subjects"]})
    yield from _gauge(
        "asimov_jobs", "Attempts that have not ended, by the state of their job", "state",
        {**dict.fromkeys(("intended", "submitted", "idle", "running", "held"), 0),
         **overview["jobs"]},
    )  # fmt: skip
    yield from _gauge(
        "asimov_monitor_alive", "Whether a monitor is at work", "", {"": int(monitor["alive"])}
    )
    yield from _gauge(
        "asimov_last_pass_timestamp_seconds", "When a monitor pass was last made, to a minute", "",
        _moment(monitor["looked"]),
    )  # fmt: skip
    yield from _gauge(
        "asimov_last_scheduler_contact_timestamp_seconds",
        "When a pass last had an answer of every scheduler it asked", "",
        _moment(monitor["answered"]),
    )  # fmt: skip
    took = {} if monitor["took"] is None else {"": monitor["took"]}
    yield from _gauge("asimov_last_pass_duration_seconds", "How long that pass took", "", took)


def _moment(iso: str | None) -> dict[str, float]:
    """Return a time in seconds since the epoch; nothing where there is none."""
    return (
        {} if iso is None else {"": datetime.fromisoformat(iso.replace("Z", "+00:00")).timestamp()}
    )


def _gauge(name: str, about: str, label: str, values: Mapping[str, float]) -> Iterator[str]:
    yield f"# HELP {name} {about}."
    yield f"# TYPE {name} gauge"
    for value, number in values.items():
        escaped = value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
        yield f'{name}{{{label}="{escaped}"}} {number}' if label else f"{name} {number}"


ROUTES = [
    Route("GET", "/healthz", "Say whether the project can be read.", health, schemas.Health,
          public=True),
    Route("GET", "/metrics", "Return figures for Prometheus.", metrics, media="text/plain"),
]  # fmt: skip
