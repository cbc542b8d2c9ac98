"""The contract of crmsync/providers/base.py, for every provider."""

import html
import os
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest

from crmsync.errors import CrmError
from crmsync.providers import PROVIDERS
from crmsync.providers.base import MeetingContent, Person
from crmsync.providers.merging import KEPT
from crmsync.providers.roles import NOT_MADE
from crmsync.tests.stand_ins.accounts import ACCOUNTS

pytestmark = pytest.mark.django_db
REAL = pytest.mark.skipif("BOTTLECRM_URL" not in os.environ, reason="needs BOTTLECRM_URL")


def marked(name):
    return pytest.param(name, marks=[pytest.mark.real_crm, REAL] if name.endswith("real") else [])


@pytest.fixture(params=[marked(name) for name in ACCOUNTS])
def crm(request, settings):
    with ACCOUNTS[request.param](settings) as account:
        yield account


@dataclass(frozen=True)
class Case:
    """A meeting with its attendees; addresses are new each time, for a real CRM forgets nothing."""

    content: MeetingContent
    people: list[Person]

    @property
    def key(self):
        return self.content.key

    @property
    def emails(self):
        return [person.email for person in self.people]

    def with_content(self, **values):
        return replace(self, content=replace(self.content, **values))


def case(*names):
    unique = uuid.uuid4().hex[:12]
    content = MeetingContent(
        key=uuid.uuid4(),
        title="Kick-off",
        starts_at=datetime(2026, 5, 4, 12, tzinfo=UTC),
        ends_at=datetime(2026, 5, 4, 13, tzinfo=UTC),
        location="Room 7",
        notes="Forty seats.",
    )
    people = [Person(f"p{n}.{unique}@acme.example", name) for n, name in enumerate(names)]
    return Case(content, people)


def sync(crm, meeting, known=()):
    """The three steps, each with what its predecessors returned, as steps.py does it."""
    known = known if isinstance(known, dict) else by_key(known)
    with crm.session(known) as session:
        provider = PROVIDERS[crm.provider](session)
        people = provider.upsert_contacts(meeting.people, known) if meeting.people else []
        known.update(by_key(people))
        refs = provider.upsert_meeting(meeting.content, people, known)
        known.update(by_key(refs))
        linked = provider.add_notes(refs[0], meeting.content, people, known)
        known.update(by_key(linked))
        return [*people, *refs, *linked]


def remove(crm, meeting, known=()):
    known = by_key(known)
    with crm.session(known) as session:
        return PROVIDERS[crm.provider](session).remove(meeting.content, known)


def by_key(refs):
    """The last one of each key, without what was removed: what remote_records.py keeps."""
    return {
        key: ref
        for key, ref in {(ref.kind, ref.local_key): ref for ref in refs}.items()
        if ref.action != "removed"
    }


def assert_written_once(crm, meeting):
    written = crm.written(meeting)
    assert written.meetings == 1
    assert [len(crm.contacts(email)) for email in meeting.emails] == [1] * len(meeting.people)
    linked = [email.lower() for email in written.linked]
    if len(meeting.people) <= crm.most_linked:
        assert linked == sorted(meeting.emails)
    else:
        assert len(linked) == crm.most_linked
    return written


def failure_of(crm, meeting, known):
    try:
        sync(crm, meeting, known)
    except CrmError as error:
        return error.code
    return None


def identity(refs):
    return {(ref.kind, ref.local_key, ref.remote_id) for ref in refs if ref.action != "removed"}


def test_writes_the_meeting_its_people_and_its_notes(crm):
    meeting = case("Ann Lee", "Bob")
    refs = sync(crm, meeting)
    written = assert_written_once(crm, meeting)
    assert (written.title, "Forty seats." in written.notes) == ("Kick-off", True)
    assert {"contact", "meeting", "note"} <= {ref.kind for ref in refs}
    assert {ref.action for ref in refs if ref.kind in ("contact", "meeting")} == {"created"}


