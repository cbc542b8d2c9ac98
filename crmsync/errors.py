"""The error catalogue, as data: what each code means, how it is handled, what people read.

Texts may name {crm}, {field} and {detail} (the CRM's own words about the person's data).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.db import InterfaceError, InternalError, OperationalError
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# What Django raises while the database is unavailable or shutting down.
DATABASE_UNAVAILABLE = (OperationalError, InterfaceError, InternalError)


class Handling(StrEnum):
    RETRY = "retry"
    WAIT = "wait"
    HOLD = "hold"
    GIVE_UP = "give_up"


class Actor(StrEnum):
    NOBODY = "nobody"
    YOU = "you"
    CRM_ADMIN = "crm_admin"
    SUPPORT = "support"


@dataclass(frozen=True)
class ErrorKind:
    category: str
    handling: Handling
    actor: Actor
    title: str | Promise
    message: str | Promise
    remedy: str | Promise
    tries: int | None = None  # None: one more than the delays in SYNC_RETRY_DELAYS.
    wait_seconds: float = 0  # Used if the CRM names no time.


RETRY, WAIT, HOLD, GIVE_UP = Handling
WE_TRY_AGAIN = _("We will try again. Nothing is lost, and you need to do nothing.")
UNCONFIRMED = "connection_unconfirmed"
ASK_SUPPORT = _("Give our support the reference, and they will look into it.")

CATALOGUE: dict[str, ErrorKind] = {
    "crm_rate_limited": ErrorKind(
        "transient",
        WAIT,
        Actor.NOBODY,
        _("{crm} asked us to slow down"),
        _("{crm} limits how many requests it takes at a time, and we reached that limit."),
        _("We will continue as soon as {crm} allows it. You need to do nothing."),
        wait_seconds=60,
    ),
    "crm_daily_quota_used": ErrorKind(
        "transient",
        WAIT,
        Actor.NOBODY,
        _("The daily request limit of {crm} has been reached"),
        _("Your account at {crm} has used up its requests for the day."),
        _(
            "We will continue as soon as {crm} allows it. If this happens often, ask "
            "the administrator of {crm} for a higher limit."
        ),
        wait_seconds=3600,
    ),
    "crm_unavailable": ErrorKind(
        "transient",
        RETRY,
        Actor.NOBODY,
        _("{crm} is not answering"),
        _("{crm} could not be reached or had a problem of its own."),
        WE_TRY_AGAIN,
    ),
    "crm_timeout": ErrorKind(
        "transient",
        RETRY,
        Actor.NOBODY,
        _("{crm} took too long to answer"),
        _("We sent the data, but no answer came in time. Trying again does not write it twice."),
        WE_TRY_AGAIN,
    ),
    "record_locked": ErrorKind(
        "transient",
        RETRY,
        Actor.NOBODY,
        _("The record is locked in {crm}"),
        _("{crm} holds the record locked while somebody or something else changes it."),
        WE_TRY_AGAIN,
    ),
    "connection_expired": ErrorKind(
        "reconnect",
        HOLD,
        Actor.YOU,
        _("{crm} does not let us in"),
        _("Your sign-in was rejected or has expired."),
        _("Connect {crm} again with valid credentials. We will then save what is waiting."),
    ),
    "permission_missing": ErrorKind(
        "reconnect",
        HOLD,
        Actor.CRM_ADMIN,
        _("A permission is missing in {crm}"),
        _("Your account at {crm} is not allowed to save everything that belongs to a meeting."),
        _("Ask the administrator of {crm} for the permission, then connect {crm} again."),
    ),
    "crm_user_inactive": ErrorKind(
        "reconnect",
        HOLD,
        Actor.CRM_ADMIN,
        _("Your user at {crm} is not active"),
        _("Somebody deactivated the user that the connection belongs to."),
        _("Ask the administrator of {crm} to activate your user, then connect {crm} again."),
    ),
    UNCONFIRMED: ErrorKind(
        "reconnect",
        HOLD,
        Actor.YOU,
        _("Please confirm your connection to {crm}"),
        _("Your password was reset by e-mail, so we send nothing to {crm} until you confirm it."),
        _("Connect {crm} again. We will then save what is waiting."),
    ),
    "wrong_address": ErrorKind(
        "transient",
        RETRY,  # A proxy may redirect for a while.
        Actor.YOU,
        _("{crm} does not answer at this address"),
        _("Either nothing answers there, or something other than {crm} does."),
        _("Check the address, then connect {crm} again."),
    ),
    "record_rejected": ErrorKind(
        "data",
        GIVE_UP,
        Actor.YOU,
        _("{crm} did not accept the {field}"),
        _("{crm} said: “{detail}”"),
        _("Correct the {field} and sync the meeting again."),
    ),
    "refused_by_rule": ErrorKind(
        "data",
        GIVE_UP,
        Actor.CRM_ADMIN,
        _("A rule in {crm} refused the meeting"),
        _("{crm} said: “{detail}”"),
        _("Show this to the administrator of {crm}. Then sync the meeting again."),
    ),
    "field_missing": ErrorKind(
        "data",
        GIVE_UP,
        Actor.CRM_ADMIN,
        _("{crm} requires the {field}"),
        _("{crm} said: “{detail}”"),
        _("Fill in the {field}, or ask the administrator of {crm}. Then sync the meeting again."),
    ),
    "record_deleted": ErrorKind(
        "gone",
        RETRY,
        Actor.NOBODY,
        _("The record was deleted in {crm}"),
        _("What we saved earlier is no longer in {crm}."),
        _("We write it once more. You need to do nothing."),
        tries=2,
    ),
    "worker_lost": ErrorKind(
        "system",
        RETRY,
        Actor.NOBODY,
        _("The sync was interrupted on our side"),
        _("The process that was saving your meeting stopped before it was finished."),
        WE_TRY_AGAIN,
    ),
    "attempts_exhausted": ErrorKind(
        "final",
        GIVE_UP,
        Actor.SUPPORT,
        _("Several tries went wrong"),
        _("We tried several times. The last time: {detail}."),
        _("Give our support the reference: they see what happened. You can also sync it again."),
    ),
    "unexpected_error": ErrorKind(
        "bug",
        RETRY,
        Actor.SUPPORT,
        _("Something went wrong on our side"),
        _("{crm} and syncsite did not understand each other."),
        ASK_SUPPORT,
        tries=3,
    ),
}
BLOCKING_CODES = [code for code, kind in CATALOGUE.items() if kind.handling is Handling.HOLD]


# What providers call the fields of a meeting, and where an API client finds them.
FIELD_PATHS = {
    "title": "title",
    "start": "starts_at",
    "end": "ends_at",
    "location": "location",
    "notes": "notes",
    "attendees": "attendees",
    "e-mail address": "attendees[{index}].email",
    "attendee’s name": "attendees[{index}].name",
}


def path_of(field: str, detail: str, emails: Sequence[str]) -> str:
    """The refused field as a path, such as `attendees[1].email`; empty if it is not known.

    `emails`: of the attendees, in order. The CRM's words name the one that it refused.
    """
    path = FIELD_PATHS.get(field, "")
    named = (index for index, email in enumerate(emails) if email in detail.lower())
    index = next(named, None)
    if "{index}" in path and index is None:
        return "attendees"
    return path.format(index=index)


class CrmError(Exception):
    """The only error that leaves a provider. Its code decides what happens next.

    `message` is for staff. `detail` and `field` are the CRM's words about the person's data.
    `retry_after` is in seconds.
    """

    def __init__(
        self,
        code: str,
        message: str = "",
        *,
        field: str = "",
        detail: str = "",
        http_status: int | None = None,
        correlation_id: str = "",
        retry_after: float | None = None,
        outcome_unknown: bool = False,
    ) -> None:
        message, field, detail, correlation_id = map(
            strip_unstorable, (message, field, detail, correlation_id)
        )
        super().__init__(message or code)
        self.code = code
        self.kind = CATALOGUE[code]
        self.message = message
        self.field = field
        self.detail = detail
        self.http_status = http_status
        self.correlation_id = correlation_id
        self.retry_after = retry_after
        self.outcome_unknown = outcome_unknown


def strip_unstorable(text: str) -> str:
    """Removes null bytes and lone surrogates, which databases refuse."""
    return text.replace("\0", "").encode(errors="replace").decode()
