"""What consent costs a sum over everybody: a million prints of 50,000 people, a third of whom agreed.

Under the purpose's role against the same query by the deploy login, the two alternating; the same for an objection of
few. Then ten thousand withdraw at once, and how long that takes until none of them is in a sum that starts afterwards.
"""

import statistics
import time
from typing import Any

import msgspec

from bench import people
from bench.instance import instance

PEOPLE, PRINTS, ROUNDS = 50_000, 1_000_000, 15
SUM = "SELECT count(*), sum(duration_s) FROM jobs_print"
DECIDE = (
    "INSERT INTO trust_decision (id, person_id, choice, activity, open, by, at, policy, digest, language, words) "
    "SELECT gen_random_uuid(), id, 'statistics', 'statistics', %s, 'person', clock_timestamp(), '', '', 'en', '' "
    "FROM accounts_person WHERE id <= %s"
)


def timed(run: Any) -> tuple[float, Any]:
    started = time.perf_counter()
    found = run()
    return time.perf_counter() - started, found


def main() -> dict[str, float]:
    with instance():
        from django.conf import settings
        from django.db import connections

        from glassbed.foundation import apply
        from glassbed.foundation.bindings import bindings
        from glassbed.foundation.purpose import purpose
        from glassbed.policy.vocabulary import Ground

        people.fill(PEOPLE, PRINTS)

        def ours() -> Any:
            with purpose("statistics"), connections["default"].cursor() as cursor:
                cursor.execute(SUM)
                return cursor.fetchone()

        ratios = {}
        print(f"Consent: {PRINTS:,} prints of {PEOPLE:,} people, medians of {ROUNDS} alternating rounds")
        with people.owner() as bare:

            def compare(name: str) -> None:
                pairs = [
                    (timed(lambda: bare.execute(SUM).fetchone())[0], timed(ours)[0]) for _ in range(ROUNDS)
                ]
                base, cost = (statistics.median(column) for column in zip(*pairs, strict=True))
                ratios[name] = cost / base
                print(f"  {name:<22}{base * 1e3:>7.0f} ms{cost * 1e3:>7.0f} ms{cost / base:>8.2f}")

            bare.execute(DECIDE, [False, people.person(50)])
            bare.execute("VACUUM ANALYZE")
            compare("50 objected")
            pack = settings.GLASSBED_PACK
            activity = msgspec.structs.replace(
                pack.activities["statistics"],
                grounds=(
                    Ground(basis="consent", categories=("print",)),
                    pack.activities["statistics"].grounds[1],
                ),
            )
            asks = msgspec.structs.replace(pack, activities={**pack.activities, "statistics": activity})
            spent, _ = timed(
                lambda: apply.apply(
                    bare, asks, bindings(), settings.GLASSBED_ROLES, settings.GLASSBED_CONTEXT_SECRET
                )
            )
            print(f"  applying another pack to all of it: {spent:.2f} s")
            bare.execute(DECIDE, [True, people.person(PEOPLE // 3)])
            bare.execute("VACUUM ANALYZE")
            compare("a third consented")
            spent, _ = timed(lambda: bare.execute(DECIDE, [False, people.person(10_000)]))
            left, _duration = ours()
            expected = PRINTS // PEOPLE * (PEOPLE // 3 - 10_000)
            assert left == expected, (left, expected)
            print(f"  10,000 withdraw at once in {spent:.2f} s; the next sum has none of them")
        return ratios


if __name__ == "__main__":
    main()
