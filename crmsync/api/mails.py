"""The link in each mail to a person, which ends these mails or has them sent again."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from crmsync.operations import mails


@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest) -> HttpResponse:
    """A POST without a choice stops them, as mail programs send it."""
    user = mails.user_of(request.GET.get("token", ""))
    if user is None:
        raise Http404
    if request.method == "POST":
        mails.choose(user, is_on=request.POST.get("mails") == "on")
    return render(request, "crmsync/mails.html", {"is_on": user.mail_about_syncs})
