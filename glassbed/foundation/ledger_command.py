"""`glassbed ledger verify [HEAD ...]` and `glassbed ledger head`."""

import argparse

from glassbed.foundation.setup import setup_django


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="glassbed ledger", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("head", help="print the last link, to be written down elsewhere")
    verifying = commands.add_parser("verify", help="find a changed or missing entry")
    verifying.add_argument("head", nargs="*", help="heads that were written down before, SEQ:HEX")
    arguments = parser.parse_args(argv)
    setup_django("worker")
    from glassbed.foundation import ledger
    from glassbed.foundation.purpose import purpose

    with purpose("accountability"):
        if arguments.command == "head":
            print(ledger.head())
            return 0
        known = [ledger.Head(int(seq), chain) for seq, _, chain in (h.partition(":") for h in arguments.head)]
        verdict = ledger.verify(known)
    for fault in verdict.faults:
        print(fault)
    state = "BROKEN" if verdict.faults else "whole"
    print(
        f"The ledger is {state}: {verdict.head.seq} entries, {verdict.erased} of them erased. Head {verdict.head}"
    )
    return 1 if verdict.faults else 0
