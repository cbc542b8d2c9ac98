"""The texts of a sync's document, as data: first the state, then whether anything is lost, then who
must act. "We" act; "you" only if the person must. document.py chooses among them.

Placeholders: {crm}, {when} (such as "at 16:32"), {label} and {step} of {steps}, {tries} of
{max_tries}, {position} in line, {since} (such as "since 14:02"), {refused} people, and the error's
{title} and {remedy}.
"""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


@dataclass(frozen=True)
class StateMessage:
    """`actor`: who acts next; None: whoever the error names. `kind`: what happens next."""

    headline: Text
    detail: Text
    kind: str
    actor: str | None
    text: Text
    headline_when_due: Text = ""


NOTHING_TO_DO = _("You need to do nothing. You can close this page.")

REMOVAL_REMEDY = _("Try again, keep the meeting, or remove it in {crm} yourself.")

MESSAGES: dict[str, StateMessage] = {
    "not_connected": StateMessage(
        _("No CRM is connected"),
        _("The meeting is safe here. It can be saved in your CRM once you connect it."),
        "connect",
        "you",
        _("Connect your CRM."),
    ),
    "never_synced": StateMessage(
        _("Not in {crm} yet"),
        _("This meeting has not been synced yet. It is safe here."),
        "sync",
        "you",
        _("Start the sync when you are ready."),
    ),
    "queued": StateMessage(
        _("The sync starts in a moment"),
        _("We have noted it, and nothing gets lost."),
        "start",
        "system",
        NOTHING_TO_DO,
    ),
    "syncing": StateMessage(
        _("{label} in {crm}"),
        _("This is step {step} of {steps}."),
        "finish",
        "system",
        NOTHING_TO_DO,
    ),
    "syncing_again": StateMessage(
        _("{label} in {crm}"),
        _("This is step {step} of {steps}, try {tries} of {max_tries}."),
        "finish",
        "system",
        NOTHING_TO_DO,
    ),
    "removing": StateMessage(
        _("Removing the meeting from {crm}"),
        _("It is deleted here. What we saved of it in {crm} is being removed; the people stay."),
        "finish",
        "system",
        NOTHING_TO_DO,
    ),
    "other_syncs": StateMessage(
        _("Waiting behind your other meetings"),
        _(
            "Your meeting is number {position} in line. We save only a few at a time."
            " Nothing is lost."
        ),
        "resume",
        "system",
        NOTHING_TO_DO,
    ),
    "crm_outage": StateMessage(
        _("Waiting until {crm} answers again"),
        _("{crm} has not answered anybody {since}. Nothing is lost."),
        "resume",
        "system",
        _("We go on by ourselves when it does. You can close this page."),
    ),
    "no_worker": StateMessage(
        _("Nobody is working on it right now"),
        _("It will continue by itself as soon as our service is running again. Nothing is lost."),
        "resume",
        "support",
        NOTHING_TO_DO,
    ),
    "no_worker_told": StateMessage(
        _("Nobody is working on it right now"),
        _("Our support has been told. Nothing is lost."),
        "resume",
        "support",
        NOTHING_TO_DO,
    ),
    "rate_limited": StateMessage(
        _("We will continue {when}"),
        _("{crm} limits how many requests it takes at a time. Nothing is lost."),
        "resume",
        "system",
        NOTHING_TO_DO,
        headline_when_due=_("We will continue in a moment"),
    ),
    "daily_quota": StateMessage(
        _("We will continue {when}"),
        _("Your account has reached {crm}'s daily request limit. Nothing is lost."),
        "resume",
        "system",
        NOTHING_TO_DO,
        headline_when_due=_("We will continue in a moment"),
    ),
    "retrying": StateMessage(
        _("We will try again {when}"),
        _("{title}. This was try {tries} of {max_tries}. Nothing is lost."),
        "retry",
        "system",
        NOTHING_TO_DO,
        headline_when_due=_("We will try again in a moment"),
    ),
    "needs_reauth": StateMessage(
        _("Waiting until {crm} is connected again"),
        _("{title}. Nothing is lost: we keep the meeting until then."),
        "reconnect",
        None,
        _("{remedy}"),
    ),
    "by_support": StateMessage(
        _("Our support has paused your syncs"),
        _("Nothing is lost: we keep the meeting until support resumes them."),
        "resume",
        "support",
        NOTHING_TO_DO,
    ),
    "synced": StateMessage(
        _("Saved in {crm}"),
        _("Everything you entered is there."),
        "none",
        "nobody",
        _("There is nothing to do."),
    ),
    "synced_partly": StateMessage(
        _("Saved in {crm}, though not all of it"),
        _(
            "{crm} does not have room for all of it. The records show what was "
            "shortened or left out."
        ),
        "none",
        "nobody",
        _("You can shorten it yourself and sync the meeting again."),
    ),
    "synced_kept": StateMessage(
        _("Saved in {crm}, next to somebody else's changes"),
        _(
            "Somebody changed this meeting in {crm}. We left what they wrote. The records show"
            " where it differs from what you entered."
        ),
        "none",
        "nobody",
        _("If yours is right, change it in {crm}."),
    ),
    "synced_without": StateMessage(
        _("Saved in {crm}, but not with everybody"),
        _("{crm} did not accept {refused}. The meeting and everybody else are saved."),
        "resolve",
        "you",
        _("Correct what {crm} did not accept, and sync the meeting again."),
    ),
    "unchanged": StateMessage(
        _("Saved in {crm}"),
        _("Everything was there already, so nothing had to be written."),
        "none",
        "nobody",
        _("There is nothing to do."),
    ),
    "out_of_date": StateMessage(
        _("Changed since it was saved in {crm}"),
        _("{crm} has the meeting as it was before. Your change is safe here."),
        "sync",
        "you",
        _("Start the sync to save the change there as well."),
    ),
    "failed": StateMessage(
        _("Not saved in {crm}"),
        _("{title}. Nothing is lost: the meeting is safe here."),
        "resolve",
        None,
        _("{remedy}"),
    ),
    "failed_partly": StateMessage(
        _("Not everything is saved in {crm}"),
        _("{title}. Nothing is lost: the meeting is safe here. The records show what is in {crm}."),
        "resolve",
        None,
        _("{remedy}"),
    ),
    "failed_removal": StateMessage(
        _("Still in {crm}"),
        _(
            "{title}. The meeting is gone from your list here, but {crm} still has it."
            " Nothing is lost."
        ),
        "resolve",
        "you",
        REMOVAL_REMEDY,
    ),
    "needs_reauth_removal": StateMessage(
        _("Waiting until {crm} is connected again"),
        _("{title}. Nothing is lost: the meeting stays in {crm} until then."),
        "reconnect",
        None,
        _("Connect {crm} again to have it removed, or keep the meeting."),
    ),
    "by_support_removal": StateMessage(
        _("Our support has paused your syncs"),
        _("Nothing is lost: the meeting stays in {crm} until support resumes them."),
        "resume",
        "support",
        NOTHING_TO_DO,
    ),
    "canceled_removal": StateMessage(
        _("The meeting is kept"),
        _("It is safe here. Part of it may be gone from {crm} already."),
        "sync",
        "you",
        _("Sync it again to have all of it there."),
    ),
    "canceled": StateMessage(
        _("The sync was canceled"),
        _("The meeting is safe here. What had been saved before stays in {crm}."),
        "sync",
        "you",
        _("Start the sync again whenever you like."),
    ),
}

# What a person has to do before anything else.
PREREQUISITES: dict[str, Text] = {
    "connect": _("Connect your CRM."),
    "reconnect": _("Connect {crm} again, then start the sync."),
}
RUN_RESULTS: dict[str, Text] = {
    "queued": _("Waiting"),
    "running": _("Under way"),
    "retrying": _("Waiting for the next try"),
    "succeeded": _("Saved in {crm}"),
    "failed": _("Not saved: {title}"),
    "failed_removal": _("Not removed: {title}"),
    "canceled": _("Canceled"),
}
ATTEMPT_RESULTS: dict[str, Text] = {
    "": _("Under way"),
    "succeeded": _("Done"),
    "failed": _("{title}"),
    "interrupted": _("Interrupted on our side"),
}
