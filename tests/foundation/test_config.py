import os
import secrets
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from glassbed import cli
from glassbed.foundation.config import (
    SECRET_SIZE_BYTES,
    Config,
    is_loopback,
    settings,
    shown,
    split_address,
    variable,
)
from glassbed.protocol.errors import Invalid


@pytest.fixture
def load(tmp_path):
    """Load from the given variables and, with `toml`, a private settings file."""

    def read(toml=None, **variables):
        if toml is not None:
            path = tmp_path / "glassbed.toml"
            path.write_text(toml)
            path.chmod(0o600)
        return Config.load(
            {"GLASSBED_HOME": str(tmp_path)} | {f"GLASSBED_{k.upper()}": v for k, v in variables.items()}
        )

    return read


def test_without_any_setting_it_serves_this_machine_alone(load):
    config = load()
    assert (config.listen, config.public_url, config.tls) == (
        "127.0.0.1:8400",
        "http://127.0.0.1:8400",
        "off",
    )
    assert (config.database_url, config.nats_url, config.policy) == (None, None, "house")
    assert (config.signup, config.upload_limit_mb, config.local_bridge) == ("closed", 1024, True)


def test_the_data_folder_of_root_is_not_in_roots_closed_folder(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert str(Config().home) == "/var/lib/glassbed"
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("HOME", "/home/ada")
    assert str(Config().home) == "/home/ada/.local/share/glassbed"


def test_the_environment_wins_over_the_file(load):
    config = load('signup = "open"\nlisten = "127.0.0.1:9000"\n', listen="127.0.0.1:9001")
    assert (config.signup, config.listen) == ("open", "127.0.0.1:9001")
    assert (config.origin["signup"], config.origin["listen"]) == ("glassbed.toml", "environment")


def test_an_empty_variable_counts_as_not_set(load):
    assert load(listen="").listen == "127.0.0.1:8400"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("local_bridge", "no", False),
        ("trusted_proxy", "true", 1),
        ("trusted_proxy", "2", 2),
        ("trusted_proxy", "off", 0),
        ("public_url", "https://print.example/", "https://print.example"),
        ("upload_limit_mb", "64", 64),
    ],
)
def test_text_becomes_the_settings_type(load, name, value, expected):
    assert getattr(load(**{name: value}), name) == expected


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("listen", "8400", "GLASSBED_LISTEN must be host:port"),
        ("listen", "127.0.0.1:70000", "must be host:port"),
        ("public_url", "print.example", "must start with http:// or https://"),
        ("database_url", "mysql://x", "must start with postgresql:// or postgres://"),
        ("signup", "maybe", "must be one of open, closed"),
        ("local_bridge", "perhaps", "must be true or false"),
        ("upload_limit_mb", "-1", "must be a whole number"),
        ("upload_limit_mb", "0", "must be at least 1"),
        ("mail_from", "nobody", "must be a mail address"),
    ],
)
def test_a_wrong_value_is_named_with_what_it_must_be(load, name, value, complaint):
    with pytest.raises(Invalid, match=complaint):
        load(**{name: value})


def test_an_unknown_variable_names_the_nearest_setting(load):
    with pytest.raises(Invalid, match=r"There is no setting GLASSBED_LISTN. Did you mean GLASSBED_LISTEN\?"):
        load(listn="127.0.0.1:1")


def test_an_unknown_key_names_the_nearest_setting_or_all(load):
    with pytest.raises(Invalid, match=r"no setting sign_up .*Did you mean signup\?"):
        load('sign_up = "open"')
    with pytest.raises(Invalid, match="Known are: listen, public_url"):
        load("zzz = 1")


@pytest.mark.parametrize("toml", ["signup = open", "listen = 8400"])
def test_a_broken_file_is_named(load, toml, tmp_path):
    with pytest.raises(Invalid, match=str(tmp_path / "glassbed.toml")):
        load(toml)


def test_the_file_can_not_say_where_it_stands(load):
    with pytest.raises(Invalid, match="set GLASSBED_HOME in the environment"):
        load('home = "/tmp"')


def test_a_file_with_a_password_must_be_closed_to_others(load, tmp_path):
    toml = 'database_url = "postgresql://owner:secret@db/glassbed"'
    assert load(toml).database_url
    (tmp_path / "glassbed.toml").chmod(0o640)
    with pytest.raises(Invalid, match="chmod 600"):
        load()


@pytest.mark.parametrize("listen", ["192.168.1.5:8400", "0.0.0.0:8400", "[::]:8400", "printer.example:80"])
def test_an_address_that_others_reach_needs_encryption(load, listen):
    with pytest.raises(
        Invalid, match=r"GLASSBED_TLS=local.*GLASSBED_TRUSTED_PROXY=1.*listen on 127\.0\.0\.1"
    ):
        load(listen=listen)
    assert load(listen=listen, tls="local", public_url="https://here.example").listen == listen
    assert load(listen=listen, trusted_proxy="1", public_url="https://here.example").listen == listen


@pytest.mark.parametrize("listen", ["127.0.0.1:1", "127.8.8.8:1", "[::1]:1", "localhost:1"])
def test_loopback_needs_no_encryption(load, listen):
    assert load(listen=listen).public_url == f"http://{listen}"
    assert is_loopback(split_address(listen)[0])


def test_an_address_for_everybody_needs_a_name(load):
    with pytest.raises(Invalid, match="set GLASSBED_PUBLIC_URL"):
        load(listen="0.0.0.0:8400", tls="local")


