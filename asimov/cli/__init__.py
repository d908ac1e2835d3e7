"""The command line: one module for each command or group, imported when it is called.

Packages can add commands of their own: see `asimov.cli.package_commands`.
"""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from asimov import text
from asimov._version import __version__

#: Every command with its line in ``asimov --help``. Each is a module of the same name, whose help
#: starts with the same line; reading it from there would import them all.
COMMANDS = {
    "init": "Create a project called NAME in the current folder.",
    "apply": "Add subjects, analyses and settings from blueprints.",
    "manage": "Build configurations and submit analyses.",
    "monitor": "Check on jobs, and advance their analyses.",
    "start": "Keep the monitor running in the background until 'asimov stop'.",
    "stop": "Stop the background monitor; jobs keep running.",
    "rerun": "Run analyses again, after showing what, why, and how long it took last time.",
    "status": "Show the state and job of each analysis, and what it waits for.",
    "top": "Watch all analyses live, inspect them, and act on them.",
    "serve": "Serve the project over HTTP, for programs and people.",
    "why": "Explain why analyses are in their states, and what would change that.",
    "log": "Show what happened to analyses, when and why.",
    "logs": "Show the output and errors of an analysis's jobs, node by node.",
    "diff": "Compare what two analyses ran with and made.",
    "provenance": "Show how a result was made: settings, files, software, people, upstream.",
    "package": "Pack an analysis with everything that made it, to rerun it elsewhere.",
    "cancel": "Cancel analyses, and stop their jobs.",
    "mv": "Rename an analysis or a subject; results, journal and repositories follow.",
    "rm": "Remove analyses, or whole subjects, from the ledger.",
    "production": "Show or change one analysis.",
    "answer": "Show an analysis's questions, or answer them.",
    "review": "Review an analysis, or show the reviews.",
    "event": "Show, add or remove a subject.",
    "notify": "List the rules for notifications, and try them.",
    "configuration": "Show or change the configuration.",
    "project": "Confirm that the project was moved or copied, or share it with a group.",
    "report": "Report on the project.",
    "store": "Check the stored results.",
    "clean": "Free the scratch space of stored analyses, and list files that no analysis owns.",
    "ledger": "Show the ledger and its history, undo, import or export, or repair the journal.",
    "vocabulary": "List or explain the names that blueprints may use, or check blueprints.",
    "plugins": "List or show installed plugins, create a new one, or check one.",
    "completion": "Print a shell completion script for commands, subjects and analyses.",
}

#: Commands that run plugins only in child processes.
_WITHOUT_SUPERVISION = ("plugins",)


class NoSuchCommandError(click.UsageError):
    """A command does not exist.

    Attributes
    ----------
    words
        The command line up to the unknown word: ``("event", "calibration")``.
    """

    def __init__(self, message: str, ctx: click.Context, words: tuple[str, ...]) -> None:
        super().__init__(message, ctx)
        self.words = words


