"""Apply blueprints that came in a request, or plan that, as ``asimov apply`` does."""

from __future__ import annotations

from collections.abc import Callable

from asimov.engine.apply import apply
from asimov.errors import AsimovError
from asimov.ledger import blueprints, renaming
from asimov.ledger.plan import Plan
from asimov.project.workspace import Workspace
from asimov.server.api.options import as_parameters
from asimov.server.api.request_bodies import ApplyRequest
from asimov.server.faults import FaultError, refused


def applied(
    workspace: Workspace,
    order: ApplyRequest,
    by: str,
    besides: Callable[[Plan], None] = lambda plan: None,
) -> Plan:
    """Apply blueprints, or plan that.

    Raises
    ------
    FaultError
        If that can't be done.
    """
    try:
        documents = blueprints.parse(order.text, "the body")
        if not documents:
            raise FaultError(422, "it contains no documents", "the body")
        if order.name is not None:
            documents = renaming.named(documents, order.name)
        return apply(
            workspace,
            documents,
            subject=order.subject,
            update=order.update,
            iterate=order.iterate,
            dry_run=order.dry_run,
            replace=order.replace,
            force=order.force,
            command=f"POST /v1/blueprints with the {by}",
            reason=order.reason,
            besides=besides,
        )
    except AsimovError as error:
        fault = refused(error, 422).fault
        where = "query: name" if fault.where == "--name" else fault.where
        hint = fault.hint and as_parameters(fault.hint)
        raise FaultError(fault.status, as_parameters(fault.what), where, hint) from error
