"""What must hold of what people meet: choices, rights, storage of their browser, staff, and who may look."""

from collections.abc import Iterator

from glassbed.policy import rights_matrix, rulebook
from glassbed.policy.vocabulary import Choice, Pack, Right

Found = Iterator[tuple[tuple[str, ...], str]]

ALWAYS = ("15", "16", "17", "18", "20", "21", "22", "77")
"""Articles of the GDPR that a pack answers whatever its grounds. The notice fulfils 12 to 14, the gate's record 19."""

MONTHS, EXTENSION_MONTHS = 1, 2
"""Art. 12(3) GDPR."""


def faults(pack: Pack) -> Found:
    for check in (_choices, _rights, _storage, _features, _staff):
        yield from check(pack)


def _choices(pack: Pack) -> Found:
    chosen: dict[str, str] = {}
    for key, choice in pack.choices.items():
        where = ("choices", key)
        if choice.activity not in pack.activities:
            yield where, f"{choice.activity!r} is no activity of this pack"
        elif choice.activity in chosen:
            yield (
                where,
                f"{chosen[choice.activity]!r} asks for {choice.activity!r} already: one choice an activity",
            )
        else:
            yield from _choice(pack, where, choice)
        chosen[choice.activity] = key
    for key, activity in pack.activities.items():
        if rulebook.asks(activity) and key not in chosen:
            yield (
                ("activities", key),
                f"activity {key!r} rests on consent or legitimate interest: add a choice for it",
            )


def _choice(pack: Pack, where: tuple[str, ...], choice: Choice) -> Found:
    asked = rulebook.asks(pack.activities[choice.activity])
    if asked is None:
        yield where, f"activity {choice.activity!r} asks nobody: its grounds need no consent and no objection"
    if asked == "objection" and choice.valid_days:
        yield (
            (*where, "valid_days"),
            "only a consent runs out; an objection holds until it is taken back: drop it",
        )
    for signal in choice.signals:
        if not pack.signals.get(signal):
            yield (
                (*where, "signals"),
                f"{signal!r} counts as no here, and is off under 'signals': turn it on, or drop it",
            )


def _rights(pack: Pack) -> Found:
    answered = {right.article for right in pack.rights.values()}
    needed = dict.fromkeys(ALWAYS, "for every activity")
    for key, activity in pack.activities.items():
        needed = dict.fromkeys(rights_matrix.articles(activity), f"for {key!r}") | needed
    for article in sorted(needed.keys() - answered - rights_matrix.INFORMED):
        yield (
            ("rights",),
            f"no right answers Art. {article} GDPR, {needed[article]}: add it, or name it under 'silent'",
        )
    for key, right in pack.rights.items():
        yield from _right(("rights", key), right)


def _right(where: tuple[str, ...], right: Right) -> Found:
    if not right.months and not right.self_service:
        yield (*where, "months"), "a right that somebody has to answer needs a deadline: add 'months'"
    if right.months > MONTHS or right.extension_months > EXTENSION_MONTHS:
        yield where, "Art. 12(3) GDPR gives one month, and two more where it is complex: shorten it"
    if right.identity != "session" and not right.refusals:
        yield where, "who has to prove who they are can be refused: name the reasons under 'refusals'"
    for term in right.refusals:
        if not term.startswith("justifications:"):
            yield (*where, "refusals"), f"{term!r} is no reason to refuse: take a term of 'justifications:'"


def _storage(pack: Pack) -> Found:
    for key, storage in pack.storage.items():
        where = ("storage", key)
        if storage.choice is None:
            if storage.grade != "necessary":
                yield where, f"{key!r} is not necessary: name under 'choice' the consent that it waits for"
        elif storage.choice not in pack.choices:
            yield (*where, "choice"), f"{storage.choice!r} is no choice of this pack"
        elif storage.grade == "necessary":
            yield (
                (*where, "choice"),
                f"what is necessary waits for no choice: drop it, or grade {key!r} otherwise",
            )
        else:
            activity = pack.activities.get(pack.choices[storage.choice].activity)
            if activity and rulebook.asks(activity) != "consent":
                yield (
                    (*where, "choice"),
                    f"choice {storage.choice!r} is no consent, which a browser's storage needs",
                )


def _features(pack: Pack) -> Found:
    for key, feature in pack.features.items():
        for activity in sorted(set(feature.activities) - pack.activities.keys()):
            yield ("features", key, "activities"), f"{activity!r} is no activity of this pack"


def _staff(pack: Pack) -> Found:
    if not pack.staff.reasons:
        yield (
            ("staff", "reasons"),
            "nobody may look without a reason: name the reasons, or at least the law's",
        )