def test_makes_it_so_twice_with_the_same_result(crm):
    meeting = case("Ann Lee", "Bob")
    first = sync(crm, meeting)
    for known in ((), first):
        again = sync(crm, meeting, known)
        assert identity(again) == identity(first)
        assert "created" not in {ref.action for ref in again if ref.kind != "link"}
    assert_written_once(crm, meeting)


def test_writes_what_was_changed(crm):
    meeting = case("Ann Lee")
    first = sync(crm, meeting)
    changed = meeting.with_content(title="Second talk", notes="Fifty.")
    sync(crm, changed, first)
    written = assert_written_once(crm, changed)
    assert (written.title, "Fifty." in written.notes) == ("Second talk", True)
    assert "Forty" not in written.notes


def test_links_who_joined_later(crm):
    meeting = case("Ann Lee", "Bob")
    first = sync(crm, replace(meeting, people=meeting.people[1:]))
    sync(crm, meeting, first)
    assert_written_once(crm, meeting)


def test_takes_notes_back(crm):
    meeting = case("Ann Lee")
    first = sync(crm, meeting)
    sync(crm, meeting.with_content(notes=""), first)
    assert "Forty" not in crm.written(meeting).notes


def test_survives_the_loss_of_any_answer(crm):
    calls = crm.count_calls(lambda: sync(crm, case("Ann Lee", "Bob")))
    assert calls >= 3
    for call in range(calls):
        meeting = case("Ann Lee", "Bob")
        with crm.losing(call), pytest.raises(CrmError) as lost:
            sync(crm, meeting)
        assert lost.value.outcome_unknown
        sync(crm, meeting)
        assert_written_once(crm, meeting)


def test_makes_anew_what_was_deleted_there(crm):
    meeting = case("Ann Lee", "Bob")
    first = sync(crm, meeting)
    crm.known_emails = meeting.emails
    crm.lose_everything()
    assert failure_of(crm, meeting, first) in (None, "record_deleted")
    sync(crm, meeting)
    assert_written_once(crm, meeting)


def test_knows_an_address_in_any_case(crm):
    meeting = case("Ann Lee")
    crm.add_contact(meeting.emails[0].upper())
    (contact, *_) = sync(crm, meeting)
    assert (contact.local_key, contact.action) == (meeting.emails[0], contact.action)
    assert contact.action != "created"
    assert_written_once(crm, meeting)


def test_needs_no_names(crm):
    meeting = case("", "")
    sync(crm, meeting)
    assert_written_once(crm, meeting)


def test_needs_no_attendees_or_says_so(crm):
    meeting = case()
    if crm.needs_an_attendee:
        with pytest.raises(CrmError) as refused:
            sync(crm, meeting)
        assert (refused.value.code, refused.value.field) == ("field_missing", "attendees")
    else:
        sync(crm, meeting)
        sync(crm, meeting)
        assert_written_once(crm, meeting)


def test_takes_many_attendees(crm):
    meeting = case(*["Ann Lee"] * 250)
    sync(crm, meeting)
    assert_written_once(crm, meeting)


def test_cuts_notes_visibly_and_says_so(crm):
    meeting = case("Ann Lee").with_content(notes="<ä>🎉" * 17_500)
    note = next(ref for ref in sync(crm, meeting) if ref.kind == "note")
    notes = crm.written(meeting).notes
    assert len(notes.encode("utf-16-le")) // 2 <= crm.note_limit
    assert note.remark == ("shortened" if crm.note_limit < 87_500 else "")
    assert ("(shortened)" in notes) == bool(note.remark)


@pytest.mark.parametrize(
    "text", ["🎉 Größe 漢字", "שלום עולם", "<b>fat</b> & <script>alert(1)</script>", "a\nb"]
)
def test_keeps_any_text_as_it_is(crm, text):
    meeting = case("Ann Lee").with_content(title=text.replace("\n", " "), notes=text)
    sync(crm, meeting)
    written = crm.written(meeting)
    assert written.title == text.replace("\n", " ")
    shown = written.notes
    if crm.provider == "hubspot":  # It shows them as HTML.
        assert "<script>" not in shown
        shown = html.unescape(shown.replace("<br>", "\n"))
    assert shown.removeprefix("Room 7\n\n") == text


