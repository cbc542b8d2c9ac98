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
    """The three steps, each with what its predecessors returned, as jobs.py does it."""
    known = {(ref.kind, ref.local_key): ref.remote_id for ref in known}
    contacts = {key: i for (kind, key), i in known.items() if kind == "contact"}
    meetings = {key: i for (kind, key), i in known.items() if kind == "meeting"}
    with crm.session() as session:
        provider = PROVIDERS[crm.provider](session)
        people = provider.upsert_contacts(meeting.people, contacts) if meeting.people else []
        ref = provider.upsert_meeting(meeting.content, people, meetings)
        return [*people, ref, *provider.add_notes(ref, meeting.content, people)]


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
    return {(ref.kind, ref.local_key, ref.remote_id) for ref in refs}


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
        assert "created" not in {ref.action for ref in again}
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
