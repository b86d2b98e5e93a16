import uuid

from glassbed.bridge.home import Home
from glassbed.bridge.identity import Identity
from glassbed.bridge.records import Course, Courses, HostKeys, Job, PrinterList
from glassbed.protocol.messages import Fault


def test_a_course_comes_back_and_no_name_lies_open(home, identity):
    courses = Courses(home, identity.seal("records"))
    printer = str(uuid.uuid4())
    course = Course(
        job=Job(print_id="p", file_name="secret.gcode", phase="seen"), owed=(Fault(at=1.0, message="x"),)
    )
    courses.write(printer, courses.pack(printer, course))
    assert courses.load(printer) == course
    assert b"secret" not in (home.path / "courses" / printer).read_bytes()
    on_its_way = home.path / "courses" / f"{printer}.new"
    on_its_way.write_bytes(b"")
    courses.forget_except({printer})
    assert courses.load(printer) == course
    assert on_its_way.exists()
    courses.forget_except(set())
    assert not list((home.path / "courses").iterdir())
    courses.write(printer, courses.pack(printer, course))
    courses.forget(printer)
    assert courses.load(printer) == Course()


def test_records_of_another_key_or_damaged_ones_are_as_if_they_were_not_there(
    home, tmp_path, identity, new_printer
):
    printers = (new_printer(),)
    listed = PrinterList(home, identity.seal("records"))
    listed.save(printers)
    assert listed.load() == printers
    stranger = Identity.load_or_make(Home(tmp_path / "stranger"))
    assert PrinterList(home, stranger.seal("records")).load() == ()
    (home.path / "printers").write_bytes(b"short")
    assert listed.load() == ()
    listed.forget()
    assert listed.load() == ()


def test_host_keys_survive_a_restart_and_are_forgotten_with_their_printer(home, identity, new_printer):
    keys = HostKeys(home, identity.seal("hosts"))
    kept, gone, unbound = new_printer(), new_printer(), new_printer()
    for printer in (kept, gone, unbound):
        keys.keep(printer, f"key of {printer.id}")
    keys.forget(unbound.id)
    keys.forget_except({kept.id})
    again = HostKeys(home, identity.seal("hosts"))
    assert again.get(kept) == f"key of {kept.id}"
    assert again.get(gone) is None
    assert again.get(unbound) is None


def test_the_private_key_is_made_once_and_only_its_user_can_read_it(home):
    first, second = Identity.load_or_make(home), Identity.load_or_make(home)
    assert first.public_key == second.public_key
    assert (home.path / "key").stat().st_mode & 0o777 == 0o600


def test_each_purpose_has_a_seal_of_its_own(identity):
    sealed = identity.seal("hosts").close(b"content", "label")
    assert identity.seal("hosts").open(sealed, "label") == b"content"
    assert identity.seal("outbox").open(sealed, "label") is None
    assert identity.seal("hosts").open(sealed, "other") is None
    assert identity.seal("hosts").open(b"", "label") is None
