"""The record of what staff did, and the pages that start, follow and stop an action."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from crmsync.admin.base import ReadOnlyAdmin, first_ids, format_moment
from crmsync.admin.bulk_actions import (
    SupportActionForm,
    confirm,
    confirmation,
    has_workers,
    in_words,
    may,
)
from crmsync.errors import CATALOGUE
from crmsync.models import SupportAction, SyncRun
from crmsync.operations import requeue, support_actions
from crmsync.providers import PROVIDERS
from crmsync.support import targets as support_targets
from crmsync.support.incident_messages import advice_on

Kind = SupportAction.Kind
MAX_SHOWN = 200
SHOWN = ("what", "who", "reason", "progress", "came_to", "at")


@admin.register(SupportAction)
class SupportActionAdmin(ReadOnlyAdmin):
    list_display = SHOWN
    list_filter = ["kind"]
    search_fields = ["by_name", "reason"]
    search_help_text = "Who did it, or a part of the reason"
    fields = readonly_fields = (*SHOWN, "ended")
    change_form_template = "crmsync/admin/support_action.html"

    @admin.display(description="what")
    def what(self, action: SupportAction) -> str:
        return action.get_kind_display()

    def who(self, action: SupportAction) -> str:
        return action.by_name

    @admin.display(description="done")
    def progress(self, action: SupportAction) -> str:
        if not action.position and not action.targets:
            return "–"
        done = f"{action.position} of {max(len(action.targets), action.position)}"
        return f"{done}, stopped by {action.stopped_by}" if action.stopped_by else done

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
        return [
            self._url("start/", "start", self.start),
            self._url("review/", "review", require_POST(self.review)),
            self._url("of-cause/", "of_cause", require_safe(self.of_cause)),
            self._url("<int:pk>/stop/", "stop", require_POST(self.stop)),
            self._url("<int:pk>/cancel/", "cancel", require_safe(self.cancel)),
            *super().get_urls(),
        ]

    def _url(self, route: str, name: str, view: Any) -> URLPattern:
        return path(route, self.admin_site.admin_view(view), name=f"crmsync_supportaction_{name}")

    def start(self, request: HttpRequest) -> HttpResponse:
        """A GET comes from the log-in page, if the session had ended before the POST."""
        if request.method != "POST":
            context = self.admin_site.each_context(request) | {"title": "Where you left off"}
            return TemplateResponse(request, "crmsync/admin/resume_action.html", context)
        kind, form = _read(request)
        if not form.is_valid():
            return confirmation(request, kind, form.cleaned_data["targets"], form)
        done = support_actions.start(
            kind, form.cleaned_data["targets"], request.user, form.cleaned_data["reason"]
        )
        return self._show(request, done)

    def review(self, request: HttpRequest) -> HttpResponse:
        """The confirmation page once more, with the reason that was written before."""
        kind, form = _read(request)
        form.is_valid()
        return confirmation(request, kind, form.cleaned_data["targets"], form)

    def of_cause(self, request: HttpRequest) -> HttpResponse:
        """To re-queue everything that failed for one cause, once that is mended."""
        code = request.GET.get("error", "")
        if code not in CATALOGUE or not may(request, Kind.REQUEUE):
            raise PermissionDenied
        failed = requeue.failed_for(code, _provider(request))
        connection = request.GET.get("connection", "")
        if connection.isdecimal():
            failed = failed.filter(connection=int(connection))
        advice = advice_on(code, _provider(request))
        return confirm(request, Kind.REQUEUE, first_ids(failed, "meeting"), advice)

    def stop(self, request: HttpRequest, pk: int) -> HttpResponse:
        action = self.get_object(request, str(pk))
        if action is None or not may(request, action.kind):
            raise PermissionDenied
        stopped = support_actions.stop(pk, request.user)
        text = "Stopped. What was done before stays." if stopped else "It had already ended."
        self.message_user(request, text, messages.INFO)
        return redirect("admin:crmsync_supportaction_change", pk)

    def cancel(self, request: HttpRequest, pk: int) -> HttpResponse:
        """To cancel what was re-queued by mistake and is still under way."""
        action = self.get_object(request, str(pk))
        if action is None or not _may_cancel(request, action):
            raise PermissionDenied
        return confirm(request, Kind.CANCEL, first_ids(_under_way(action), "meeting"))

    def page_context(self, request: HttpRequest, shown: SupportAction) -> dict[str, Any]:
        is_over = shown.finished_at is not None
        is_of_syncs = shown.kind in SupportAction.OF_MEETINGS
        return {
            "title": f"{self.what(shown)} by {shown.by_name}",
            "subtitle": None,
            "rows": _rows(shown),
            "left": max(0, shown.position - MAX_SHOWN),
            "noun": "meeting" if is_of_syncs else support_targets.noun(shown.kind, 1),
            "is_of_syncs": is_of_syncs,
            "may_stop": not is_over and may(request, shown.kind),
            "may_cancel": _may_cancel(request, shown),
            "has_workers": is_over or has_workers(),
            "estimate": None if is_over else _estimate(shown),
        }

    def _show(self, request: HttpRequest, done: SupportAction) -> HttpResponse:
        if len(done.targets) == 1 and done.finished_at:
            came = f"{self.what(done).capitalize()}: {self.came_to(done)}."
            self.message_user(request, came, messages.INFO)
            (target,) = done.targets
            if done.kind in SupportAction.OF_MEETINGS:
                run: Any = SyncRun.objects.latest_of(target).first()
                return redirect("admin:crmsync_syncrun_change", run.pk) if run else _to_page(done)
            if done.kind in SupportAction.OF_INCIDENTS:
                return redirect("admin:crmsync_incident_change", target)
        return _to_page(done)


def _to_page(action: SupportAction) -> HttpResponse:
    return redirect("admin:crmsync_supportaction_change", action.pk)


def _read(request: HttpRequest) -> tuple[Kind, SupportActionForm]:
    form = SupportActionForm(request.POST)
    kind = request.POST.get("kind", "")
    if not may(request, kind) or "targets" in form.errors:
        raise PermissionDenied
    return Kind(kind), form


def _may_cancel(request: HttpRequest, action: SupportAction) -> bool:
    return may(request, Kind.CANCEL) and _under_way(action).exists()


def _under_way(action: SupportAction) -> QuerySet[SyncRun]:
    """The active syncs that it began, not those that somebody else has begun since."""
    if action.kind not in (Kind.REQUEUE, Kind.RESTART):
        return SyncRun.objects.none()
    targets = action.results.filter(outcome=requeue.Outcome.REQUEUED).values("target")
    begun = {"requested_by": action.by, "reason": action.reason}
    active = SyncRun.objects.active().filter(created_at__gte=action.created_at, **begun)
    return active.filter(meeting__in=targets)


def _provider(request: HttpRequest) -> str:
    provider = request.GET.get("provider", "")
    return provider if provider in PROVIDERS else ""


def _rows(action: SupportAction) -> list[dict[str, Any]]:
    """The targets that are done, each with what became of it."""
    done: QuerySet[Any] = action.results.all()[:MAX_SHOWN]
    named = support_targets.name(action.kind, [result.target for result in done])
    return [{"result": result, "target": named.get(result.target)} for result in done]


def _estimate(action: SupportAction) -> str:
    """From how long it has taken so far; before anything is done, from the usual rate."""
    left = len(action.targets) - action.position
    seconds_each = 1 / support_actions.targets_per_second(action.kind)
    if action.position:
        taken = timezone.now() - action.created_at
        seconds_each = max(seconds_each, taken.total_seconds() / action.position)
    return in_words(left * seconds_each)
