"""What must hold of activities: what they use, on which grounds, under which purposes of the program."""

from collections.abc import Iterator

from glassbed.policy import rulebook
from glassbed.policy.program import PURPOSES
from glassbed.policy.vocabulary import Activity, Ground, Pack

Found = Iterator[tuple[tuple[str, ...], str]]

ASKING = frozenset({"consent", "legitimate_interest"})

SPECIAL = {
    "biometric": frozenset({"consent", "legal_obligation", "vital_interest", "public_task"}),
    "health": frozenset({"consent", "legal_obligation", "vital_interest", "public_task"}),
    "criminal": frozenset({"legal_obligation", "public_task"}),
}
"""Special data → the bases that it may rest on: Art. 9(2) and 10 GDPR know no contract and no legitimate interest."""


def faults(pack: Pack) -> Found:
    yield from _purposes(pack)
    for key, activity in pack.activities.items():
        yield from _uses(pack, key, activity)
        yield from _grounds(key, activity)
        yield from _categories_grounds(pack, key, activity)
        yield from _automation(key, activity)


def _purposes(pack: Pack) -> Found:
    under: dict[str, str] = {}
    for key, activity in pack.activities.items():
        where = ("activities", key, "purposes")
        for purpose in activity.purposes:
            if purpose not in PURPOSES:
                yield where, f"{purpose!r} is no purpose of the program: {', '.join(PURPOSES)}"
            elif purpose in under:
                yield where, f"{purpose!r} runs under {under[purpose]!r} too: one activity has it"
            under[purpose] = key
    categories = rulebook.category_of(pack)
    for purpose, kinds in rulebook.missing(pack).items():
        needed = ", ".join(sorted({categories.get(kind, kind) for kind in kinds}))
        yield (
            ("activities", under[purpose], "categories"),
            f"purpose {purpose!r} needs {needed}: list it, or take the purpose off this activity",
        )


def _uses(pack: Pack, key: str, activity: Activity) -> Found:
    where = ("activities", key)
    for category in activity.categories.keys() - pack.categories.keys():
        yield (*where, "categories", category), f"{category!r} is no category of this pack"
    for category, use in activity.categories.items():
        if not use.origin:
            yield (*where, "categories", category), f"where does {category!r} come from? Name its 'origin'"
    for party in sorted(set(activity.recipients) - pack.parties.keys()):
        yield (*where, "recipients"), f"{party!r} is no party of this pack"
    for measure in sorted(set(activity.measures) - pack.measures.keys()):
        yield (*where, "measures"), f"{measure!r} is no measure of this pack: describe it under 'measures'"


def _grounds(key: str, activity: Activity) -> Found:
    where = ("activities", key, "grounds")
    if not activity.grounds:
        yield where, f"activity {key!r} has no legal basis"
    for ground in activity.grounds:
        for category in sorted(set(ground.categories) - activity.categories.keys()):
            yield where, f"a ground of {key!r} names {category!r}, which the activity does not use"
        yield from _reasons(where, key, ground)
    if (
        len(
            {rulebook.asked_for(activity, category) for category in activity.categories}
            & {"consent", "objection"}
        )
        > 1
    ):
        yield (
            where,
            f"{key!r} asks for consent and for objection: split it in two, each with a choice of its own",
        )


def _reasons(where: tuple[str, ...], key: str, ground: Ground) -> Found:
    if ground.basis == "legitimate_interest" and not ground.balancing:
        yield where, f"activity {key!r} rests on a legitimate interest: add its 'balancing' test"
    if ground.basis == "legal_obligation" and not ground.law:
        yield where, f"activity {key!r} rests on a legal obligation: cite it under 'law'"


def _categories_grounds(pack: Pack, key: str, activity: Activity) -> Found:
    where = ("activities", key, "grounds")
    for name in activity.categories:
        grounds = rulebook.grounds_of(activity, name)
        if not grounds:
            yield where, f"no ground of {key!r} is for {name!r}: name it, or add one without a list"
        if len([ground for ground in grounds if ground.when is None]) > 1:
            yield (
                where,
                f"{name!r} has several grounds in {key!r}: say 'when' each holds, or which categories it is for",
            )
        category = pack.categories.get(name)
        if category and category.special:
            for ground in grounds:
                if ground.basis not in SPECIAL[category.special]:
                    yield (
                        where,
                        f"{name!r} is {category.special} data, which can't rest on {ground.basis} (Art. 9, 10 GDPR)",
                    )


def _automation(key: str, activity: Activity) -> Found:
    if activity.automation != "none" and not activity.logic:
        yield (
            ("activities", key),
            f"{key!r} ends in {activity.automation}: say under 'logic' how it comes about",
        )
    if activity.automation == "none" and activity.logic:
        yield (
            ("activities", key, "logic"),
            f"{key!r} has a logic and no automation: say 'profiling' or 'decision'",
        )
