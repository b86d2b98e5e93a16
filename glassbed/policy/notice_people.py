"""The notice on the rest: rights, ages, the browser, the log, who may look, and the parts of the product."""

from glassbed.policy import periods, rights_matrix, terms
from glassbed.policy.notice_data import activity_links
from glassbed.policy.statements import Reader, Section, Statement, Value, fact, identifier
from glassbed.policy.terms import gettext_noop as _


def rights(reader: Reader) -> Section:
    return Section(
        "rights",
        reader.say(_("Your rights")),
        reader.say(_("Using them costs nothing.")),
        tuple(_right(reader, key) for key in reader.pack.rights),
    )


def _right(reader: Reader, key: str) -> Statement:
    entry, say = reader.pack.rights[key], reader.say
    holds = [k for k, a in reader.pack.activities.items() if entry.article in rights_matrix.articles(a)]
    everywhere = len(holds) == len(reader.pack.activities)
    how = _("Yourself, when you are signed in.") if entry.self_service else _("Ask, and somebody answers.")
    refusals = [_refusal(reader, term) for term in entry.refusals]
    facts = [
        fact(say(_("Article")), [reader.told(_("Art. {article} GDPR"), article=entry.article)]),
        fact(say(_("How")), [say(how), say(terms.IDENTITY[entry.identity])]),
        fact(say(_("Answered within")), _deadline(reader, key)),
        fact(say(_("Again after")), [reader.days(entry.repeat_days)] if entry.repeat_days else []),
        fact(say(_("Can be refused if")), refusals),
        fact(say(_("Holds for")), [say(_("Everything"))] if everywhere else activity_links(reader, holds)),
    ]
    return reader.statement(("rights", key), entry, entry.says, facts)


def _refusal(reader: Reader, term: str) -> str:
    name = term.partition(":")[2]
    return reader.say(terms.REFUSAL.get(name) or name)


def _deadline(reader: Reader, key: str) -> list[str]:
    entry = reader.pack.rights[key]
    if not entry.months:
        return [reader.say(_("At once"))]
    more = reader.told(
        _("If it is complex, {period} more; you hear why."), period=reader.months(entry.extension_months)
    )
    return [reader.months(entry.months), *([more] if entry.extension_months else [])]


def ages(reader: Reader) -> Section:
    entry, say = reader.pack.ages, reader.say
    facts = [
        fact(
            say(_("Age")), [reader.told(_("Your country's; where it sets none: {age}."), age=entry.fallback)]
        ),
        fact(say(_("Below it")), [say(terms.BELOW_AGE[entry.below])]),
        fact(say(_("Held at most")), [reader.days(entry.freeze_days)]),
    ]
    made = reader.statement(("ages",), entry, entry.says, facts, title=say(_("Children")))
    return Section("children", say(_("Children")), "", (made,))


def public(reader: Reader) -> Section:
    made = tuple(
        Statement(identifier("public", key), text, "", place=("public", key))
        for key, text in reader.pack.public.items()
    )
    lead = _("Anybody can see this:") if made else _("Nothing of yours is shown to everybody.")
    return Section("public", reader.say(_("What is public")), reader.say(lead), made)


# -- the browser -------------------------------------------------------------------------------------------


def storage(reader: Reader) -> Section:
    return Section(
        "cookies",
        reader.say(_("Cookies and storage")),
        reader.say(
            _(
                "This is all that is kept in your browser. No page loads anything from elsewhere, and none has a pixel."
            )
        ),
        tuple(_storage(reader, key) for key in reader.pack.storage),
    )


def _storage(reader: Reader, key: str) -> Statement:
    entry, say = reader.pack.storage[key], reader.say
    choice = reader.pack.choices.get(entry.choice or "")
    waits = [Value(choice.title, to=identifier("choices", entry.choice or ""))] if choice else []
    facts = [
        fact(say(_("Kind")), [say(terms.STORAGE[entry.kind])]),
        fact(say(_("Grade")), [say(terms.GRADE[entry.grade])]),
        fact(say(_("Holds")), [entry.holds]),
        fact(say(_("Lifetime")), [reader.days(entry.lifetime_days)]),
        fact(say(_("Domain")), [Value(reader.site, is_code=True)]),
        fact(say(_("Waits for your yes to")), waits),
    ]
    return reader.statement(("storage", key), entry, entry.says, facts, title=key)


def signals(reader: Reader) -> Section:
    return Section(
        "signals",
        reader.say(_("Signals of your browser")),
        "",
        tuple(_signal(reader, key) for key in terms.SIGNAL),
    )


def _signal(reader: Reader, key: str) -> Statement:
    say = reader.say
    stops = [
        Value(choice.title, to=identifier("choices", name))
        for name, choice in reader.pack.choices.items()
        if key in choice.signals
    ]
    if not reader.pack.signals.get(key):  # type: ignore[call-overload]  # a key that the pack does not name is off
        text = _("Not honoured. Make your choices here instead.")
    elif stops:
        text = _("Honoured. It counts as your no.")
    else:
        text = _("Honoured. Nothing here would be stopped by it.")
    found = fact(say(_("Counts as no to")), stops)
    facts = (found,) if found and reader.pack.signals.get(key) else ()  # type: ignore[call-overload]  # as above
    return Statement(identifier("signals", key), say(terms.SIGNAL[key]), say(text), facts, ("signals", key))


