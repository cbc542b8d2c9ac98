from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from crmsync.errors import CATALOGUE
from crmsync.status.error_messages import error_texts


def help_page(request: HttpRequest, code: str) -> HttpResponse:
    if code not in CATALOGUE:
        raise Http404
    return render(request, "crmsync/help.html", {"code": code, **error_texts(code)})


def help_index(request: HttpRequest) -> HttpResponse:
    return render(
        request,
        "crmsync/help_index.html",
        {"titles": {code: error_texts(code)["title"] for code in CATALOGUE}},
    )