def test_holds_what_the_crm_refuses_against_nobody_else(crm):
    if crm.provider == "sandbox":
        pytest.skip("The sandbox takes any address; test_sandbox.py has its faults.")
    people = case("Ann Lee", "Bob Ray").people
    asked = [people[0], Person("nobody", "Nobody"), people[1]]
    with crm.session() as session:
        refs = PROVIDERS[crm.provider](session).upsert_contacts(asked, {})
    by_email = {ref.local_key: ref for ref in refs}
    assert set(by_email) == {person.email for person in asked}
    left_out = by_email.pop("nobody")
    assert (left_out.action, left_out.remote_id) == ("skipped", "")
    assert left_out.remark
    assert all(ref.remote_id for ref in by_email.values())


def test_says_when_it_is_not_let_in(crm):
    if crm.provider == "sandbox":
        pytest.skip("test_sandbox.py")
    crm.token = "wrong-t0ken"
    with crm.session() as session, pytest.raises(CrmError) as refused:
        PROVIDERS[crm.provider](session).check()
    assert refused.value.code == "connection_expired"
    assert crm.token not in refused.value.message


def test_writes_nothing_where_nothing_changed(crm):
    meeting = case("Ann Lee", "Bob")
    first = sync(crm, meeting)
    assert crm.count_writes(lambda: sync(crm, meeting, first)) == 0
    assert crm.count_writes(lambda: sync(crm, meeting)) == 0


@pytest.mark.parametrize("leaving", [[0], [1], [0, 1]])
def test_unlinks_who_is_no_longer_there(crm, leaving):
    meeting = case("Ann Lee", "Bob", "Carla")
    first = sync(crm, meeting)
    linked = crm.written(meeting).linked
    rest = replace(meeting, people=[p for n, p in enumerate(meeting.people) if n not in leaving])
    refs = sync(crm, rest, first)
    assert_written_once(crm, rest)
    assert crm.written(meeting).linked == crm.written(rest).linked
    gone = {ref.local_key.partition(":")[2] for ref in refs if ref.action == "removed"}
    assert gone == {meeting.emails[n] for n in leaving} & {*linked}


def test_takes_the_copies_back_when_everybody_left(crm):
    meeting = case("Ann Lee", "Bob")
    first = sync(crm, meeting)
    nobody = replace(meeting, people=[])
    if crm.needs_an_attendee:
        with pytest.raises(CrmError):
            sync(crm, nobody, first)
    else:
        sync(crm, nobody, first)
    assert crm.written(meeting).linked == []


def test_follows_a_corrected_address(crm):
    meeting = case("Ann Lee", "Bob")
    first = sync(crm, meeting)
    corrected = replace(meeting, people=[meeting.people[0], *case("Bob").people])
    sync(crm, corrected, first)
    assert_written_once(crm, corrected)
    assert meeting.emails[1] not in crm.written(meeting).linked


def test_keeps_what_somebody_wrote_into_the_notes(crm):
    meeting = case("Ann Lee")
    refs = sync(crm, meeting)
    crm.edit_notes(meeting, "They want a discount.")
    for notes in ("Forty seats.", "Fifty.", "Sixty.", "Sixty.", ""):
        meeting = meeting.with_content(notes=notes)
        refs = [*refs, *sync(crm, meeting, refs)]
        assert "They want a discount." in crm.written(meeting).notes
    assert "Sixty." not in crm.written(meeting).notes


def test_writes_its_notes_once_below_those_of_somebody_else(crm):
    meeting = case("Ann Lee")
    refs = sync(crm, meeting)
    crm.edit_notes(meeting, "They want a discount.")
    for notes in ("Fifty.", "Sixty."):
        meeting = meeting.with_content(notes=notes)
        refs = [*refs, *sync(crm, meeting, refs)]
    shown = crm.written(meeting).notes
    assert shown.count("syncsite") == shown.count("Sixty.") == 1
    assert shown.index("discount") < shown.index("Sixty.")
    assert "Fifty" not in shown


