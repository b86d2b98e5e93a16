"""What a purpose costs: the product's own queries in their purpose, and the same ones without roles and row policies.

A transaction a query, as a page has it, through the ORM as a page has it. The two alternate, so that noise hits
both. Beside it the bare SQL of the point read, where the fixed cost of a purpose stands out most.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

from bench import people
from bench.instance import instance

PEOPLE, PRINTS, ROUNDS = 2_000, 200_000, 800
LIST, PAGE = 50, 30


def timed(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def main() -> dict[str, float]:
    with instance():
        from django.conf import settings
        from django.db import connections, transaction

        from glassbed.features.jobs import queries as jobs
        from glassbed.features.jobs.models import Print
        from glassbed.foundation.purpose import purpose

        people.fill(PEOPLE, PRINTS)
        person, print_id = people.person(7), people.print_of(6)
        connections.databases["bare"] = {
            **settings.DATABASES["default"],
            "USER": settings.INSTANCE.deploy_dsn["user"],
            "PASSWORD": settings.INSTANCE.deploy_dsn["password"],
        }

        def raw(alias: str) -> Any:
            with connections[alias].cursor() as cursor:
                cursor.execute("SELECT * FROM jobs_print WHERE id = %s", [print_id])
                return cursor.fetchall()

        mine = Print.objects.using("bare").filter(person=person)
        cases: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
            "point read": (
                lambda: [jobs.print_(print_id)],
                lambda: [
                    Print.objects.using("bare").select_related("printer", "file").filter(pk=print_id).first()
                ],
            ),
            f"list of {LIST}": (
                lambda: list(Print.objects.order_by("-created_at")[:LIST]),
                lambda: list(mine.order_by("-created_at")[:LIST]),
            ),
            "history page": (
                lambda: list(jobs.history()[:PAGE]),
                lambda: list(jobs.history().using("bare").filter(person=person)[:PAGE]),
            ),
            "point, bare SQL": (lambda: raw("default"), lambda: raw("bare")),
        }

        def with_purpose(query: Callable[[], Any]) -> Any:
            with purpose("printing", person=person):
                return query()

        def without(query: Callable[[], Any]) -> Any:
            with transaction.atomic("bare"):
                return query()

        ratios = {}
        print(f"Purpose cost: {PEOPLE:,} people, {PRINTS:,} prints, medians of {ROUNDS:,} alternating rounds")
        print(f"  {'query':<16}{'without':>10}{'with':>10}{'ratio':>8}")
        for name, (ours, bare) in cases.items():
            assert len(with_purpose(ours)) == len(without(bare)) > 0
            pairs = [(timed(lambda: without(bare)), timed(lambda: with_purpose(ours))) for _ in range(ROUNDS)]  # noqa: B023 -- called at once
            base, cost = (statistics.median(column) for column in zip(*pairs, strict=True))
            ratios[name] = cost / base
            print(f"  {name:<16}{base * 1e6:>7.0f} µs{cost * 1e6:>7.0f} µs{cost / base:>8.2f}")
        return ratios


if __name__ == "__main__":
    main()
