import uuid
from datetime import UTC, datetime

import pytest

from crmsync.errors import CrmError
from crmsync.models import SandboxRecord
from crmsync.providers.base import Account, MeetingContent, Person, Session
from crmsync.providers.sandbox import Sandbox
from crmsync.providers.sandbox_faults import SLOW_SECONDS

pytestmark = pytest.mark.django_db

KEY = uuid.uuid4()
CONTENT = MeetingContent(
    key=KEY,
    title="Kick-off",
    starts_at=datetime(2026, 5, 4, 12, tzinfo=UTC),
    ends_at=datetime(2026, 5, 4, 13, tzinfo=UTC),
    location="",
    notes="Forty seats.",
)
TRANSIENT = {
    "unavailable": "crm_unavailable",
    "timeout": "crm_timeout",
    "rate-limited": "crm_rate_limited",
    "reconnect": "connection_expired",
    "rejected": "record_rejected",
    "locked": "record_locked",
}


def sandbox(key=KEY, **credentials):
    return Sandbox(Session(credentials, meeting_key=key))


def people(*emails):
    return [Person(email, "Ann Lee") for email in emails]


def sync(provider, *emails):
    contacts = provider.upsert_contacts(people(*emails), {})
    meeting, *_ = provider.upsert_meeting(CONTENT, contacts, {})
    refs = provider.add_notes(meeting, CONTENT, contacts, {})
    return [*contacts, meeting, *(ref for ref in refs if ref.kind != "link")]


def test_keeps_what_it_is_given():
    refs = sync(sandbox(), "ann@acme.example", "bob@acme.example")
    assert [ref.action for ref in refs] == ["created"] * 4
    assert {record.kind for record in SandboxRecord.objects.all()} == {"contact", "meeting", "note"}
    assert SandboxRecord.objects.get(kind="meeting").data["title"] == "Kick-off"


def test_changes_nothing_when_asked_again():
    first = sync(sandbox(), "ann@acme.example")
    again = sync(sandbox(), "ann@acme.example")
    assert [ref.action for ref in again] == ["unchanged"] * 3
    assert [ref.remote_id for ref in again] == [ref.remote_id for ref in first]


def test_says_updated_when_the_content_changed():
    (first,) = sandbox().upsert_contacts([Person("ann@acme.example", "Ann")], {})
    known = {(first.kind, first.local_key): first}
    (ref,) = sandbox().upsert_contacts([Person("ann@acme.example", "Ann Lee")], known)
    assert ref.action == "updated"


def test_keeps_accounts_apart():
    sandbox().upsert_contacts(people("ann@acme.example"), {})
    (ref,) = sandbox(account="Other").upsert_contacts(people("ann@acme.example"), {})
    assert ref.action == "created"


def test_names_its_account_and_refuses_an_expired_token():
    assert sandbox(account="Acme").check() == Account("Acme", "Acme")
    with pytest.raises(CrmError) as refused:
        sandbox(token="expired").check()
    assert refused.value.code == "connection_expired"


@pytest.mark.parametrize(("fault", "code"), TRANSIENT.items())
def test_acts_out_each_fault_at_the_first_step(fault, code):
    with pytest.raises(CrmError) as raised:
        sandbox().upsert_contacts(people(f"{fault}@sandbox.invalid"), {})
    assert raised.value.code == code


def test_acts_out_a_bug_as_the_surprise_that_a_bug_is():
    with pytest.raises(RuntimeError):
        sandbox().upsert_contacts(people("bug@sandbox.invalid"), {})


def test_acts_out_slowness(monkeypatch):
    slept = []
    monkeypatch.setattr("time.sleep", slept.append)
    sandbox().upsert_contacts(people("slow@sandbox.invalid"), {})
    assert sum(slept) >= 5


def test_can_be_stopped_while_it_is_slow(monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)
    calls = []
    with Session({}, before_call=lambda: calls.append(1)) as session:
        Sandbox(session).upsert_contacts(people("slow@sandbox.invalid"), {})
    assert len(calls) > SLOW_SECONDS


def test_acts_out_one_fault_at_a_time(monkeypatch):
    slept = []
    monkeypatch.setattr("time.sleep", slept.append)
    crowd = people(*(f"slow.x{number}@sandbox.invalid" for number in range(1, 100)))
    sandbox().upsert_contacts(crowd, {})
    assert sum(slept) == SLOW_SECONDS


def test_acts_out_nothing_where_faults_are_off(settings):
    settings.SANDBOX_FAULTS = False
    assert sandbox().upsert_contacts(people("unavailable@sandbox.invalid"), {})


@pytest.mark.parametrize("step", [1, 2, 3])
def test_acts_out_a_fault_at_the_step_it_names(step):
    *before, failing = list(calls(sandbox(), f"unavailable.step{step}@sandbox.invalid"))[:step]
    for call in before:
        call()
    with pytest.raises(CrmError):
        failing()


def calls(provider, email):
    refs = {}
    yield lambda: refs.update(contacts=provider.upsert_contacts(people(email), {}))
    yield lambda: refs.update(meeting=provider.upsert_meeting(CONTENT, refs["contacts"], {}))
    yield lambda: provider.add_notes(refs["meeting"][0], CONTENT, refs["contacts"], {})


def test_acts_out_a_counted_fault_so_often_for_each_meeting():
    address = people("unavailable.x2@sandbox.invalid")
    for key in (KEY, uuid.uuid4()):
        for _ in range(2):
            with pytest.raises(CrmError):
                sandbox(key).upsert_contacts(address, {})
        assert sandbox(key).upsert_contacts(address, {})


def test_writes_before_it_times_out_so_that_the_outcome_is_unknown():
    with pytest.raises(CrmError) as raised:
        sandbox().upsert_contacts(people("timeout.x1@sandbox.invalid"), {})
    assert raised.value.outcome_unknown
    assert SandboxRecord.objects.count() == 1
    (ref,) = sandbox().upsert_contacts(people("timeout.x1@sandbox.invalid"), {})
    assert ref.action == "unchanged"


@pytest.mark.parametrize(
    "email",
    ["x@sandbox.invalid", "locked@sandbox.example", "locked.step4@sandbox.invalid"],
)
def test_sees_no_fault_in_other_addresses(email):
    assert sandbox().upsert_contacts(people(email), {})


def test_asks_before_each_call_whether_it_may_go_on():
    class Lost(Exception):
        pass

    def refuse():
        raise Lost

    with pytest.raises(Lost):
        Sandbox(Session({}, KEY, before_call=refuse)).upsert_contacts(
            people("ann@acme.example"), {}
        )
    assert not SandboxRecord.objects.exists()
