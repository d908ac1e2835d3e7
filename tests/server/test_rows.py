"""Every call and every promise of the two published protocols, and the tests that show it."""

from __future__ import annotations

import ast
from functools import lru_cache
from pathlib import Path

import pytest

from asimov.server.platipy import routes as platipy
from asimov.server.qhana import routes as qhana

TESTS = Path(__file__).parents[1]
P, Q = "server/platipy/test_protocol.py", "server/qhana/test_tasks.py"
PLUGINS, STEPS = "server/qhana/test_plugins.py", "server/qhana/test_steps.py"
STATES, UPLOADS = "server/platipy/test_states.py", "server/platipy/test_uploads.py"
ROUTES, CALLS = "server/qhana/test_routes.py", "server/qhana/test_remote_tasks.py"
DICOM, PROXY = "server/platipy/test_dicom.py", "server/test_proxy.py"
PATIENCE, HARDSHIPS = "server/test_patience.py", "server/test_hardships.py"
REAL, POOL = "published/test_platipy_client.py", "htcondor/test_service.py"

#: The tests of each call, by its method and its path.
CALLS_OF = {
    "GET /api/algorithm": f"{P}::test_row_algorithm",
    "GET /api/dicomlocation": f"{P}::test_row_dicomlocation",
    "GET /api/dicomlocation/{number}": f"{P}::test_row_dicomlocation",
    "POST /api/dicomlocation": f"{P}::test_row_dicomlocation",
    "GET /api/datasets": f"{P}::test_row_dataset",
    "POST /api/dataset": f"{P}::test_row_dataset",
    "GET /api/dataset/ready/{number}": f"{P}::test_row_ready",
    "GET /api/dataset/{number}": f"{P}::test_row_dataset",
    "GET /api/dataobjects": f"{P}::test_row_dataobject",
    "POST /api/dataobject": f"{P}::test_row_dataobject",
    "GET /api/dataobject/download/{number}": f"{P}::test_row_download",
    "GET /api/dataobject/{number}": f"{P}::test_row_dataobject",
    "DELETE /api/dataobject/{number}":
        f"{P}::test_row_dataobject_delete_answers_200_also_where_there_is_none",
    "POST /api/trigger": f"{P}::test_row_trigger_refuses_what_can_not_run",
    "GET /api/status/{uid}": f"{P}::test_row_status_at_the_end",
    "GET /plugins/": f"{PLUGINS}::test_plugins_are_listed_by_name_and_version",
    "GET /plugins/{plugin}/": f"{PLUGINS}::test_a_plugin_says_what_it_takes_and_makes",
    "GET /plugins/{plugin}/ui/":
        f"{PLUGINS}::test_the_page_of_a_plugin_has_a_form_that_its_entry_point_takes",
    "POST /plugins/{plugin}/process/":
        f"{PLUGINS}::test_a_form_with_mistakes_is_422_with_a_message_for_each_field",
    "DELETE GET PATCH POST PUT /plugins/{plugin}/{rest:path}":
        f"{ROUTES}::test_routes_are_answered_by_the_plugin_with_its_state_and_blobs",
    "GET /tasks/{task}/":
        f"{Q}::test_a_task_at_its_end_has_its_log_result_links_and_whole_progress",
    "POST /tasks/{task}/":
        f"{Q}::test_subscriptions_are_for_an_event_or_all_and_each_is_called_once",
    "POST /tasks/{task}/steps/{step}/":
        f"{STEPS}::test_a_step_s_form_is_checked_and_the_next_job_has_what_the_first_one_kept",
    "GET /tasks/{task}/steps/{step}/ui/":
        f"{STEPS}::test_a_task_in_an_open_step_is_pending_with_the_step_s_addresses",
    "POST /tasks/{task}/calls/{call}/":
        f"{CALLS}::test_a_task_waits_for_another_one_shows_its_steps_and_both_complete",
    "GET /files/{task}/": f"{Q}::test_outputs_have_types_and_are_downloaded_with_their_tags",
}  # fmt: skip

