"""Prints the book of promises: kept, in part, or not yet, from tests that ran and passed.

Reads what `make test` wrote to .cache/promises.jsonl. A promise is kept when every test that carries it passed
and none of them says that a part is missing.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
BOOK = ROOT / "docs" / "promises.yaml"
RESULTS = ROOT / ".cache" / "promises.jsonl"


def standing(results: list[dict]) -> tuple[str, str]:
    """Return kept, part, failed or not, and what is to be said with it."""
    if not results:
        return "not", ""
    if failed := [r["test"] for r in results if r["outcome"] != "passed"]:
        return "failed", failed[0]
    parts = sorted({r["part"] for r in results if r["part"]})
    whole = any(not r["part"] for r in results)
    return ("kept", "") if whole and not parts else ("part", "; ".join(parts))


def main() -> int:
    book = yaml.safe_load(BOOK.read_text(encoding="utf-8"))
    by_id: dict[str, list[dict]] = defaultdict(list)
    latest: dict[tuple, dict] = {}  # a test that was tried again counts as it ended
    if RESULTS.exists():
        for line in RESULTS.read_text(encoding="utf-8").splitlines():
            result = json.loads(line)
            latest[result["id"], result["test"], result["part"]] = result
    for result in latest.values():
        by_id[result["id"]].append(result)
    counts: dict[str, int] = defaultdict(int)
    for key, row in book.items():
        state, remark = standing(by_id[key])
        counts[state] += 1
        says = " ".join(row["says"].split())
        print(f"{state:<6} {key}  {says[:90]}{f'  [{remark}]' if remark else ''}")
    print(", ".join(f"{counts[s]} {s}" for s in ("kept", "part", "not", "failed")))
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