# -- who looks ---------------------------------------------------------------------------------------------


def log(reader: Reader) -> Section:
    entry, say = reader.pack.log, reader.say
    days = entry.truncate_addresses_after_days
    if "address" not in entry.fields:
        addresses = say(_("Addresses of networks are not written."))
    elif days:
        addresses = reader.told(_("They lose their last part after {period}."), period=reader.days(days))
    else:
        addresses = say(_("They are written without their last part."))
    facts = [
        fact(say(_("Fields")), [Value(text, key) for key, text in entry.fields.items()]),
        fact(say(_("Kept for")), [reader.days(entry.keep_days)]),
        fact(say(_("Addresses of networks")), [addresses]),
    ]
    text = say(_("To find faults and attacks. A line holds these fields and no other."))
    made = reader.statement(("log",), entry, text, facts, title=say(_("A line of the log")))
    return Section("logging", say(_("The log")), "", (made,))


def measures(reader: Reader) -> Section:
    made = tuple(
        Statement(identifier("measures", key), text, "", place=("measures", key))
        for key, text in reader.pack.measures.items()
    )
    return Section("measures", reader.say(_("How it is protected")), "", made)


def staff(reader: Reader) -> Section:
    entry, say = reader.pack.staff, reader.say
    facts = [
        fact(say(_("Reasons")), list(entry.reasons.values())),
        fact(say(_("At most")), [reader.told(_("{minutes} minutes"), minutes=entry.minutes)]),
        fact(say(_("Reviewed within")), [reader.days(entry.review_days)]),
    ]
    made = reader.statement(("staff",), entry, entry.says, facts, title=say(_("A look by staff")))
    return Section("looks", say(_("Who may look")), "", (made,))


def incidents(reader: Reader) -> Section:
    entry, say = reader.pack.incident, reader.say
    hours = _("{hours} hours")
    facts = [
        fact(say(_("The authority hears of it within")), [reader.told(hours, hours=entry.authority_hours)]),
        fact(say(_("You hear of it within")), [reader.told(hours, hours=entry.people_hours)]),
    ]
    text = say(_("If data got lost or into wrong hands, these clocks run from the moment that we know."))
    made = reader.statement(("incident",), entry, text, facts, title=say(_("After a breach")))
    return Section("incidents", say(_("If something goes wrong")), "", (made,))


# -- the product and its policy ----------------------------------------------------------------------------


def features(reader: Reader) -> Section:
    return Section(
        "features",
        reader.say(_("Parts of the product")),
        reader.say(_("Each says what it does with data. A part without a statement does not start.")),
        tuple(_feature(reader, key) for key in reader.pack.features),
    )


def _feature(reader: Reader, key: str) -> Statement:
    entry, say = reader.pack.features[key], reader.say
    state = _("On") if entry.on else _("Off")
    facts = [
        fact(say(_("State")), [say(state)]),
        fact(say(_("Activities")), activity_links(reader, list(entry.activities))),
    ]
    return reader.statement(("features", key), entry, entry.says, facts)


def regions(reader: Reader) -> Section:
    made = tuple(
        reader.statement(
            ("regions", key),
            entry,
            entry.because,
            [fact(reader.say(_("Countries")), [reader.country(code) for code in entry.countries])],
            title=key,
        )
        for key, entry in reader.pack.regions.items()
    )
    lead = _("Here something else holds:") if made else _("The same holds everywhere.")
    return Section("regions", reader.say(_("Regions")), reader.say(lead), made)


def version(reader: Reader, digest: str) -> Section:
    pack, say = reader.pack, reader.say
    document = pack.document
    made = Statement(
        "version-now",
        f"{pack.title}, {pack.version}",
        say(_("This version is in force. The database enforces it.")),
        tuple(
            found
            for found in (
                fact(say(_("For new people since")), [pack.effective.new_people]),
                fact(say(_("For everybody since")), [pack.effective.existing_people]),
                fact(say(_("Document")), [document.title, document.version] if document else []),
                fact(say(_("Dated")), [document.dated] if document and document.dated else []),
                fact(say(_("Digest")), [Value(digest, is_code=True)]),
            )
            if found
        ),
        ("version",),
    )
    return Section("version", say(_("Version")), "", (made,))


def key_terms(reader: Reader) -> Section:
    """The frame's words; the pack's own are its categories."""
    made = tuple(
        Statement(f"term-{key}", reader.say(name), reader.say(text))
        for key, (name, text) in terms.KEY_TERMS.items()
    )
    return Section("terms", reader.say(_("Key terms")), "", made)


def short(reader: Reader) -> Section:
    """The summary, as the pack says it."""
    say = reader.say
    text = periods.filled(reader.pack.summary, reader.pack, reader.language)
    made = Statement("short-version", reader.pack.title, text, place=("summary",))
    return Section("short", say(_("The short version")), "", (made,))
