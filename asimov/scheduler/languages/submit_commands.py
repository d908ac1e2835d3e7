"""The submit commands that the local scheduler supports, ignores and refuses."""

from __future__ import annotations

#: Supported as in HTCondor.
SUPPORTED = frozenset(
    [
        "executable",
        "arguments",
        "environment",
        "env",
        "getenv",
        "initialdir",
        "initial_dir",
        "universe",
        "input",
        "output",
        "error",
        "log",
        "log_notes",
        "submit_event_notes",
        "request_cpus",
        "batch_name",
        "jobbatchname",
        "hold",
        "priority",
        "prio",
        "transfer_input_files",
        "transfer_output_files",
        "checkpoint_exit_code",
    ]
)

_SELECTION = """
    requirements rank request_memory request_disk request_gpus require_gpus
    gpus_minimum_capability gpus_maximum_capability gpus_minimum_memory gpus_minimum_runtime
    """  # choose a machine; there is only one
_ACCOUNTING = """
    accounting_group accounting_group_user nice_user notification notify_user
    """  # no shares by account, and no mail
_TRANSFER = """
    should_transfer_files when_to_transfer_output transfer_executable transfer_input
    transfer_output transfer_error stream_input stream_output stream_error copy_to_spool
    run_as_owner
    """  # a job runs in its initial folder, with its files
_QUEUE = """
    leave_in_queue max_materialize max_idle job_lease_duration job_ad_information_attrs
    want_graceful_removal remove_kill_sig kill_sig_timeout description
    """  # about HTCondor's own queue and log
#: Ignored: without meaning on one machine, and without effect on a job's result.
IGNORED = frozenset(f"{_SELECTION} {_ACCOUNTING} {_TRANSFER} {_QUEUE}".split())

#: Refused: they would change what a job does, and are not supported.
UNSUPPORTED = frozenset(
    [
        "on_exit_hold",
        "on_exit_hold_reason",
        "on_exit_hold_subcode",
        "on_exit_remove",
        "periodic_hold",
        "periodic_hold_reason",
        "periodic_hold_subcode",
        "periodic_release",
        "periodic_remove",
        "periodic_vacate",
        "max_retries",
        "retry_until",
        "success_exit_code",
        "success_exit_signal",
        "allowed_execute_duration",
        "allowed_job_duration",
        "concurrency_limits",
        "concurrency_limits_expr",
        "deferral_time",
        "deferral_window",
        "deferral_prep_time",
        "cron_minute",
        "cron_hour",
        "cron_day_of_month",
        "cron_month",
        "cron_day_of_week",
        "cron_window",
        "cron_prep_time",
        "container_image",
        "docker_image",
        "docker_network_type",
        "container_target_dir",
        "machine_count",
        "parallel_script_shadow",
        "grid_resource",
        "vm_type",
        "java_vm_args",
        "jar_files",
        "transfer_output_remaps",
        "transfer_checkpoint_files",
        "transfer_plugins",
        "output_destination",
        "preserve_relative_paths",
        "use_oauth_services",
        "use_scitokens",
        "scitokens_file",
        "x509userproxy",
        "use_x509userproxy",
        "kill_sig",
        "hold_kill_sig",
        "rlimit",
        "core_size",
        "coresize",
        "next_job_start_delay",
        "keep_claim_idle",
        "append_files",
        "noop_job",
        "noop_job_exit_code",
        "noop_job_exit_signal",
        "dagman_log",
        "starter_debug",
        "starter_log",
        "skip_filechecks",
        "allow_arguments_v1",
        "docker_override_entrypoint",
        "skip_if_dataflow",
        "job_machine_attrs",
        "retry_request_memory",
        "retry_request_memory_increase",
        "retry_request_memory_max",
        "want_io_proxy",
    ]
)

#: All of them.
COMMANDS = SUPPORTED | IGNORED | UNSUPPORTED

#: Supported universes, by name and number: in each the job is a process on this machine.
UNIVERSES = frozenset({"vanilla", "5", "scheduler", "7", "local", "12"})
