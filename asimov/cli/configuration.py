"""``asimov configuration``: show options of the configuration, and set them."""

from __future__ import annotations

from configparser import ConfigParser
from typing import Any

import click

from asimov.cli.open_project import Use, open_project
from asimov.cli.terminal.output import say, show, show_json, warn
from asimov.configuration import (
    LARGEST,
    NUMBERS,
    PROJECT_FILE,
    YES_OR_NO,
    is_added_default,
    update_file,
    without_default,
)
from asimov.engine.notifications import rules
from asimov.errors import AsimovError
from asimov.keepers.choice import keeper
from asimov.project.git import trust
from asimov.scheduler.sites import catalogue
from asimov.scheduler.sites.profile import Site
from asimov.text import did_you_mean, nearest


@click.group("configuration")
def command() -> None:
    """Show or change the configuration.

    \b
    Example:
      asimov configuration update condor/user albert.einstein
    """


@command.command("show")
@click.argument("option", required=False, metavar="[SECTION/KEY]")
@click.option("-k", "--key", metavar="SECTION/KEY", help="The same as the argument.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def show_command(option: str | None, key: str | None, as_json: bool) -> None:
    """Show the effective configuration, or one option.

    \b
    Example:
      asimov configuration show scheduler/type
    """
    if option is not None and key is not None and option != key:
        raise click.UsageError(f"{option} and {key} are two different options: give one")
    option = option or key
    config = open_project(Use.READ, without_journal=True).config
    if option is not None:
        section, key = split(option)
        if not config.has_option(section, key):
            raise AsimovError(
                f"there is no option {option!r}{near(option, config)}",
                hint="'asimov configuration show' lists all options",
            )
        value = config.get(section, key)
        if as_json:
            show_json(value)
        else:
            show(value)
        return
    shown = {
        section: {
            key: value
            for key, value in config.items(section)
            if not is_added_default(config, section, key)
        }
        for section in config.sections()
    }
    shown = {name: each for name, each in shown.items() if each or not config.items(name)}
    if as_json:
        show_json(shown)
        return
    for section, each in shown.items():
        for key, value in each.items():
            say(f"{section}/{key} = {value}")


# A value may begin with a dash.
@command.command("update", context_settings={"ignore_unknown_options": True})
@click.argument("option", metavar="SECTION/KEY")
@click.argument("value")
def update_command(option: str, value: str) -> None:
    """Set an option in the project's configuration file.

    \b
    Example:
      asimov configuration update local/processes 4
    """
    project = open_project(Use.ACT, without_journal=True)
    section, key = split(option)
    if (section, key) == ("project", "root"):
        raise AsimovError(
            "project/root can't be set: it is the project's folder; move the folder instead"
        )
    if section == "project" and key in {"name", "id"} and not value.strip():
        raise AsimovError(f"{option} can't be empty", hint="every project has a name and an id")
    if (section, key) == trust.TRUSTED:
        raise AsimovError(
            "sharing/trusted can't be set for a project: every user has a list of their own",
            hint="use 'asimov project trust USER' instead",
        )
    if section == "scheduler" and key == "type":
        from asimov.discovery import entrypoints

        if not entrypoints.is_known(entrypoints.SCHEDULERS, value):
            raise entrypoints.unknown(entrypoints.SCHEDULERS, value)
    if option == "site/name":
        catalogue.site(value)
    if option == "monitor/keeper":
        keeper(value)
    if option == "container/runtime":
        from asimov.pipelines.container.choice import named

        named(value)
    check_value(option, value)
    if section.startswith(rules.SECTION):
        config = project.config
        given = dict(config.items(section)) if config.has_section(section) else {}
        rules.check_change(given, section, key, value)
    elif not project.config.has_option(section, key) and (other := near(option, project.config)):
        if nearest(option, without_default(), 0.8):
            raise AsimovError(
                f"there is no option {option!r}{other}",
                hint=f"if a package reads it, write it into {PROJECT_FILE}",
            )
        warn(f"note: {option!r} is an unknown option{other}")
    update_file(project.root / PROJECT_FILE, {(section, key): value})
    say(f"{section}/{key} = {value}")


@command.command("site")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def site_command(name: str | None, as_json: bool) -> None:
    """Show the rules of the computing site, or choose the site NAME.

    A build then checks each analysis against the site's rules, and jobs get what the site asks for,
    such as tokens.

    \b
    Example:
      asimov configuration site
      asimov configuration site ligo
    """
    use = Use.READ if name is None else Use.ACT
    project = open_project(use, without_journal=True)
    chosen = name or catalogue.name_in(project.config)
    site = catalogue.site(chosen) if name else catalogue.chosen(project.config)
    if name is not None:
        update_file(project.root / PROJECT_FILE, {("site", "name"): name})
    if as_json:
        show_json({"name": chosen, "known": catalogue.known(), **_plain(site)})
        return
    say(f"site/name = {chosen}: {site.title}")
    for rule in site.rules:
        kind = (
            "a build refuses analyses that break it"
            if rule.refuses
            else "a build notes analyses that break it"
        )
        say(f"  rule: {rule.text}")
        say(f"        {rule.source}; {kind}")
    for fact in site.facts:
        say(f"  note: {fact.text}")
        say(f"        {fact.source}")
    for key, value in site.settings.items():
        say(f"  default: {key}: {value}")
    if name is None:
        say(f"known sites: {', '.join(catalogue.known())}")


def _plain(site: Site) -> dict[str, Any]:
    return {
        "title": site.title,
        "rules": [
            {"text": rule.text, "source": rule.source, "refuses": rule.refuses}
            for rule in site.rules
        ],
        "facts": [{"text": fact.text, "source": fact.source} for fact in site.facts],
        "settings": dict(site.settings),
        "held": None if site.held is None else {"seconds": site.held[0], "source": site.held[1]},
    }


def check_value(option: str, value: str) -> None:
    """Refuse an invalid value now; otherwise the monitor might fail on it days later."""
    if option in YES_OR_NO and value.lower() not in ConfigParser.BOOLEAN_STATES:
        raise AsimovError(
            f"{option} should be true or false, not {value!r}",
            hint="nothing was changed; give another value",
        )
    if option not in NUMBERS:
        return
    least, whole = NUMBERS[option]
    try:
        number = float(value)
    except ValueError:
        number = -1
    if not least <= number <= LARGEST or (whole and number != int(number)):
        raise AsimovError(
            f"{option} should be a {'whole ' if whole else ''}number of at least {least}, "
            f"not {value!r}",
            hint="nothing was changed; give another value",
        )


def near(option: str, config: ConfigParser) -> str:
    """Suggest a similar known option; empty if the option is known, or none is similar."""
    given = [f"{section}/{key}" for section in config.sections() for key in config.options(section)]
    known = [*given, *without_default()]
    return "" if option in known else did_you_mean(option, known, 0.8)


def split(option: str) -> tuple[str, str]:
    """Split an option such as ``scheduler/type`` into its section and key."""
    section, slash, key = option.partition("/")
    if not (section and slash and key):
        raise AsimovError(
            f"{option!r} is not a configuration option",
            hint="use the form SECTION/KEY, such as scheduler/type",
        )
    return section, key