def test_a_certificate_needs_both_files_and_the_setting(load, tmp_path):
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("PEM")
    both = 'tls_cert = "cert.pem"\ntls_key = "key.pem"\n'
    config = load(both + 'tls = "files"')
    assert (config.tls_cert, config.public_url) == (tmp_path / "cert.pem", "https://127.0.0.1:8400")
    with pytest.raises(Invalid, match="tls is off"):
        load(both)
    with pytest.raises(Invalid, match="needs GLASSBED_TLS_KEY"):
        load('tls = "files"\ntls_cert = "cert.pem"\n')


def test_a_mail_server_needs_a_sender(load):
    with pytest.raises(Invalid, match="GLASSBED_MAIL_FROM"):
        load(smtp_url="smtp://mail.example")
    assert (
        load(smtp_url="smtp://mail.example", mail_from="glassbed@example.org").smtp_url
        == "smtp://mail.example"
    )


def test_a_policy_path_starts_at_the_data_folder(load, tmp_path):
    assert load('policy = "./own"').policy == str(tmp_path / "own")
    assert load('policy = "bambulab"').policy == "bambulab"


def test_a_child_loads_exactly_the_same(load):
    config = load(
        'signup = "open"\ntls = "local"\nlocal_bridge = false\n', mail_from="a@b", trusted_proxy="2"
    )
    assert Config.load(config.environment()) == config


def test_a_secret_is_made_once_and_closed_to_others(tmp_path):
    config = Config(home=tmp_path)
    value = config.secret("session")
    path = tmp_path / "secrets" / "session"
    assert len(value) == 32
    assert Config(home=tmp_path).secret("session") == value
    assert config.secret("other") != value
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert sorted(file.name for file in path.parent.iterdir()) == ["other", "session"]


def test_many_processes_that_come_first_agree_on_one_secret(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        values = list(pool.map(lambda _: Config(home=tmp_path).secret("session"), range(32)))
    assert len(set(values)) == 1


def test_a_process_that_comes_second_takes_the_secret_of_the_first(tmp_path, monkeypatch):
    """The other one makes the secret after this one has found none and before it can put its own there."""
    config, made, values = Config(home=tmp_path), secrets.token_hex, []

    def while_another_is_faster(size_bytes):
        if size_bytes == SECRET_SIZE_BYTES and not values:
            monkeypatch.setattr(secrets, "token_hex", made)
            values.append(Config(home=tmp_path).secret("session"))
        return made(size_bytes)

    monkeypatch.setattr(secrets, "token_hex", while_another_is_faster)
    values.append(config.secret("session"))
    assert values == [values[0]] * 2
    assert [file.name for file in (tmp_path / "secrets").iterdir()] == ["session"]


def test_a_damaged_or_open_secret_is_refused(tmp_path):
    config = Config(home=tmp_path)
    config.secret("session")
    path = tmp_path / "secrets" / "session"
    path.chmod(0o644)
    with pytest.raises(Invalid, match="chmod 600"):
        config.secret("session")
    path.chmod(0o600)
    for damage in ("", "00", "not hexadecimal"):
        path.write_text(damage)
        with pytest.raises(Invalid, match="is damaged"):
            config.secret("session")


@pytest.mark.parametrize("name", ["../key", "", "Key", ".hidden"])
def test_a_secret_can_not_be_named_out_of_its_folder(tmp_path, name):
    with pytest.raises(ValueError, match="is no name of a secret"):
        Config(home=tmp_path).secret(name)


def test_every_setting_is_documented_in_one_sentence():
    for field in settings():
        assert field.metadata["doc"].endswith(".")
        assert field.metadata["doc"].count(". ") == 0


def test_passwords_in_urls_are_not_shown(load):
    config = load(database_url="postgresql://owner:secret@db:5432/glassbed?password=secret")
    field = next(field for field in settings() if field.name == "database_url")
    assert shown(config, field) == "postgresql://owner:…@db:5432/glassbed"


def test_the_command_settings_prints_each_with_its_origin(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("GLASSBED_HOME", str(tmp_path))
    monkeypatch.setenv("GLASSBED_SIGNUP", "open")
    assert cli.main(["settings"]) == 0
    printed = capsys.readouterr().out
    assert "signup = open  (environment)" in printed
    assert "database_url = embedded  (default)" in printed
    assert all(variable(field.name) in printed for field in settings())


def test_a_wrong_setting_ends_a_command_with_one_sentence(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("GLASSBED_HOME", str(tmp_path))
    monkeypatch.setenv("GLASSBED_SIGNUP", "maybe")
    assert cli.main(["settings"]) == 1
    assert capsys.readouterr().err == "glassbed: GLASSBED_SIGNUP must be one of open, closed.\n"


def test_a_command_of_the_missing_server_says_how_to_get_it(capsys, monkeypatch):
    monkeypatch.setattr(cli, "find_spec", lambda _: None)
    assert cli.main(["run"]) == 1
    assert "pip install 'glassbed[server]'" in capsys.readouterr().err


def test_the_manual_has_every_setting_with_its_default():
    manual = (Path(__file__).parents[2] / "docs" / "operate.md").read_text()
    for field in settings():
        default = field.metadata["default"] or "none"
        doc = field.metadata["doc"]
        assert f"| `{field.name}` | `{variable(field.name)}` | {default} | {doc} |" in manual
