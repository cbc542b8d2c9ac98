"""What a list of meetings has beyond its rows: their documents, counts, and an ETag."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django.db.models import Count
from django.utils import timezone
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request
from rest_framework.response import Response

from crmsync.api.etags import is_known
from crmsync.api.readers import reader_of
from crmsync.status import many, sql
from crmsync.status.reader import Reader
from crmsync.status.state import PHASES
from meetings.filters import MeetingSearchFilter


def finish(request: Any, response: Response, asked: Mapping[str, str], view: Any) -> Response:
    """Adds what was asked for; a page that the caller has is a 304."""
    reader = reader_of(request)
    revisions = _expand(reader, response.data["results"]) if "expand" in asked else []
    if "counts" in asked:
        response.data["counts"] = _counts(request, view)
    etag = _etag_of(response.data, revisions)
    headers = {"ETag": etag, "Cache-Control": "no-cache, private"}
    if is_known(etag, request.headers.get("If-None-Match", "")):
        return Response(status=304, headers=headers)
    return Response(response.data, headers=headers)


def _expand(reader: Reader, rows: list[dict[str, Any]]) -> list[str]:
    """Puts the document of its sync into each row; returns the revisions."""
    documents = many.read([row["id"] for row in rows], reader)
    for row in rows:
        document = documents.get(row["id"])
        row["sync"] = json.loads(document.body) if document else None
    return [document.revision for document in documents.values()]


def _counts(request: Request, view: Any) -> dict[str, int]:
    """Of all meetings that the search finds, whatever their state."""
    searching: BaseFilterBackend = MeetingSearchFilter()
    found = searching.filter_queryset(request, view.get_queryset(), view)
    plain = found.order_by().select_related(None).prefetch_related(None)
    states = sql.annotate_state(plain, timezone.now()).values("state")
    counted = states.annotate(count=Count("pk")).values_list("state", "count")
    return {**dict.fromkeys(PHASES, 0), **dict(counted)}


def _etag_of(data: Mapping[str, Any], revisions: list[str]) -> str:
    """Weak: of a document, its revision counts, since `poll_after` differs."""
    rows = [{**row, "sync": None} for row in data["results"]]
    told = json.dumps([{**data, "results": rows}, revisions], default=str)
    return f'W/"{hashlib.sha256(told.encode()).hexdigest()[:20]}"'