def test_keeps_the_notes_of_somebody_else_where_it_has_none(crm):
    meeting = case("Ann Lee").with_content(notes="", location="")
    refs = sync(crm, meeting)
    crm.edit_notes(meeting, "They want a discount.")
    sync(crm, meeting.with_content(title="Second talk"), refs)
    written = crm.written(meeting)
    assert (written.title, written.notes.strip()) == ("Second talk", "They want a discount.")


def test_keeps_a_title_that_somebody_changed_and_says_so(crm):
    meeting = case("Ann Lee")
    refs = sync(crm, meeting)
    crm.edit_title(meeting, "Kick-off with Acme")
    again = sync(crm, meeting, refs)
    assert crm.written(meeting).title == "Kick-off with Acme"
    assert [ref.kind for ref in again if ref.remark == KEPT] == ["meeting"]
    renamed = sync(crm, meeting.with_content(title="Start"), [*refs, *again])
    assert crm.written(meeting).title == "Kick-off with Acme"
    assert [ref.kind for ref in renamed if ref.remark == KEPT] == ["meeting"]


def test_tells_how_the_meeting_went_beside_a_title_of_somebody_else(crm):
    meeting = case("Ann Lee")
    refs = sync(crm, meeting)
    crm.edit_title(meeting, "Kick-off with Acme")
    refs = [*refs, *sync(crm, meeting.with_content(status="canceled"), refs)]
    assert "cancel" in crm.told(meeting).lower()
    assert crm.written(meeting).title.endswith("Kick-off with Acme")
    sync(crm, meeting, refs)
    assert "cancel" not in crm.told(meeting).lower()
    assert crm.written(meeting).title == "Kick-off with Acme"


def test_writes_over_what_it_may_have_written_itself(crm):
    calls = crm.count_calls(lambda: sync(crm, case("Ann Lee")))
    for call in range(calls):
        meeting, known = case("Ann Lee"), {}
        with crm.losing(call), pytest.raises(CrmError):
            sync(crm, meeting, known)
        changed = meeting.with_content(title="Second talk", notes="Fifty.")
        sync(crm, changed, known)
        written = assert_written_once(crm, changed)
        assert (written.title, "Fifty." in written.notes) == ("Second talk", True)
        assert "Forty" not in written.notes


def test_may_have_notes_that_quote_its_header(crm):
    meeting, known = case("Ann Lee"), {}
    for number in range(3):
        meeting = meeting.with_content(notes=f"Pasted\n— syncsite —\nMore {number}")
        sync(crm, meeting, known)
    assert crm.written(meeting).notes.count("Pasted") == 1


def test_takes_a_title_that_tells_how_it_went_as_it_is(crm):
    meeting = case("Ann Lee").with_content(title="Canceled: Lunch")
    refs = sync(crm, meeting)
    assert crm.written(meeting).title == "Canceled: Lunch"
    assert crm.count_writes(lambda: sync(crm, meeting, refs)) == 0
    refs = [*refs, *sync(crm, meeting.with_content(title="Dinner"), refs)]
    assert crm.written(meeting).title == "Dinner"
    sync(crm, meeting.with_content(status="canceled"), refs)
    assert crm.written(meeting).title.count("Canceled") == 1


def test_leaves_somebody_linked_whom_somebody_else_linked_before(crm):
    if crm.most_linked == 1 or crm.needs_an_attendee:
        pytest.skip("An event or interaction there belongs to one person.")
    meeting = case("Ann Lee", "Bob")
    ann = replace(meeting, people=meeting.people[:1])
    refs = sync(crm, ann)
    crm.link_guest(meeting, meeting.emails[1])
    refs = [*refs, *sync(crm, meeting, refs)]
    sync(crm, ann, refs)
    assert crm.written(meeting).linked == sorted(meeting.emails)


def test_leaves_times_that_somebody_changed_together(crm):
    meeting = case("Ann Lee")
    refs = sync(crm, meeting)
    crm.move_start(meeting, "2026-05-04T12:30:00Z")
    earlier = {"starts_at": datetime(2026, 5, 4, 8, tzinfo=UTC)}
    earlier["ends_at"] = datetime(2026, 5, 4, 9, tzinfo=UTC)
    again = sync(crm, meeting.with_content(**earlier), refs)
    assert "12:30" in crm.told(meeting)
    assert not any(text in crm.told(meeting) for text in ("T09:00", "T08:00"))
    assert KEPT in {ref.remark for ref in again if ref.kind == "meeting"}


