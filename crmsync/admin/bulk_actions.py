"""Before staff act: which targets, the expected outcome of each, and why."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.validators import validate_comma_separated_integer_list
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from redis.exceptions import RedisError

from crmsync.admin.base import BoundedPaginator
from crmsync.engine import workers
from crmsync.models import SupportAction
from crmsync.operations import support_actions, support_kinds
from crmsync.support import targets as support_targets

Kind = SupportAction.Kind
MAX_ID_DIGITS = 18  # Digits; every database can compare these.
MAX_TARGETS = BoundedPaginator.MAX_COUNT  # As many as the list can show.
MAX_NAMED = 50
MAX_CUSTOMERS = 10
REQUIRED_PERMISSIONS = {
    Kind.REQUEUE: "crmsync.requeue_syncrun",
    Kind.RESTART: "crmsync.requeue_syncrun",
    Kind.RETRY: "crmsync.requeue_syncrun",
    Kind.CANCEL: "crmsync.cancel_syncrun",
    Kind.PAUSE: "crmsync.pause_connection",
    Kind.RESUME: "crmsync.pause_connection",
    Kind.CHECK: "crmsync.check_connection",
    Kind.PASSWORD_MAIL: "crmsync.send_password_mail",
    Kind.SNOOZE_HOUR: "crmsync.snooze_incident",
    Kind.SNOOZE_DAY: "crmsync.snooze_incident",
    Kind.END_SNOOZE: "crmsync.snooze_incident",
    Kind.RESOLVE: "crmsync.snooze_incident",
}
# What the button says, around a number and a noun.
BUTTONS = {
    Kind.REQUEUE: "Re-queue {targets}",
    Kind.RESTART: "Re-queue {targets} from the start",
    Kind.RETRY: "Retry {targets} now",
    Kind.CANCEL: "Cancel {targets}",
    Kind.PAUSE: "Pause {targets}",
    Kind.RESUME: "Resume {targets}",
    Kind.CHECK: "Check {targets}",
    Kind.PASSWORD_MAIL: "Send a password mail to {targets}",
    Kind.SNOOZE_HOUR: "Snooze {targets} for an hour",
    Kind.SNOOZE_DAY: "Snooze {targets} for a day",
    Kind.END_SNOOZE: "End the snooze of {targets}",
    Kind.RESOLVE: "Resolve {targets}",
}
ADVICE = {
    Kind.CANCEL: "Canceling a removal brings the customer's deleted meeting back.",
    Kind.RESOLVE: "If the cause is still there, a new incident opens and alerts again. One about a "
    "customer who has to reconnect does not come back; snooze it instead.",
}


class SupportActionForm(forms.Form):
    kind = forms.ChoiceField(choices=Kind.choices, widget=forms.HiddenInput)
    targets = forms.CharField(
        widget=forms.HiddenInput, validators=[validate_comma_separated_integer_list]
    )
    reason = forms.CharField(
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3, "autofocus": True}),
        help_text="Staff read it wherever this action is shown.",
    )

    def clean_targets(self) -> list[int]:
        targets = self.cleaned_data["targets"].split(",")
        if len(targets) > MAX_TARGETS or any(len(target) > MAX_ID_DIGITS for target in targets):
            raise forms.ValidationError("This selection is not valid.")
        return [int(target) for target in targets]


def may(request: HttpRequest, kind: str) -> bool:
    return kind in REQUIRED_PERMISSIONS and request.user.has_perm(REQUIRED_PERMISSIONS[Kind(kind)])


def confirm(
    request: HttpRequest, kind: Kind, targets: Iterable[int], advice: str = ""
) -> HttpResponse:
    """The page that shows the expected outcome and asks for a reason. Each target comes once."""
    chosen = list(targets)
    given = {"kind": kind, "targets": ",".join(map(str, chosen[:MAX_TARGETS]))}
    if len(chosen) > MAX_TARGETS:
        text = f"Only the latest {MAX_TARGETS:,} are included. Narrow the list to reach others."
        messages.warning(request, text)
    form = SupportActionForm(initial=given)
    return confirmation(request, kind, chosen[:MAX_TARGETS], form, advice)


def confirmation(
    request: HttpRequest, kind: Kind, targets: list[int], form: SupportActionForm, advice: str = ""
) -> HttpResponse:
    foreseen = support_kinds.preview(kind, targets)
    named = support_targets.name(kind, targets[:MAX_NAMED])
    context = {
        **admin.site.each_context(request),
        "title": kind.label[0].upper() + kind.label[1:],
        "advice": advice or ADVICE.get(kind, ""),
        "form": form,
        "button": BUTTONS[kind].format(
            targets=f"{len(targets)} {support_targets.noun(kind, len(targets))}"
        ),
        "count": len(targets),
        "outcomes": [
            {"outcome": outcome, "count": count, "is_skipped": outcome not in support_kinds.DONE}
            for outcome, count in Counter(foreseen.values()).items()
        ],
        "rows": [{"target": named[pk], "outcome": foreseen[pk]} for pk in targets if pk in named],
        "left": max(0, len(targets) - MAX_NAMED),
        "customers": support_targets.customers(kind, targets, MAX_CUSTOMERS + 1),
        "background": _background(kind, len(targets)),
        "opts": SupportAction._meta,
    }
    return TemplateResponse(request, "crmsync/admin/confirm_action.html", context)


def _background(kind: str, count: int) -> dict[str, Any] | None:
    """How long workers will need, and whether there are any; None if it happens immediately."""
    if support_actions.is_immediate(kind, count):
        return None
    rate = support_actions.targets_per_second(kind)
    return {
        "rate": rate,
        "estimate": in_words(count / rate),
        "has_workers": has_workers(),
    }


def has_workers() -> bool:
    try:
        return bool(workers.alive(timezone.now()))
    except RedisError:
        return False


def in_words(seconds: float) -> str:
    if seconds < 90:
        return "a second" if seconds < 1.5 else f"{round(seconds)} seconds"
    return f"{round(seconds / 60)} minutes"