class _Commands(click.Group):
    """A group that imports a command's module only when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if ctx.find_root().params.get("server") is not None:
            from asimov.cli import remote

            return remote.command(cmd_name)
        if cmd_name not in COMMANDS:
            from asimov.cli import package_commands

            return package_commands.command(cmd_name)
        command: click.Command = import_module(f"asimov.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        # Before any import of a package: it may start threads, which a fork would lose.
        local = not ctx.resilient_parsing and ctx.params.get("server") is None
        if args and args[0] not in _WITHOUT_SUPERVISION and local:
            from asimov.system.supervision import command as own_process

            own_process.supervise()
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            names = [*COMMANDS, *_of_packages()]
            remote = ctx.params.get("server") is not None
            if args[0] not in names and (remote or self.get_command(ctx, args[0]) is None):
                from asimov.text import did_you_mean

                unknown = did_you_mean(args[0], names) or "; see 'asimov --help'"
                message = f"there is no command {args[0]!r}{unknown}"
                raise NoSuchCommandError(message, ctx, (args[0],))
        name, group, rest = super().resolve_command(ctx, args)
        if isinstance(group, click.Group) and rest and not rest[0].startswith("-"):
            inner = click.Context(group, info_name=name, parent=ctx)
            if group.get_command(inner, rest[0]) is None and not ctx.resilient_parsing:
                from asimov.text import did_you_mean

                unknown = did_you_mean(rest[0], group.list_commands(inner))
                message = f"there is no command {rest[0]!r} in {name!r}{unknown}"
                raise NoSuchCommandError(message, inner, (str(name), rest[0]))
        return name, group, rest

    def invoke(self, ctx: click.Context) -> Any:
        try:
            answer = super().invoke(ctx)
        except Exception as error:
            if ctx.invoked_subcommand in COMMANDS:
                raise
            from asimov.cli import package_commands

            fault = package_commands.fault(ctx.invoked_subcommand, error)
            if fault is None:
                raise
            raise fault from error
        if ctx.invoked_subcommand not in COMMANDS:
            from asimov.cli import package_commands

            package_commands.warn()
        return answer

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))
        if others := _of_packages():
            with formatter.section("Commands of installed packages"):
                formatter.write_dl(list(others.items()))


def _of_packages() -> dict[str, str]:
    """Return the commands that packages add, with their lines in the help."""
    from asimov.discovery import entrypoints

    return {
        name: f"From the package {package}."
        for name, package in entrypoints.names(entrypoints.COMMANDS).items()
        if name not in COMMANDS
    }


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="asimov")
@click.option(
    "--project",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False),
    help="Use the project in DIR instead of the one that contains the current folder.",
)
@click.option(
    "--server",
    metavar="URL",
    help="Use the project that 'asimov serve' serves at URL; the key comes from the variable "
    "ASIMOV_KEY or from --key-file.",
)
@click.option(
    "--key-file",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Read the key for --server from this file.",
)
@click.pass_context
def cli(ctx: click.Context, project: str | None, server: str | None, key_file: Path | None) -> None:
    """Run hundreds of long analyses on a batch system without losing one.

    \b
    Example:
      asimov init "My project"
      asimov apply -f blueprints.yaml
      asimov manage build submit
      asimov monitor --chain --until-idle
    """
    if project is not None and server is not None:
        raise click.UsageError(
            "--project (a project here) and --server (one elsewhere) can't be combined"
        )
    if key_file is not None and server is None:
        raise click.UsageError("--key-file needs --server")
    ctx.obj = project


def main() -> None:
    """Run the command line; expected errors become one line, a hint and an exit code."""
    if sys.argv[1:2] == ["--complete"]:  # of an `asimov` program that does not begin in __main__
        from asimov.cli.completion.table import write
        from asimov.project.completion import main as complete

        complete(lambda: write(cli))
        return
    from asimov.system import readers
    from asimov.system.supervision import command as own_process

    _open_closed()
    readers.outlive()
    own_process.begin()
    _escape_unencodable()
    code = 1
    try:
        _run()
        code = 0
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
        raise
    finally:
        own_process.end(code)


def _run() -> None:
    from asimov.errors import OutputError, ReportedError

    try:
        code = cli.main(standalone_mode=False)
        sys.stdout.flush()  # while an error can still be reported
        # Click returns the code of its own Exit, or what the command returned: None.
        if isinstance(code, int):
            sys.exit(code)
    except click.ClickException as error:
        from asimov.discovery import extensions

        # A package may know what took the place of an option or command that is gone.
        advice = extensions.hint(error)
        _print_error(*([f"Error: {advice}"] if advice else _lines_of(error)))
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
    except OutputError as error:
        _drop_output()
        _print_error(f"error: {error}")
        sys.exit(error.exit_code)
    except ReportedError as error:
        _print_error(f"error: {error}")
        if error.hint:
            _print_error(f"  {error.hint}")
        sys.exit(error.exit_code)
    except Exception as error:
        import traceback

        from asimov import logs
        from asimov.logs import logger

        if not logger().handlers:  # no project was opened
            logs.write_nowhere()
        if isinstance(error, UnicodeEncodeError):  # from bytes in a file name or argument
            logger().error("text can't be encoded", exc_info=True)
            _print_error(f"error: some text is not UTF-8: {text.quoted(error.object)}")
            sys.exit(1)
        if isinstance(error, OSError) and error.errno in _OUTSIDE:
            logger().error("a file can't be used", exc_info=True)
            _print_error(
                f"error: {error.strerror}: {text.short(str(error.filename or 'the output'))}"
            )
            if error.errno == errno.ENOSPC:
                _drop_output()
            sys.exit(1)
        logger().critical("an internal error of asimov", exc_info=True)
        log = logs.written()
        if log is None:
            _print_error(*traceback.format_exc().splitlines())
        details = f"the log {log}" if log else "the lines above"
        what = f"{type(error).__name__}: {error}"
        _print_error(
            f"error: a bug in asimov: {what}",
            f"  please report it, with {details}",
        )
        sys.exit(1)


def _open_closed() -> None:
    """Open those of the standard streams that were closed before the command began."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w"))  # noqa: PTH123, SIM115


def _escape_unencodable() -> None:
    """Escape characters that the output's encoding lacks, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):  # replaced or closed
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def _print_error(*lines: str) -> None:
    from asimov.cli.terminal.output import warn

    for line in lines:
        warn(line)


#: Errors of the system that are not asimov's bugs: disk full, permission denied, name too long.
_OUTSIDE = {
    *(errno.ENOSPC, errno.EDQUOT, errno.ENAMETOOLONG, errno.ELOOP, errno.EROFS),
    *(errno.EACCES, errno.EPERM, errno.EIO, errno.EMFILE, errno.ENFILE),
}


def _lines_of(error: click.ClickException) -> list[str]:
    """Return click's message for an error; an argument in it is short, and stays on one line."""
    from io import StringIO

    message = StringIO()
    error.show(message)
    shown = message.getvalue().rstrip()
    for given in sys.argv[1:]:
        for value in (given, given.partition("=")[2]):
            plain = click.unstyle(value)  # as click shows it
            if len(value) > text.MOST or (plain.strip() and len(plain.splitlines()) > 1):
                shown = shown.replace(plain, text.line(text.short(plain)))
    return shown.split("\n")


def _drop_output() -> None:
    """Stop Python from failing to flush stdout at exit."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
