"""`glassbed policy check [PACK]`: reads a pack and says file, line and mend for each fault."""

import argparse

from glassbed.policy import pack


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="glassbed policy", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    checking = commands.add_parser("check", help="check a shipped pack, or one in a folder")
    checking.add_argument("pack", nargs="?", default="house")
    arguments = parser.parse_args(argv)
    try:
        found = pack.load(pack.find(arguments.pack))
    except pack.PackRefused as refusal:
        print(refusal)
        return 1
    print(
        f"{found.pack} {found.version}: {len(found.categories)} categories, {len(found.purposes)} purposes, sound."
    )
    return 0
