"""Acting on many syncs: give a reason, see the expected outcome, confirm, watch."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.validators import validate_comma_separated_integer_list
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST

from crmsync.admin.base import BoundedPaginator, ReadOnlyAdmin, format_moment
from crmsync.models import SupportAction, SyncRun
from crmsync.operations import support_actions
from crmsync.operations.requeue import Outcome

Kind = SupportAction.Kind
MAX_ID_DIGITS = 18  # Digits; every database can compare these.
MAX_TARGETS = BoundedPaginator.MAX_COUNT  # As many as the list can show.
SHOWN = ("what", "by_name", "reason", "progress", "came_to", "at")
REQUIRED_PERMISSIONS = {
    Kind.REQUEUE: "crmsync.requeue_syncrun",
    Kind.RESTART: "crmsync.requeue_syncrun",
    Kind.CANCEL: "crmsync.cancel_syncrun",
    Kind.PAUSE: "crmsync.pause_connection",
    Kind.RESUME: "crmsync.pause_connection",
}

DONE = {Outcome.REQUEUED, *support_actions.DONE.values()}


class SupportActionForm(forms.Form):
    kind = forms.ChoiceField(choices=Kind.choices, widget=forms.HiddenInput)
    targets = forms.CharField(
        widget=forms.HiddenInput, validators=[validate_comma_separated_integer_list]
    )
    reason = forms.CharField(
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3, "autofocus": True}),
        help_text="Stored with this action and with each sync.",
    )

    def clean_targets(self) -> list[int]:
        targets = self.cleaned_data["targets"].split(",")
        if len(targets) > MAX_TARGETS or any(len(target) > MAX_ID_DIGITS for target in targets):
            raise forms.ValidationError("This selection is not valid.")
        return [int(target) for target in targets]


def confirm(request: HttpRequest, kind: Kind, targets: Iterable[int]) -> HttpResponse:
    """The page that shows the expected outcome and asks for a reason."""
    # A meeting with several runs in the list counts once.
    chosen = list(dict.fromkeys(targets))
    given = {"kind": kind, "targets": ",".join(map(str, chosen[:MAX_TARGETS]))}
    if len(chosen) > MAX_TARGETS:
        text = f"Only the latest {MAX_TARGETS} are included. Repeat this for the others."
        messages.warning(request, text)
    return _page(request, kind, chosen[:MAX_TARGETS], SupportActionForm(initial=given))


def _page(
    request: HttpRequest, kind: Kind, targets: list[int], form: SupportActionForm
) -> HttpResponse:
    in_background = len(targets) > support_actions.INLINE_LIMIT
    context = {
        **admin.site.each_context(request),
        "title": f"{kind.label[0].upper()}{kind.label[1:]}",
        "form": form,
        "count": len(targets),
        "outcomes": [
            {"outcome": outcome, "count": count, "is_skipped": outcome not in DONE}
            for outcome, count in support_actions.preview(kind, targets).items()
        ],
        "rate": support_actions.TARGETS_PER_SECOND if in_background else None,
        "seconds": len(targets) // support_actions.TARGETS_PER_SECOND,
        "opts": SupportAction._meta,
    }
    return TemplateResponse(request, "crmsync/admin/confirm_action.html", context)


@admin.register(SupportAction)
class SupportActionAdmin(ReadOnlyAdmin):
    list_display = SHOWN
    list_filter = ["kind"]
    fields = readonly_fields = (*SHOWN, "ended")
    change_form_template = "crmsync/admin/support_action.html"

    @admin.display(description="what")
    def what(self, action: SupportAction) -> str:
        return action.get_kind_display()

    def progress(self, action: SupportAction) -> str:
        return f"{action.position} of {max(len(action.targets), action.position)}"

    @admin.display(description="what came of it")
    def came_to(self, action: SupportAction) -> str:
        outcomes = action.outcomes.items()
        return ", ".join(f"{count} {outcome}" for outcome, count in outcomes) or "–"

    @admin.display(description="at (UTC)", ordering="pk")
    def at(self, action: SupportAction) -> str:
        return format_moment(action.created_at)

    @admin.display(description="finished at (UTC)")
    def ended(self, action: SupportAction) -> str:
        return format_moment(action.finished_at)

    def get_urls(self) -> list[URLPattern]:
        view = require_POST(self.admin_site.admin_view(self.start))
        return [path("start/", view, name="crmsync_supportaction_start"), *super().get_urls()]

    def start(self, request: HttpRequest) -> HttpResponse:
        form = SupportActionForm(request.POST)
        if request.POST.get("kind") not in REQUIRED_PERMISSIONS or "targets" in form.errors:
            raise PermissionDenied
        kind = Kind(request.POST["kind"])
        if not request.user.has_perm(REQUIRED_PERMISSIONS[kind]):
            raise PermissionDenied
        if not form.is_valid():
            return _page(request, kind, form.cleaned_data["targets"], form)
        done = support_actions.start(
            kind, form.cleaned_data["targets"], request.user, form.cleaned_data["reason"]
        )
        return self._show(request, done)

    def _show(self, request: HttpRequest, done: SupportAction) -> HttpResponse:
        if len(done.targets) == 1 and done.kind not in (Kind.PAUSE, Kind.RESUME):
            self.message_user(request, f"Syncs: {self.came_to(done)}.", messages.INFO)
            run: Any = SyncRun.objects.latest_of(done.targets[0]).first()
            if run is not None:
                return redirect("admin:crmsync_syncrun_change", run.pk)
        return redirect("admin:crmsync_supportaction_change", done.pk)
