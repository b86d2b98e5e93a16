"""What the program itself does with personal data, whatever the pack: its kinds of data and its purposes."""

from pathlib import Path

import msgspec
import yaml

from glassbed.policy.vocabulary import Key, Purpose, Sentence

FILE = Path(__file__).with_name("purposes.yaml")


class Program(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """purposes.yaml, whole."""

    kinds: dict[Key, Sentence]
    ways: dict[Key, tuple[Key, ...]]
    purposes: dict[Key, Purpose]


def _load() -> Program:
    program = msgspec.convert(yaml.safe_load(FILE.read_text(encoding="utf-8")), Program)
    for name, purpose in program.purposes.items():
        if unknown := set(purpose.touches) - program.kinds.keys():
            raise ValueError(f"{FILE.name}: {name} touches {', '.join(unknown)}, which is no kind of data")
        if len(set(purpose.touches)) < len(purpose.touches):
            raise ValueError(f"{FILE.name}: {name} lists a kind twice: writing includes reading and adding")
        if (purpose.reach == "everyone") != (purpose.because is not None):
            raise ValueError(f"{FILE.name}: {name}: 'because' says why a purpose reaches everyone")
    return program


_program = _load()
KINDS = _program.kinds
WAYS = _program.ways
PURPOSES = _program.purposes