def test_writes_over_what_an_older_version_wrote(crm):
    meeting = case("Ann Lee")
    refs = [replace(ref, digests={}) for ref in sync(crm, meeting)]
    sync(crm, meeting.with_content(title="Second talk", notes="Fifty."), refs)
    written = crm.written(meeting)
    assert (written.title, "Fifty." in written.notes) == ("Second talk", True)
    assert "Forty" not in written.notes


def test_leaves_those_linked_whom_somebody_else_linked(crm):
    if crm.most_linked == 1 or crm.needs_an_attendee:
        pytest.skip("An event or interaction there belongs to one person.")
    meeting = case("Ann Lee")
    first = sync(crm, meeting)
    email = f"guest.{uuid.uuid4().hex}@acme.example"
    crm.link_guest(meeting, email)
    sync(crm, meeting.with_content(title="Second talk"), first)
    assert crm.written(meeting).linked == sorted([email, *meeting.emails])


@pytest.mark.parametrize("status", ["canceled", "completed", "no_show", "scheduled"])
def test_tells_how_the_meeting_went(crm, status):
    meeting = case("Ann Lee")
    first = sync(crm, meeting)
    told = crm.told(meeting)
    sync(crm, meeting.with_content(status=status), first)
    assert (crm.told(meeting) == told) == (status == "scheduled")


def test_follows_a_meeting_that_is_moved(crm):
    meeting = case("Ann Lee")
    first = sync(crm, meeting)
    later = {"starts_at": datetime(2026, 5, 5, 9, tzinfo=UTC)}
    later["ends_at"] = datetime(2026, 5, 5, 10, tzinfo=UTC)
    sync(crm, meeting.with_content(**later), first)
    assert_written_once(crm, meeting)
    assert "2026-05-05" in crm.told(meeting)


def test_removes_what_it_made_and_leaves_the_people(crm):
    meeting = case("Ann Lee", "Bob")
    refs = sync(crm, meeting)
    other = replace(case(), people=meeting.people)
    sync(crm, other)
    for _ in range(2):  # Again, as after a lost answer.
        gone = remove(crm, meeting, refs)
        assert crm.written(meeting).meetings == 0
    assert "meeting" in {ref.kind for ref in gone}
    assert_written_once(crm, other)


def test_removes_what_it_made_without_knowing(crm):
    meeting = case("Ann Lee", "Bob")
    contacts = [ref for ref in sync(crm, meeting) if ref.kind == "contact"]
    remove(crm, meeting, contacts)
    assert crm.written(meeting).meetings == 0


def test_removes_in_spite_of_the_loss_of_any_answer(crm):
    meeting = case("Ann Lee", "Bob")
    refs = sync(crm, meeting)
    calls = crm.count_calls(lambda: remove(crm, meeting, refs))
    for call in range(calls):
        meeting = case("Ann Lee", "Bob")
        refs = sync(crm, meeting)
        with crm.losing(call), pytest.raises(CrmError):
            remove(crm, meeting, refs)
        remove(crm, meeting, refs)
        assert crm.written(meeting).meetings == 0


def test_makes_nobody_for_an_owner_who_wants_that(crm):
    meeting = case("Ann Lee", "Bob")
    crm.add_contact(meeting.emails[0])
    crm.options = {"create_people": "nobody"}
    try:
        refs = sync(crm, replace(meeting, people=meeting.people[:1]))
        with crm.session() as session:
            (bob,) = PROVIDERS[crm.provider](session).upsert_contacts(meeting.people[1:], {})
    finally:
        crm.options = {}
    assert (bob.action, bob.remark) == ("skipped", NOT_MADE)
    assert crm.contacts(meeting.emails[1]) == []
    assert crm.written(meeting).linked == meeting.emails[:1]
    assert refs
