"""What the three jobs do: claim the run, call the CRM, commit the outcome."""

import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

import structlog
from django.db import connection as database
from django.utils import timezone
from rq.timeouts import JobTimeoutException
from structlog.contextvars import bound_contextvars

from crmsync.connections import tokens
from crmsync.engine import attendees, breaker, claims, outcomes, remote_records
from crmsync.errors import DATABASE_UNAVAILABLE, CrmError
from crmsync.models import RemoteRecord
from crmsync.providers import PROVIDERS
from crmsync.providers.base import MeetingContent, Provider, Ref, Session
from crmsync.providers.roles import ON_PURPOSE
from meetings.models import Meeting, SyncStep

logger = structlog.get_logger(__name__)

Kind, SKIPPED = RemoteRecord.Kind, RemoteRecord.Action.SKIPPED
FRESH = timedelta(seconds=1)  # So long what was read at the claim counts.
COMMIT_TRIES = 3
COMMIT_PAUSE = 2  # Seconds.
Work = Callable[[Provider, claims.Claim], Sequence[Ref]]


def perform(run_id: int, step: SyncStep) -> None:
    try:
        claim = claims.claim(run_id, step)
        if claim is not None:
            _attempt(claim, _remove if claim.run.removes else WORK[step])
    except DATABASE_UNAVAILABLE as error:
        # The row is unchanged: the dispatcher sends another hint, or the lease expires.
        logger.warning("step left to the dispatcher", run=run_id, step=step, error=str(error))


def _attempt(claim: claims.Claim, work: Work) -> None:
    with bound_contextvars(request_id=claim.run.request_id, reference=claim.run.reference):
        _call_crm(claim, work)


def _call_crm(claim: claims.Claim, work: Work) -> None:
    keys = claim.log_keys
    logger.info("step started", **keys)
    try:
        with _open_session(claim) as session:
            provider = PROVIDERS[claim.run.connection.provider](session)
            breaker.know_host(claim.run.connection, provider.host)
            refs = work(provider, _look_again(claim))
        _complete(claim, refs)
    except DATABASE_UNAVAILABLE:
        raise
    except claims.StaleAttemptError:
        outcomes.abandon(claim)
    except CrmError as error:
        outcomes.fail_step(claim, error)
    except JobTimeoutException as error:
        outcomes.fail_step(claim, CrmError("crm_timeout", str(error), outcome_unknown=True))
    except Exception:  # The one place where an unknown error becomes a recorded one.
        logger.exception("step hit a bug", **keys)
        outcomes.fail_step(
            claim, CrmError("unexpected_error", traceback.format_exc(), outcome_unknown=True)
        )


def _look_again(claim: claims.Claim) -> claims.Claim:
    """Others may have forgotten or saved contacts while this one waited for a token."""
    if timezone.now() - claim.attempt.started_at < FRESH:
        return claim
    known = remote_records.read_again(claim.run)
    holds_lock = claim.attempt.holds_contact_lock
    if not holds_lock and remote_records.is_missing_contacts(claim.run, known):
        # Another run may be creating the same ones; this one has to claim the contact lock first.
        raise CrmError("record_deleted", "The record of a known contact was removed meanwhile.")
    return replace(claim, known=known)


def _complete(claim: claims.Claim, refs: Sequence[Ref]) -> None:
    """Tries again while the database is unavailable, because the CRM has already done the work."""
    for left in reversed(range(COMMIT_TRIES)):
        try:
            outcomes.complete(claim, refs)
            return
        except DATABASE_UNAVAILABLE:
            if not left:
                raise
            database.close()
            time.sleep(COMMIT_PAUSE)


def _open_session(claim: claims.Claim) -> Session:
    return Session(
        **tokens.session_kwargs(claim.run.connection),
        meeting_key=claim.run.meeting.key,
        before_call=partial(_before_call, claim),
        intend=partial(remote_records.intend, claim.run),
    )


def _before_call(claim: claims.Claim) -> None:
    claims.renew_lease(claim)
    tokens.release_db_connection()


def _save_contacts(provider: Provider, claim: claims.Claim) -> Sequence[Ref]:
    people = attendees.people_of(claim.run)
    emails = {person.email for person in people}
    known = {
        key: ref
        for key, ref in claim.known.items()
        if ref.kind == Kind.CONTACT and ref.local_key in emails and ref.remote_id
    }
    saved = provider.upsert_contacts(people, known) if people else []
    refused = [ref for ref in saved if ref.action == SKIPPED and ref.remark not in ON_PURPOSE]
    if saved and len(refused) == len(saved):
        why = "; ".join(ref.remark for ref in saved)
        raise CrmError("record_rejected", why, field="e-mail address", detail=why)
    return [*saved, *attendees.left_out(claim.run)]


def _save_meeting(provider: Provider, claim: claims.Claim) -> Sequence[Ref]:
    contacts, new = _contacts(provider, claim)
    meeting = _content(claim.run.meeting)
    return [*new, *provider.upsert_meeting(meeting, contacts, claim.known)]


def _save_notes(provider: Provider, claim: claims.Claim) -> Sequence[Ref]:
    contacts, new = _contacts(provider, claim)
    content = _content(claim.run.meeting)
    known = claim.known
    meeting_ref = known.get((Kind.MEETING, str(content.key)))
    if meeting_ref is None or not meeting_ref.remote_id:
        made = provider.upsert_meeting(content, contacts, known)
        known = {**known, **{(ref.kind, ref.local_key): ref for ref in made}}
        meeting_ref, new = known[Kind.MEETING, str(content.key)], [*new, *made]
    return [*new, *provider.add_notes(meeting_ref, content, contacts, known)]


def _remove(provider: Provider, claim: claims.Claim) -> Sequence[Ref]:
    return provider.remove(_content(claim.run.meeting), claim.known)


def _contacts(provider: Provider, claim: claims.Claim) -> tuple[Sequence[Ref], Sequence[Ref]]:
    """The attendees' contacts, and which of them had to be saved now.

    Since the first step an attendee may have joined, or a record may have been forgotten.
    """
    if not claim.attempt.holds_contact_lock:
        emails = sorted(person.email for person in attendees.people_of(claim.run))
        refs = [claim.known[Kind.CONTACT, email] for email in emails]
        return [ref for ref in refs if ref.remote_id], []
    saved = _save_contacts(provider, claim)
    return [ref for ref in saved if ref.remote_id], saved


def _content(meeting: Meeting) -> MeetingContent:
    return MeetingContent(
        key=meeting.key,
        title=meeting.title,
        starts_at=meeting.starts_at,
        ends_at=meeting.ends_at,
        location=meeting.location,
        notes=meeting.notes,
        status=meeting.status,
    )


WORK: dict[SyncStep, Work] = {
    SyncStep.CONTACTS: _save_contacts,
    SyncStep.MEETING: _save_meeting,
    SyncStep.NOTES: _save_notes,
}
