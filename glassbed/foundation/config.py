"""The settings of one instance, each declared once with its type, default and one sentence of documentation.

They come from the environment (`GLASSBED_…`, which wins) and from `glassbed.toml` in the data folder.
The instance's secrets are files of that folder. No Django.
"""

import dataclasses
import difflib
import os
import re
import secrets
import tomllib
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from glassbed.protocol.errors import Invalid

FILE_NAME = "glassbed.toml"
PREFIX = "GLASSBED_"
# The bridge's process reads these; it has no settings file and may share our environment.
OF_THE_BRIDGE = frozenset(
    {
        "GLASSBED_BRIDGE_HOME",
        "GLASSBED_LOCAL_SERVER",
        "GLASSBED_LOCAL_TOKEN",
        "GLASSBED_LOCAL_FINGERPRINT",
    }
)
SECRET_SIZE_BYTES = 32
HIGHEST_PORT = 65535
OTHERS_MODE = 0o077

TRUTH = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("must be text")
    return value


def _one_of(*choices: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return str(value)

    return read


def _yes_or_no(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() not in TRUTH:
        raise ValueError("must be true or false")
    return TRUTH[str(value).lower()]


def _count(value: Any) -> int:
    if not str(value).isdecimal():
        raise ValueError("must be a whole number")
    return int(value)


def _positive(value: Any) -> int:
    if (number := _count(value)) == 0:
        raise ValueError("must be at least 1")
    return number


def _hops(value: Any) -> int:
    """`true` means one proxy; a number says how many stand in a row."""
    return _count(value) if str(value).isdecimal() else int(_yes_or_no(value))


def _path(value: Any) -> Path:
    return Path(_text(value)).expanduser()


def _listen(value: Any) -> str:
    host, port = split_address(_text(value))
    if not host or not 0 < port <= HIGHEST_PORT:
        raise ValueError("must be host:port, for example 127.0.0.1:8400")
    return _text(value)


def _url(*schemes: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        parts = urlsplit(_text(value))
        if parts.scheme not in schemes or not parts.netloc:
            raise ValueError(f"must start with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        return _text(value).rstrip("/")

    return read


def _origin(value: Any) -> str:
    """An address of a whole site: links, cookies and origins are made from it."""
    url = _url("http", "https")(value)
    parts = urlsplit(url)
    if parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("must be an address without a path, for example https://print.example.org")
    return url


def _mail_address(value: Any) -> str:
    if "@" not in _text(value):
        raise ValueError("must be a mail address")
    return _text(value)


def split_address(listen: str) -> tuple[str, int]:
    """`host:port` or `[v6]:port`; the port is 0 when there is none."""
    host, _, port = listen.rpartition(":")
    return host.strip("[]"), int(port) if port.isdecimal() else 0


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def default_home() -> Path:
    """Root's own folder is closed to the account that the database drops to, so root's data stands elsewhere."""
    return Path("/var/lib/glassbed") if os.geteuid() == 0 else Path("~/.local/share/glassbed").expanduser()


def setting(
    default: Any,
    doc: str,
    read: Callable[[Any], Any] = _text,
    *,
    shown_default: str = "",
    secret: bool = False,
) -> Any:
    """Declare a field of `Config`: `read` turns text or a TOML value into the field's type or raises TypeError, ValueError."""
    shown = shown_default or (
        "" if default is None else str(default).lower() if isinstance(default, bool) else str(default)
    )
    return dataclasses.field(
        default=default, metadata={"doc": doc, "read": read, "default": shown, "secret": secret}
    )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Every setting; `Config.load()` reads, checks and completes them."""

    home: Path = dataclasses.field(
        default_factory=default_home,
        metadata={
            "doc": "Data folder: database, files, secrets and this file; only from the environment.",
            "read": _path,
            "default": "~/.local/share/glassbed, for root /var/lib/glassbed",
            "secret": False,
        },
    )
    listen: str = setting("127.0.0.1:8400", "Address and port that the web server listens on.", _listen)
    public_url: str = setting(
        "",
        "Address that people and bridges use, as seen from outside.",
        _origin,
        shown_default="made from listen and tls",
    )
    database_url: str | None = setting(
        None,
        "PostgreSQL 15 or later to use in place of the embedded one.",
        _url("postgresql", "postgres"),
        shown_default="embedded",
        secret=True,
    )
    nats_url: str | None = setting(
        None,
        "NATS server to use in place of the embedded one.",
        _url("nats", "tls"),
        shown_default="embedded",
        secret=True,
    )
    tls: str = setting(
        "off",
        "Encryption by ourselves: off, local (own authority) or files (tls_cert and tls_key).",
        _one_of("off", "local", "files"),
    )
    tls_cert: Path | None = setting(  # noqa: RUF009 -- a field's declaration, as dataclasses.field is
        None, "Certificate chain in PEM, with tls = files.", _path
    )
    tls_key: Path | None = setting(  # noqa: RUF009 -- a field's declaration, as dataclasses.field is
        None, "Private key of the certificate in PEM, with tls = files.", _path
    )
    trusted_proxy: int = setting(
        0, "How many proxies stand before Glassbed and may name the client's address (true means 1).", _hops
    )
    signup: str = setting(
        "closed",
        "Whether anybody may sign up (open) or only people who come with an invitation to a printer (closed).",
        _one_of("open", "closed"),
    )
    smtp_url: str | None = setting(
        None,
        "Mail server, smtp://user:password@host:587 or smtps://…; without one mail is shown to the operator.",
        _url("smtp", "smtps"),
        secret=True,
    )
    mail_from: str | None = setting(None, "Sender of our mail; needed with smtp_url.", _mail_address)
    policy: str = setting("house", "Policy pack: the name of a shipped one or the path of a folder.")
    log_level: str = setting("info", "How much the log says.", _one_of("debug", "info", "warning", "error"))
    upload_limit_mb: int = setting(1024, "Largest file that may be uploaded, in MiB.", _positive)
    local_bridge: bool = setting(
        True, "Whether `glassbed run` also starts a bridge for printers on this network.", _yes_or_no
    )
    origin: Mapping[str, str] = dataclasses.field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> "Config":
        """Read and check all settings; raises `Invalid` with a sentence that names the setting and the way out."""
        named = _from_environment(os.environ if environ is None else environ)
        home = named.get("home", default_home()).absolute()
        stored = _from_file(home / FILE_NAME)
        origin = dict.fromkeys(stored, FILE_NAME) | dict.fromkeys(named, "environment")
        return _completed(cls(**{**stored, **named, "home": home, "origin": origin}))

    def environment(self) -> dict[str, str]:
        """The variables that make a child process load exactly these settings."""
        values = {field.name: getattr(self, field.name) for field in settings()}
        return {variable(name): _plain(value) for name, value in values.items() if value not in (None, "")}

    def secret(self, name: str) -> bytes:
        """The 32 random bytes of `secrets/<name>`, made at first use and on disk before this returns."""
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
            raise ValueError(f"{name!r} is no name of a secret")
        return _read_or_make_secret(self.home / "secrets" / name)


def settings() -> list["dataclasses.Field[Any]"]:
    """The declarations, in order: `name`, and `metadata` with doc, default, read and secret."""
    return [field for field in dataclasses.fields(Config) if "doc" in field.metadata]


def variable(name: str) -> str:
    return PREFIX + name.upper()


def shown(config: Config, field: "dataclasses.Field[Any]") -> str:
    """A value as a person may see it: a URL's password is hidden, and a token that stands in place of an account."""
    text = _plain(getattr(config, field.name))
    if not field.metadata["secret"] or not text:
        return text
    parts = urlsplit(text)
    account, at, host = parts.netloc.rpartition("@")
    name, colon, _ = account.partition(":")
    hidden = f"{name}:…" if colon else "…"
    return urlunsplit(parts._replace(netloc=f"{hidden if at else ''}{at}{host}", query=""))


def without_password(url: str) -> str:
    """The same URL for a process that signs in by another account."""
    parts = urlsplit(url)
    account, at, host = parts.netloc.rpartition("@")
    query = "&".join(pair for pair in parts.query.split("&") if "password=" not in pair)
    return urlunsplit(parts._replace(netloc=f"{account.partition(':')[0]}{at}{host}", query=query))


def _plain(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _nearest(name: str, known: list[str]) -> str:
    """Name the known one that was probably meant."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f" Did you mean {near[0]}?" if near else f" Known are: {', '.join(known)}."


def _read(field: "dataclasses.Field[Any]", value: Any, place: str) -> Any:
    try:
        return field.metadata["read"](value)
    except (TypeError, ValueError) as wrong:
        raise Invalid(f"{place} {wrong}.") from None


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """An empty variable counts as not set, as in most service files."""
    fields = {variable(field.name): field for field in settings()}
    given = {name: value for name, value in environ.items() if name.startswith(PREFIX) and value}
    for name in given.keys() - fields.keys() - OF_THE_BRIDGE:
        raise Invalid(f"There is no setting {name}.{_nearest(name, list(fields))}")
    values = {
        fields[name].name: _read(fields[name], value, name) for name, value in given.items() if name in fields
    }
    return {name: value.absolute() if isinstance(value, Path) else value for name, value in values.items()}


def _from_file(path: Path) -> dict[str, Any]:
    """A relative path in the file starts at the data folder."""
    try:
        mode, text = path.stat().st_mode, path.read_text("utf-8")
    except FileNotFoundError:
        return {}
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as wrong:
        raise Invalid(f"{path} is not valid TOML: {wrong}.") from None
    fields = {field.name: field for field in settings() if field.name != "home"}
    for name in given:
        if name == "home":
            raise Invalid(
                f"{path} can't say where it stands itself: set {variable('home')} in the environment."
            )
        if name not in fields:
            raise Invalid(f"There is no setting {name} ({path}).{_nearest(name, list(fields))}")
        if fields[name].metadata["secret"] and mode & OTHERS_MODE:
            raise Invalid(
                f"{path} holds {name}, which may contain a password, and others can read it: chmod 600 {path}"
            )
    values = {name: _read(fields[name], value, f"{name} in {path}") for name, value in given.items()}
    return {name: path.parent / value if isinstance(value, Path) else value for name, value in values.items()}


def _completed(config: Config) -> Config:
    """Check what settings mean together and fill in what follows from others."""
    host, port = split_address(config.listen)
    _check_tls(config, host)
    if config.smtp_url and not config.mail_from:
        raise Invalid(f"smtp_url needs a sender: set {variable('mail_from')}.")
    policy = config.policy
    if "/" in policy:
        policy = str((config.home / Path(policy).expanduser()).absolute())
    if config.public_url:
        return dataclasses.replace(config, policy=policy)
    if host in ("0.0.0.0", "::"):  # noqa: S104 -- compared with, not bound to
        raise Invalid(
            f"listen {config.listen} is every address: set {variable('public_url')} to the one that people use."
        )
    shown_host = f"[{host}]" if ":" in host else host
    scheme = "http" if config.tls == "off" else "https"
    return dataclasses.replace(config, policy=policy, public_url=f"{scheme}://{shown_host}:{port}")


def _check_tls(config: Config, host: str) -> None:
    files = {"tls_cert": config.tls_cert, "tls_key": config.tls_key}
    for name, path in files.items():
        if config.tls == "files" and (path is None or not path.is_file()):
            raise Invalid(f"tls = files needs {variable(name)}: the path of a readable PEM file.")
        if config.tls != "files" and path is not None:
            raise Invalid(f"{name} is set, but tls is {config.tls}: set {variable('tls')}=files to use it.")
    if config.tls == "off" and not config.trusted_proxy and not is_loopback(host):
        raise Invalid(
            f"listen {config.listen} can be reached by others, and nothing encrypts it. Set {variable('tls')}=local"
            f" (own authority) or files (your certificate), or {variable('trusted_proxy')}=1 if a proxy with TLS"
            " stands before Glassbed, or listen on 127.0.0.1."
        )


def _read_or_make_secret(path: Path) -> bytes:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        _make_secret(path)
    if path.stat().st_mode & OTHERS_MODE:
        raise Invalid(
            f"Others can read the secret {path}: chmod 600 {path}, and replace it if they may have."
        )
    try:
        value = bytes.fromhex(path.read_text("ascii"))
    except ValueError:
        value = b""
    if len(value) != SECRET_SIZE_BYTES:
        raise Invalid(
            f"The secret {path} is damaged: it must hold 64 hexadecimal digits. Restore it from your backup."
        )
    return value


def _make_secret(path: Path) -> None:
    """Write aside and link: two processes that come first at once agree on one value."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_hex(SECRET_SIZE_BYTES))
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
