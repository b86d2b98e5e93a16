"""The command `glassbed`: one literal table of commands, each imported only when it is called."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import NamedTuple

from glassbed import __version__
from glassbed.protocol.errors import GlassbedError

INTERRUPTED = 130


class Command(NamedTuple):
    """What a command is for, and `module:function`, called with the remaining arguments; it returns the exit code."""

    help: str
    main: str
    needs_server: bool = True


COMMANDS: dict[str, Command] = {
    "run": Command("start everything under one supervisor", "glassbed.processes.supervisor:main"),
    "bridge": Command(
        "connect the printers of this network", "glassbed.bridge.main:main", needs_server=False
    ),
    "prepare": Command("bring database and policy up to date", "glassbed.processes.prepare:main"),
    "web": Command("serve pages and live connections", "glassbed.processes.web:main"),
    "recorder": Command("store what printers report", "glassbed.processes.recorder:main"),
    "worker": Command("do the work that needs no answer at once", "glassbed.processes.worker:main"),
    "policy": Command("check, compare and try policy packs", "glassbed.processes.policy:main"),
    "ledger": Command("verify the ledger", "glassbed.foundation.ledger_command:main"),
    "settings": Command(
        "show every setting and where it comes from", "glassbed.cli:print_settings", needs_server=False
    ),
    "manage": Command("run one of Django's own commands", "glassbed.cli:manage"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; an error that a person may read is printed as one message, not as a traceback."""
    given = _parser().parse_args(argv)
    command = COMMANDS[given.command]
    if command.needs_server and find_spec("django") is None:
        return _complain(
            f"`glassbed {given.command}` needs the server, and only the bridge is installed here."
            " Run: pip install 'glassbed[server]'"
        )
    try:
        return _function(command.main)(given.arguments)
    except GlassbedError as error:
        return _complain(str(error))
    except KeyboardInterrupt:
        return INTERRUPTED


def manage(argv: Sequence[str]) -> int:
    from django.core.management import execute_from_command_line

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "glassbed.web.settings")
    execute_from_command_line(["glassbed manage", *argv])
    return 0


def print_settings(argv: Sequence[str]) -> int:
    from glassbed.foundation.config import Config, settings, shown, variable

    argparse.ArgumentParser(prog="glassbed settings", description=COMMANDS["settings"].help).parse_args(argv)
    config = Config.load()
    for field in settings():
        value = shown(config, field) or field.metadata["default"] or "not set"
        origin = config.origin.get(field.name, "default")
        sys.stdout.write(
            f"{field.name} = {value}  ({origin})\n    {field.metadata['doc']} {variable(field.name)}\n"
        )
    return 0


def _parser() -> argparse.ArgumentParser:
    width = max(map(len, COMMANDS))
    table = "\n".join(f"  {name:<{width}}  {command.help}" for name, command in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="glassbed",
        description="A self-hosted cloud for 3D printers whose privacy policy runs.",
        epilog=f"commands:\n{table}\n\n`glassbed COMMAND --help` says more.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"glassbed {__version__}")
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help="one of the commands below")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="what the command takes")
    return parser


def _function(path: str) -> Callable[[list[str]], int]:
    module, _, name = path.partition(":")
    function: Callable[[list[str]], int] = getattr(import_module(module), name)
    return function


def _complain(message: str) -> int:
    sys.stderr.write(f"glassbed: {message}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
