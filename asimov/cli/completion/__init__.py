"""``asimov completion``: print what makes a shell complete commands, subjects and analyses."""

from __future__ import annotations

from importlib.resources import files

import click

from asimov.cli.terminal.output import show


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print a shell completion script for commands, subjects and analyses.

    Load it when your shell starts: in bash and zsh with the line

    \b
      eval "$(asimov completion bash)"

    in ~/.bashrc or ~/.zshrc (with zsh), for fish with

    \b
      asimov completion fish > ~/.config/fish/completions/asimov.fish

    \b
    Example:
      asimov completion bash
    """
    from asimov.cli.completion.table import write

    top = click.get_current_context().find_root().command
    write(top)  # so that the first word is completed as fast as the others
    show((files("asimov.templates") / "completion" / f"asimov.{shell}").read_text().rstrip("\n"))
