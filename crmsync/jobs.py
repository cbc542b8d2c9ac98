"""The three jobs of a sync, one per step. A job is a hint: the run's row says what is to do."""

import logging
import traceback
from collections.abc import Callable, Sequence
from functools import partial

from rq.timeouts import JobTimeoutException

from crmsync import connections, lifecycle, records
from crmsync.errors import CrmError
from crmsync.models import RemoteRecord, SyncRun
from crmsync.providers import PROVIDERS
from crmsync.providers.base import MeetingContent, Person, Provider, Ref, Session
from meetings.models import Meeting, SyncStep

logger = logging.getLogger(__name__)

Work = Callable[[Provider, SyncRun], Sequence[Ref]]


def sync_contacts(run_id: int) -> None:
    _perform(run_id, SyncStep.CONTACTS, _save_contacts)


def sync_meeting(run_id: int) -> None:
    _perform(run_id, SyncStep.MEETING, _save_meeting)


def sync_notes(run_id: int) -> None:
    _perform(run_id, SyncStep.NOTES, _save_notes)


def _perform(run_id: int, step: SyncStep, work: Work) -> None:
    claim = lifecycle.claim(run_id, step)
    if claim is None:
        return
    logger.info("Sync run %s: step %s, try %s.", run_id, step, claim.attempt.number)
    try:
        refs = work(_open_provider(claim), claim.run)
    except lifecycle.StaleAttemptError:
        lifecycle.abandon(claim)
    except CrmError as error:
        _fail(claim, error)
    except JobTimeoutException as error:
        _fail(claim, CrmError("crm_timeout", str(error), outcome_unknown=True))
    except Exception:
        _fail(claim, CrmError("unexpected_error", traceback.format_exc(), outcome_unknown=True))
    else:
        lifecycle.complete_step(claim, refs)


def _fail(claim: lifecycle.Claim, error: CrmError) -> None:
    logger.warning("Sync run %s: step %s failed: %s.", claim.run.pk, claim.run.step, error.code)
    lifecycle.fail_step(claim, error)


def _open_provider(claim: lifecycle.Claim) -> Provider:
    connection = claim.run.connection
    session = Session(
        credentials=connections.open_credentials(connection),
        meeting_key=claim.run.meeting.key,
        before_call=partial(lifecycle.renew, claim),
    )
    return PROVIDERS[connection.provider](session)


def _save_contacts(provider: Provider, run: SyncRun) -> Sequence[Ref]:
    people = [Person(a.email, a.name) for a in run.meeting.attendees.all()]
    if not people:
        return []
    known = records.find(run.connection, RemoteRecord.Kind.CONTACT, [p.email for p in people])
    return provider.upsert_contacts(people, {ref.local_key: ref.remote_id for ref in known})


def _save_meeting(provider: Provider, run: SyncRun) -> Sequence[Ref]:
    content = _content(run.meeting)
    known = records.find(run.connection, RemoteRecord.Kind.MEETING, [str(content.key)])
    return [
        provider.upsert_meeting(
            content, _contacts(run), {ref.local_key: ref.remote_id for ref in known}
        )
    ]


def _save_notes(provider: Provider, run: SyncRun) -> Sequence[Ref]:
    content = _content(run.meeting)
    written = records.find(run.connection, RemoteRecord.Kind.MEETING, [str(content.key)])
    if not written:
        raise CrmError("record_deleted", "The meeting's own record is no longer known.")
    return provider.add_notes(written[0], content, _contacts(run))


def _contacts(run: SyncRun) -> Sequence[Ref]:
    emails = run.meeting.attendees.values_list("email", flat=True)
    return records.find(run.connection, RemoteRecord.Kind.CONTACT, emails)


def _content(meeting: Meeting) -> MeetingContent:
    return MeetingContent(
        key=meeting.key,
        title=meeting.title,
        starts_at=meeting.starts_at,
        ends_at=meeting.ends_at,
        location=meeting.location,
        notes=meeting.notes,
    )
