"""Answers are compressed where it is worth it and no proxy does it."""

import gzip
import json

import pytest

from syncsite.front.compression import MAY_COMPRESS

pytestmark = pytest.mark.django_db
GZIP = {"HTTP_ACCEPT_ENCODING": "gzip, deflate, br", MAY_COMPRESS: True}


@pytest.fixture
def long_meeting(make_meeting, connection):
    return make_meeting(notes="Forty seats. " * 200)


def test_of_over_a_kilobyte_are_compressed(own_api, long_meeting):
    path = f"/meetings/{long_meeting.pk}"
    plain, small = own_api.get(path), own_api.get(path, **GZIP)
    assert (small["Content-Encoding"], int(small["Content-Length"])) == ("gzip", len(small.content))
    assert gzip.decompress(small.content) == plain.content
    assert len(small.content) < len(plain.content) / 2
    assert "Accept-Encoding" in small["Vary"]
    assert "Content-Encoding" not in plain


def test_of_less_are_not(own_api, meeting):
    assert "Content-Encoding" not in own_api.get(f"/meetings/{meeting.pk}", **GZIP)


def test_are_not_for_a_client_that_refuses(own_api, long_meeting):
    refusing = {**GZIP, "HTTP_ACCEPT_ENCODING": "gzip;q=0, *"}
    assert "Content-Encoding" not in own_api.get(f"/meetings/{long_meeting.pk}", **refusing)


def test_keep_their_etag_good_for_an_edit(own_api, long_meeting):
    path = f"/meetings/{long_meeting.pk}"
    etag = own_api.get(path, **GZIP)["ETag"]
    assert etag.startswith("W/")
    edited = own_api.patch(path, {"title": "New"}, headers={"If-Match": etag})
    assert edited.status_code == 200
    late = own_api.patch(path, {"title": "Newer"}, headers={"If-Match": etag})
    assert late.status_code == 412


def test_that_are_made_while_they_are_read_are_compressed_too(own_api, long_meeting):
    answer = own_api.get("/me/export", **GZIP)
    told = json.loads(gzip.decompress(answer.getvalue()))
    assert told["meetings"][0]["id"] == long_meeting.pk
