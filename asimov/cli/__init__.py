"""The command line: one module for each group of commands, loaded when it is called.

Packages add commands of their own, by the names of their entry points: see `asimov.cli.added`.
"""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from importlib import import_module
from typing import Any

import click

from asimov import text
from asimov._version import __version__

#: Every command, which is a module, with what ``asimov --help`` shows of it; the first lines of
#: their own help say the same, but reading them would mean to import them all.
COMMANDS = {
    "init": "Make a new project called NAME in the current folder.",
    "apply": "Add subjects, analyses and settings from blueprints.",
    "manage": "Build configurations and submit analyses.",
    "monitor": "See what has happened to jobs, and move analyses on.",
    "start": "Keep the monitor running in the background until 'asimov stop'.",
    "stop": "Stop the monitor that runs in the background; jobs go on.",
    "status": "Show every analysis, or those of SUBJECT: state, job, what each waits for.",
    "why": "Say why the analysis NAME of SUBJECT is where it is, and what would move it.",
    "log": "Show what happened, when and why: to everything, to SUBJECT, or to one ANALYSIS of it.",
    "production": "Show or change one analysis.",
    "review": "Add a review of an analysis, or show how reviews stand.",
    "event": "Show a subject.",
    "configuration": "Show or change the configuration.",
    "project": "Say that the project was moved, copied, or is shared.",
    "report": "Report on the project.",
    "ledger": "Show effective settings or the schema of blueprints, or repair the journal.",
    "plugins": "Show the plugins that are installed, begin a new one, or check one.",
}

#: They run plugins in processes of their own.
_WITHOUT_SUPERVISION = ("plugins",)


class _Commands(click.Group):
    """A group that imports a command's module only when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            from asimov.cli import added

            return added.command(cmd_name)
        command: click.Command = import_module(f"asimov.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        # First: a package's module may start threads when it is imported, and no fork keeps those.
        if args and args[0] not in _WITHOUT_SUPERVISION and not ctx.resilient_parsing:
            from asimov.system.supervision import command as own_process

            own_process.supervise()
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            names = [*COMMANDS, *_of_packages()]
            if args[0] not in names and self.get_command(ctx, args[0]) is None:
                from asimov.text import did_you_mean

                ctx.fail(
                    f"there is no command {args[0]!r}"
                    + (did_you_mean(args[0], names) or "; see 'asimov --help'")
                )
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            answer = super().invoke(ctx)
        except Exception as error:
            if ctx.invoked_subcommand in COMMANDS:
                raise
            from asimov.cli import added

            told = added.fault(ctx.invoked_subcommand, error)
            if told is None:
                raise
            raise told from error
        if ctx.invoked_subcommand not in COMMANDS:
            from asimov.cli import added

            added.warn()
        return answer

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))
        if others := _of_packages():
            with formatter.section("Commands of installed packages"):
                formatter.write_dl(list(others.items()))


def _of_packages() -> dict[str, str]:
    """Return the commands that packages add, with what the help says of each."""
    from asimov import entrypoints

    return {
        name: f"Of the package {package}."
        for name, package in entrypoints.names(entrypoints.COMMANDS).items()
        if name not in COMMANDS
    }


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="asimov")
@click.option(
    "--project",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False),
    help="Work on the project in DIR instead of the one around the current folder.",
)
@click.pass_context
def cli(ctx: click.Context, project: str | None) -> None:
    """Run hundreds of long analyses on a batch system without losing one.

    \b
    Example:
      asimov init "My project"
      asimov apply -f blueprints.yaml
      asimov manage build submit
      asimov monitor --chain --until-idle
    """
    ctx.obj = project


def main() -> None:
    """Run the command line; expected errors become one line, a hint and an exit code."""
    from asimov.system.supervision import command as own_process

    own_process.begin()
    _escape_what_lacks()
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
    from asimov.errors import ReportedError

    try:
        code = cli.main(standalone_mode=False)
        sys.stdout.flush()  # while what goes wrong with it can be told
        # Click returns the code of its own Exit, and what a command returns, which is None.
        if isinstance(code, int):
            sys.exit(code)
    except click.ClickException as error:
        _tell(*_lines_of(error))
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
    except ReportedError as error:
        _tell(f"error: {error}")
        if error.hint:
            _tell(f"  {error.hint}")
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # Whoever read the output has gone, such as 'head'.
        _drop_output()
        sys.exit(0)
    except Exception as error:
        import traceback

        from asimov import logs
        from asimov.logs import logger

        if isinstance(error, UnicodeEncodeError):  # of what Python makes of bytes that are no text
            logger().error("text can't be encoded", exc_info=True)
            _tell(f"error: is not UTF-8 text: {text.quoted(error.object)}")
            sys.exit(1)
        if isinstance(error, OSError) and error.errno in _OUTSIDE:
            logger().error("a file can't be used", exc_info=True)
            _tell(f"error: {error.strerror}: {text.short(str(error.filename or 'the output'))}")
            if error.errno == errno.ENOSPC:
                _drop_output()
            sys.exit(1)
        logger().critical("a fault of asimov's own", exc_info=True)
        log = logs.written()
        if log is None:
            _tell(*traceback.format_exc().splitlines())
        details = f"the log has the details ({log})" if log else "the details are above"
        told = f"{type(error).__name__}: {error}"
        _tell(
            f"error: a fault in asimov itself: {told}",
            f"  {details}; please report it",
        )
        sys.exit(1)


def _escape_what_lacks() -> None:
    """Have characters that the output's encoding lacks escaped, rather than end a command."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):  # somebody else's stream, or closed
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def _tell(*lines: str) -> None:
    from asimov.cli.output import warn

    for line in lines:
        warn(line)


#: What the system refuses for reasons that are none of asimov's: no room, no right, no such name.
_OUTSIDE = {
    *(errno.ENOSPC, errno.EDQUOT, errno.ENAMETOOLONG, errno.ELOOP, errno.EROFS),
    *(errno.EACCES, errno.EPERM, errno.EIO, errno.EMFILE, errno.ENFILE),
}


def _lines_of(error: click.ClickException) -> list[str]:
    """Return what click says of an error, which may quote what the command was given."""
    from io import StringIO

    message = StringIO()
    error.show(message)
    told = message.getvalue().rstrip()
    for given in sys.argv[1:]:
        for value in (given, given.partition("=")[2]):
            if len(value) > text.MOST:
                told = told.replace(value, text.short(value))
    return told.split("\n")


def _drop_output() -> None:
    """Have Python's end find no output that it can't write."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
