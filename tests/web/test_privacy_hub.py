"""The pages of the privacy hub and the well-known addresses, as browsers and programs get them."""

import csv
import dataclasses
import html
import json
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from io import BytesIO, StringIO
from pathlib import Path
from xml.etree import ElementTree as ET
from zipfile import ZipFile

import msgspec
import people
import pytest
from django.conf import settings
from django.test import override_settings
from django.urls import reverse
from django.utils.translation.trans_real import translation

from glassbed.features.trust import hub
from glassbed.features.trust.spreadsheet import workbook
from glassbed.foundation import purpose
from glassbed.policy import pack, terms
from glassbed.policy.notice import notice as make_notice
from glassbed.policy.notice_parties import abroad
from glassbed.policy.record import record
from glassbed.policy.statements import Reader
from glassbed.web.checks import patterns

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("servers")]

ROOT = Path(__file__).resolve().parents[2]
PACKS = sorted(file.parent.name for file in pack.SHIPPED.glob("*/policy.yaml"))
PAGES = (
    *("privacy", "privacy_notice", "privacy_terms", "privacy_cookies", "privacy_recipients"),
    *("privacy_transfers", "privacy_versions", "privacy_record"),
)
ENTRIES = {
    "privacy_feature": "features",
    "privacy_activity": "activities",
    "privacy_activity_text": "activities",
}
LANGUAGES = ("en", "de", "zh-hans")


@pytest.fixture(params=PACKS)
def shipped(request):
    """The site under each pack that is shipped: these pages ask the database nothing about people."""
    with under(request.param) as found:
        yield found


class under(override_settings):  # noqa: N801 -- read as a word: with under("house")
    def __init__(self, name, **changed):
        self.pack = pack.load(pack.find(name))
        config = dataclasses.replace(settings.GLASSBED, policy=name, **changed)
        super().__init__(GLASSBED_PACK=self.pack, GLASSBED=config)

    def __enter__(self):
        super().__enter__()
        return self.pack


def get(name, *arguments, language="en"):
    return people.visitor().get(reverse(name, args=arguments), headers={"Accept-Language": language})


def text(response):
    assert response.status_code == 200
    return response.content.decode()


class Links(HTMLParser):
    """The links and the ids of a page."""

    def __init__(self, page):
        super().__init__()
        self.links, self.ids = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        if "id" in named:
            self.ids.append(named["id"])
        if tag == "a":
            self.links.append(named)


def addresses(found):
    for name in PAGES:
        yield reverse(name)
    for name, section in ENTRIES.items():
        if not name.endswith("_text"):
            for key in getattr(found, section):
                yield reverse(name, args=[key])


def test_the_notice_speaks_the_readers_language():
    assert "Was gespeichert wird" in text(get("privacy_notice", language="de"))
    assert "保存" in text(get("privacy_notice", language="zh-hans"))


def words_of_the_frame():
    """Every word that the frame can say, and every one that it says of the packs that are shipped."""
    said = set()

    def say(text):
        said.add(text)
        return text

    for name in PACKS:
        reader = Reader(pack.load(pack.find(name)), say=say)
        make_notice(reader)
        record(reader, "")
    tables = [value for value in vars(terms).values() if isinstance(value, dict) and "__name__" not in value]
    for entry in (entry for table in tables for entry in table.values()):
        said |= {entry} if isinstance(entry, str) else set(entry)
    return said


@pytest.mark.parametrize("language", ["de", "zh-hans"])
def test_every_word_of_the_frame_is_translated(language):
    said = words_of_the_frame()
    known = translation(language)._catalog
    assert len(said) > 250
    assert {text for text in said if text not in known} == set()


@pytest.mark.promise("BL-01")
def test_the_hub_leads_to_every_part_and_all_of_them_answer_in_each_language(shipped):
    whole = Links(text(get("privacy")))
    led = {link["href"].partition("#")[0] for link in whole.links}
    assert {reverse(name) for name in PAGES} <= led
    assert {reverse("privacy_feature", args=[key]) for key in shipped.features} <= led
    for language in LANGUAGES:
        for address in addresses(shipped):
            response = people.visitor().get(address, headers={"Accept-Language": language})
            assert response.status_code == 200, address
            assert response["Content-Language"] == language


def test_no_link_and_no_id_of_a_page_is_broken(shipped):
    known = Links(text(get("privacy_notice"))).ids
    for address in addresses(shipped):
        page = Links(people.visitor().get(address).content.decode())
        assert len(page.ids) == len(set(page.ids)), address
        for link in page.links:
            path, _, place = link["href"].partition("#")
            if path in {"", reverse("privacy_notice")} and place:
                assert place in (page.ids if not path else known), (address, link["href"])


def test_an_entry_that_there_is_not_is_not_found():
    for name in ("privacy_feature", "privacy_activity", "privacy_activity_text", "privacy_safeguards"):
        assert get(name, "nothing_like_it").status_code == 404