#: The tests of each promise, in the order of the protocols' descriptions.
PROMISES = {
    # Both
    "the clients that exist work unmodified, twenty at once, also on the pool":
        f"{REAL}::test_twenty_clients_at_once_segment_a_volume",
    "the work is done by the pool's jobs, and what was answered is done once, across a kill":
        f"{POOL}::test_clients_of_both_protocols_work_at_once_and_across_a_kill",
    "PENDING until the job runs, RUNNING, and SUCCESS once every output is listed":
        f"{STATES}::test_a_call_is_pending_until_its_job_runs_and_then_says_how_far_it_is",
    "FAILURE has its reason": f"{STATES}::test_a_failure_that_is_no_exception_has_its_reason",
    "FAILURE where nothing will be tried again by itself":
        f"{STATES}::test_fault_a_call_that_can_not_be_built_fails_and_says_why",
    "a task that waits for input is PENDING":
        f"{STEPS}::test_a_task_in_an_open_step_is_pending_with_the_step_s_addresses",
    "POSTs answer within 2 s, GETs within 1 s: none waits for a pass, a job or a plugin":
        f"{PATIENCE}::test_no_answer_waits_for_a_pass_a_job_or_a_plugin",
    "states change soon after the job's end, webhooks are called soon after: between two passes":
        f"{PATIENCE}::test_no_answer_waits_for_a_pass_a_job_or_a_plugin",
    "and none waits for a scheduler":
        f"{HARDSHIPS}::test_a_schedd_that_does_not_answer_keeps_only_who_asks_it_waiting",
    "addresses on loopback are for services there":
        f"{Q}::test_webhooks_on_loopback_are_for_services_there",
    "a foreign Origin is refused":
        f"{PLUGINS}::test_on_this_machine_nobody_needs_a_key_and_elsewhere_everybody_does",
    # PlatiPy's
    "every call needs a key, also on loopback":
        f"{P}::test_every_call_needs_a_key_also_on_loopback",
    "proxies pass a header with an underscore, as the page says":
        f"{PROXY}::test_a_key_passes_in_a_header_with_an_underscore_and_in_the_usual_one",
    "keys own their data": f"{P}::test_keys_own_their_data",
    "arguments come from query, form or headers":
        f"{P}::test_arguments_come_by_query_form_or_header",
    "what is refused leaves nothing behind":
        f"{P}::test_row_dataobject_what_is_refused_leaves_nothing_behind",
    "outputs of several triggers are in the one dataset":
        f"{P}::test_outputs_of_every_trigger_are_in_the_one_dataset",
    "an output has the parent that its function named":
        f"{P}::test_an_output_has_the_parent_that_its_function_named",
    "config replaces the defaults whole":
        f"{P}::test_config_replaces_the_defaults_whole_and_unchanged",
    "a key is shown once and kept as a hash; a name that is taken is an error":
        "cli/test_keys.py::test_a_key_is_shown_once_and_only_its_hash_is_kept",
    "keys are listed as PlatiPy does": f"{UPLOADS}::test_keys_are_listed_as_platipy_lists_them",
    "uploads live until the dataset's timeout; rows stay":
        f"{UPLOADS}::test_files_go_when_the_time_of_their_dataset_is_over_and_rows_stay",
    "a DICOM series is a folder of uploaded files":
        f"{DICOM}::test_a_series_is_a_folder_of_files_that_are_uploaded_one_by_one",
    "C-STORE in and out, C-GET and C-MOVE":
        f"{DICOM}::test_series_come_and_go_over_the_network",
    "fault: file names that leave the folder":
        f"{P}::test_fault_names_of_files_do_not_leave_their_folder",
    "fault: pages that are open to all": f"{P}::test_fault_no_page_is_open_to_all",
    "fault: bad JSON is no 500": f"{P}::test_row_trigger_refuses_what_can_not_run",
    "fault: an unknown or foreign status is no PENDING for ever":
        f"{P}::test_fault_a_status_that_is_unknown_or_foreign_is_404",
    "fault: tasks that wait for ever":
        f"{STATES}::test_fault_a_call_that_waits_since_no_monitor_is_at_work_says_so",
    "fault: a failed task whose reason is lost": f"{P}::test_row_status_at_the_end",
    "fault: DICOM uploads that the client refuses":
        f"{DICOM}::test_a_series_is_a_folder_of_files_that_are_uploaded_one_by_one",
    # QHAna's
    "addresses are absolute, of the request or as configured":
        f"{PLUGINS}::test_addresses_are_those_of_the_request_or_the_configured_one",
    "and have the scheme of the proxy":
        f"{PROXY}::test_addresses_have_the_name_and_the_scheme_of_the_proxy",
    "a task keeps the address of its subscription":
        f"{Q}::test_a_webhook_gets_the_address_under_which_it_was_subscribed",
    "a name leads to the newest version; 404 where unknown":
        f"{PLUGINS}::test_a_name_leads_to_the_newest_version_and_an_unknown_one_is_404",
    "fields are typed by the declared settings":
        f"{PLUGINS}::test_settings_have_the_types_that_the_pipeline_declares",
    "the task answers at once":
        f"{Q}::test_a_task_can_be_asked_at_once_and_is_pending_without_anything",
    "?callback= subscribes before the job starts":
        f"{Q}::test_a_callback_is_told_of_everything_from_the_beginning",
    "progress, by default from 0 to 100 in %": f"{Q}::test_reports_are_read_from_what_jobs_append",
    "at FAILURE progress stays":
        f"{Q}::test_a_task_that_fails_shows_the_error_and_keeps_its_progress",
    "at FAILURE an open step stays":
        f"{STEPS}::test_a_task_that_is_stopped_in_a_step_keeps_it_open",
    "no such task: 404": f"{Q}::test_an_unknown_task_is_404",
    "another command, or no webhook: 422": f"{Q}::test_a_wrong_order_is_422",
    "the change can be read before the call":
        f"{Q}::test_what_was_told_can_be_read_before_the_call",
    "calls are delivered at least once, also over kills":
        "server/qhana/test_hard_times.py::test_a_service_that_is_killed_loses_no_task_and_no_call",
    "what is given up is recorded": "engine/notifications/test_delivery.py",
    "an error fires status and details": f"{Q}::test_a_failure_fires_status_and_details",
    "plugins made at runtime, and the registry":
        f"{ROUTES}::test_plugins_made_at_runtime_are_listed_and_the_registry_is_told_once_each",
    "for as long as the parent is loaded":
        f"{ROUTES}::test_a_runtime_plugin_is_listed_while_its_parent_is_loaded",
    "a registry that is away holds nothing up":
        f"{ROUTES}::test_a_registry_that_is_away_holds_nothing_up_and_is_told_later",
    "state and blobs": f"{ROUTES}::test_values_and_blobs_are_by_plugin_and_key",
    "plugins call plugins":
        f"{CALLS}::test_a_task_waits_for_another_one_shows_its_steps_and_both_complete",
    "a function with a card is a plugin": f"{Q}::test_a_function_with_a_card_is_a_plugin_too",
    "no key on loopback, elsewhere a key, unless the configuration says otherwise":
        f"{PLUGINS}::test_the_configuration_can_open_the_protocol_to_everybody",
    "nothing malformed is a 500":
        "server/qhana/test_malformed.py::test_nothing_that_is_malformed_breaks_the_protocol",
}  # fmt: skip


def test_every_call_of_the_protocols_has_a_test():
    served = set()
    for each in [*platipy.ROUTES, *qhana.ROUTES]:
        served.add(f"{' '.join(sorted(each.methods - {'HEAD'}))} {each.path}")
    assert served == set(CALLS_OF)


@pytest.mark.parametrize("table", [CALLS_OF, PROMISES])
def test_the_tests_that_are_named_are_there(table):
    missing = {what: test for what, test in table.items() if not is_there(test)}
    assert not missing


def is_there(test):
    file, _, name = test.partition("::")
    return (TESTS / file).is_file() and (not name or name in functions_of(file))


@lru_cache
def functions_of(file):
    tree = ast.parse((TESTS / file).read_text())
    return {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}
