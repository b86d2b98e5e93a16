"""The command `glassbed`: what it is called with, what it answers, and how it ends."""

import os
import subprocess
import sys
from importlib import import_module

import pytest

from glassbed import __version__, cli
from glassbed.protocol.errors import Unavailable


def run(*words, home):
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GLASSBED_", "GB_", "DJANGO_"))
    }
    return subprocess.run(
        [sys.executable, "-m", "glassbed.cli", *words],
        env=kept | {"GLASSBED_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_leads_to_a_function(name):
    assert callable(cli._function(cli.COMMANDS[name].main))
    assert cli.COMMANDS[name].help


def test_the_help_names_every_command_with_what_it_is_for(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    for name, command in cli.COMMANDS.items():
        assert any(line.split() == [name, *command.help.split()] for line in printed.splitlines())


def test_the_version_is_that_of_the_package(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"glassbed {__version__}\n"


def test_a_command_that_is_none_ends_with_two(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["explode"])
    assert ended.value.code == 2
    assert "invalid choice" in capsys.readouterr().err


def command(monkeypatch, work):
    """Let `glassbed settings` do something else; it is found by its literal name, as every command is."""
    monkeypatch.setattr(import_module("glassbed.cli"), "print_settings", work)
    return cli.main(["settings", "--and", "more"])


def test_a_command_gets_what_stands_behind_it_and_gives_the_exit_code(monkeypatch):
    got = []
    assert command(monkeypatch, lambda words: got.append(words) or 7) == 7
    assert got == [["--and", "more"]]


def test_an_error_for_people_is_one_sentence_and_no_trace(monkeypatch, capsys):
    def fail(_words):
        raise Unavailable("The bus is away.")

    assert command(monkeypatch, fail) == 1
    assert capsys.readouterr().err == "glassbed: The bus is away.\n"


def test_an_error_of_ours_is_not_hidden(monkeypatch):
    with pytest.raises(ZeroDivisionError):
        command(monkeypatch, lambda _words: 1 / 0)


def test_an_interrupted_command_says_so_by_its_exit_code(monkeypatch, capsys):
    def interrupted(_words):
        raise KeyboardInterrupt

    assert command(monkeypatch, interrupted) == 130
    assert capsys.readouterr().err == ""


def test_djangos_own_commands_run_with_our_settings(tmp_path):
    done = run("manage", "check", home=tmp_path)
    assert (done.returncode, done.stdout) == (0, "System check identified no issues (0 silenced).\n"), (
        done.stderr
    )


def test_a_command_of_the_shell_ends_with_its_exit_code(tmp_path):
    done = run("settings", home=tmp_path)
    assert done.returncode == 0
    assert f"home = {tmp_path}" in done.stdout
    assert run("run", "--no-such-word", home=tmp_path).returncode == 2