@pytest.mark.promise("BL-18")
def test_an_activity_is_shown_and_downloaded_with_its_balancing_test(shipped):
    weighed = [
        (key, ground.balancing)
        for key, activity in shipped.activities.items()
        for ground in activity.grounds
        if ground.balancing
    ]
    hub_links = {link["href"] for link in Links(text(get("privacy"))).links}
    for key, balancing in weighed:
        assert reverse("privacy_activity", args=[key]) in hub_links
        assert balancing in unescaped(text(get("privacy_activity", key)))
        download = get("privacy_activity_text", key)
        assert balancing in text(download)
        assert download["Content-Type"] == "text/plain; charset=utf-8"
        assert download["Content-Disposition"] == f'attachment; filename="{key}.txt"'
    assert weighed or shipped.pack != "house"


def unescaped(page):
    return html.unescape(page)


@pytest.mark.promise("BL-51", part="the document is downloadable")
def test_the_safeguards_of_each_transfer_can_be_had(shipped):
    page = Links(text(get("privacy_transfers")))
    offered = {link["href"] for link in page.links}
    for key in abroad(shipped):
        if shipped.parties[key].safeguards:
            assert reverse("privacy_safeguards", args=[key]) in offered
            response = get("privacy_safeguards", key)
            assert response.content == (hub.folder() / shipped.parties[key].safeguards).read_bytes()
            assert response["Content-Disposition"].startswith("attachment")
        else:
            assert get("privacy_safeguards", key).status_code == 404


@pytest.mark.promise("BL-66", part="reachable on every page; the register with domain and contents")
@pytest.mark.promise("BL-59", part="the link stands on every page")
def test_every_page_leads_to_privacy_cookies_and_choices(servers):
    for address in ("/", "/accounts/login/", "/nowhere/", *addresses(settings.GLASSBED_PACK)):
        foot = people.visitor().get(address).content.decode().partition("<footer class")[2]
        led = [link["href"] for link in Links(foot).links]
        assert led[:3] == [reverse("privacy"), reverse("privacy_cookies"), reverse("choices")], address
    page = text(get("privacy_cookies"))
    for key, storage in settings.GLASSBED_PACK.storage.items():
        assert key in page
        assert storage.holds in page


def test_a_pack_without_the_readers_language_says_so_and_marks_its_words():
    with under("bambulab"):
        page = text(get("privacy_notice", language="de"))
        assert "gibt es nicht in deiner Sprache" in page
        assert '<p class="statement-text" lang="en">' in page
        assert "gibt es nicht in deiner Sprache" not in text(get("privacy_notice", language="en"))


# -- links out ---------------------------------------------------------------------------------------------

TEMPLATES = sorted(path for path in (ROOT / "glassbed").rglob("*.html") if "templates" in path.parts)
ADDRESSED = re.compile(
    r"""(?:href|src|action|srcset|poster|data|ping)\s*=\s*["'](?:https?:)?//""", re.IGNORECASE
)


@pytest.mark.promise("AC-22")
@pytest.mark.promise("TT-12", part="no sub-resource from a third party")
@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_template_leads_out_by_an_address_of_its_own(path):
    assert ADDRESSED.findall(path.read_text(encoding="utf-8")) == []


def test_the_search_for_links_out_finds_them():
    assert ADDRESSED.search('<a href="https://elsewhere.example/">')
    assert ADDRESSED.search("<img src='//elsewhere.example/p.gif'>")
    assert not ADDRESSED.search('<a href="/privacy/">')


@pytest.mark.promise("AC-22")
def test_an_address_of_a_pack_is_marked_tells_nobody_and_carries_no_tracking(shipped):
    out = [
        link
        for address in addresses(shipped)
        for link in Links(people.visitor().get(address).content.decode()).links
        if link["href"].startswith(("http:", "https:", "//"))
    ]
    for link in out:
        assert link["rel"] == "noreferrer noopener"
        assert link["class"] == "outbound"
        assert "utm_" not in link["href"]
    assert out or not any((p.contact or "").startswith("https://") for p in shipped.parties.values())


def test_some_pack_leads_out():
    with under("bambulab"):
        assert 'class="outbound"' in text(get("privacy_recipients"))


# -- the record --------------------------------------------------------------------------------------------


def test_the_record_is_the_same_as_page_sheet_table_and_data(shipped):
    page = unescaped(text(get("privacy_record")))
    table = list(csv.reader(StringIO(text(get("privacy_record_csv")).removeprefix("\ufeff"))))
    tree = json.loads(text(get("privacy_record_json")))
    sheet = rows_of(get("privacy_record_xlsx").content)
    assert list(tree["activities"]) == list(shipped.activities)
    titles = [activity.title for activity in shipped.activities.values()]
    assert [line[0] for line in table[-len(titles) :]] == titles
    assert sheet == table
    for row in tree["activities"].values():
        for cell in row.values():
            assert all(line in page for line in cell)
    assert hub.digest() in page


MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def rows_of(content):
    """Read a workbook as a reader does: by its content types and relations, never by the names of its parts."""
    with ZipFile(BytesIO(content)) as archive:
        assert archive.testzip() is None
        types = ET.fromstring(archive.read("[Content_Types].xml"))
        parts = {e.get("PartName").lstrip("/"): e.get("ContentType") for e in types if e.get("PartName")}
        assert parts.keys() < set(archive.namelist())
        (root,) = ET.fromstring(archive.read("_rels/.rels"))
        book = ET.fromstring(archive.read(root.get("Target")))
        related = {
            e.get("Id"): e.get("Target") for e in ET.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
        }
        (named,) = book.iter(f"{MAIN}sheet")
        wanted = named.get("{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id")
        sheet = ET.fromstring(archive.read(f"xl/{related[wanted]}"))
    return [["".join(cell.itertext()) for cell in row] for row in sheet.iter(f"{MAIN}row")]


def test_a_workbook_keeps_every_text_and_is_the_same_each_time():
    lines = [
        ["a", "b < c & d", " two\nlines "],
        [],
        ["=1+1", "x\x00\x0by", "é中\U0001f600"],
        [str(n) for n in range(30)],
    ]
    made = workbook("Sheet: [1]/2?", lines)
    assert made == workbook("Sheet: [1]/2?", lines)
    assert rows_of(made) == [lines[0], [], ["=1+1", "xy", "é中\U0001f600"], lines[3]]
    with ZipFile(BytesIO(made)) as archive:
        assert b'name="Sheet   1  2 "' in archive.read("xl/workbook.xml")
        assert b'r="AD4"' in archive.read("xl/worksheets/sheet1.xml")


def test_a_cell_that_a_sheet_would_calculate_is_disarmed():
    with override_settings(GLASSBED_PACK=renamed("=cmd()")):
        table = list(csv.reader(StringIO(text(get("privacy_record_csv")).removeprefix("\ufeff"))))
    assert "'=cmd()" in [line[0] for line in table if line]


def renamed(title):
    found = settings.GLASSBED_PACK
    return msgspec.structs.replace(
        found,
        activities=found.activities
        | {"account": msgspec.structs.replace(found.activities["account"], title=title)},
    )


# -- well-known addresses ----------------------------------------------------------------------------------


def test_gpc_is_said_as_the_pack_has_it(shipped):
    assert json.loads(text(get("gpc"))) == {
        "gpc": shipped.signals.get("gpc", False),
        "lastUpdate": shipped.effective.new_people,
    }


@pytest.mark.promise("BL-56")
def test_security_txt_names_who_reads_it_and_runs_out_within_a_year():
    with under("bambulab"):
        response = get("security_txt")
        lines = dict(line.split(": ", 1) for line in text(response).splitlines())
        assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert lines["Contact"] == "mailto:privacy@bambulab.com"
    left = datetime.fromisoformat(lines["Expires"]) - datetime.now(UTC)
    assert timedelta(days=30) < left < timedelta(days=365)
    assert lines["Canonical"] == f"{settings.GLASSBED.public_url}/.well-known/security.txt"


@pytest.mark.parametrize(
    ("sender", "found"),
    [
        (None, None),
        ("noreply@a.example", None),
        ("No-Reply@a.example", None),
        ("ada@a.example", "mailto:ada@a.example"),
    ],
)
def test_security_txt_is_missing_rather_than_wrong(sender, found):
    with under("house", mail_from=sender):
        assert hub.security_contact() == found
        response = get("security_txt")
    if found:
        assert f"Contact: {found}\n" in text(response)
    else:
        assert response.status_code == 404
        assert "named no address" in response.content.decode()


def test_change_password_leads_to_where_it_is_done():
    response = get("change_password")
    assert response.status_code == 302
    assert response["Location"] == reverse("account_change_password")


@pytest.mark.promise("BL-56")
def test_the_policy_for_machines_is_the_pack(shipped):
    found = json.loads(text(get("policy_json")))
    assert msgspec.convert(found["policy"], pack.Pack) == shipped
    assert found["digest"] == pack.digest(shipped)
    linked = get("policy_jsonld")
    assert linked["Content-Type"] == "application/ld+json"
    graph = json.loads(text(linked))
    assert graph["@context"]["@base"] == f"{settings.GLASSBED.public_url}/.well-known/policy.jsonld"
    assert len([n for n in graph["@graph"] if n["@type"] == "dpv:Process"]) == len(shipped.activities)


def test_no_page_of_the_hub_asks_about_people_or_sets_a_cookie(monkeypatch):
    opened = purpose._opened

    def listen(name, role, person):
        assert name == "technical"
        return opened(name, role, person)

    monkeypatch.setattr(purpose, "_opened", listen)
    for address in addresses(settings.GLASSBED_PACK):
        response = people.visitor().get(address)
        assert response.status_code == 200
        assert set(response.cookies) <= {settings.CSRF_COOKIE_NAME}
    assert set(PAGES) <= {pattern.name for _route, pattern in patterns()}
