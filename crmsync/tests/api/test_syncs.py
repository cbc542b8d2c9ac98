"""GET and POST /syncs, and lists with the documents of their rows."""

import pytest
from django.core.cache import cache as redis_cache

from conftest import api_of, in_threads
from crmsync.api.syncs import parse_known
from crmsync.models import SyncRun
from crmsync.operations import syncs
from crmsync.status import surroundings
from meetings.models import Meeting

pytestmark = pytest.mark.django_db


def known(*pairs):
    return ",".join(f"{meeting.pk}:{revision}" for meeting, revision in pairs)


def follow(api, *pairs, **headers):
    return api.get("/syncs", {"known": known(*pairs)}, headers=headers)


def document(api, meeting):
    return api.get(f"/meetings/{meeting.pk}/sync").json()


@pytest.fixture
def three(make_meeting, connection):
    return [make_meeting(f"p{n}@acme.example") for n in range(3)]


def test_tell_what_differs_from_what_the_caller_has(own_api, three):
    first, second, third = three
    revision = document(own_api, first)["revision"]
    answer = follow(own_api, (first, revision), (second, ""), (third, "older")).json()
    assert [told["meeting_id"] for told in answer["syncs"]] == [second.pk, third.pk]
    assert answer["syncs"][0] == document(own_api, second)
    assert (answer["gone"], answer["poll_after"]) == ([], 60)


def test_are_the_very_documents_of_polls_in_every_state(own_api, three, settle):
    first, second, _ = three
    own_api.post(f"/meetings/{first.pk}/sync")
    settle()
    own_api.post(f"/meetings/{second.pk}/sync")
    told = {
        one["meeting_id"]: one for one in follow(own_api, *((m, "") for m in three)).json()["syncs"]
    }
    assert told == {meeting.pk: document(own_api, meeting) for meeting in three}
    assert follow(own_api, (second, "")).json()["poll_after"] == 2


def test_change_their_revision_when_the_etag_changes(own_api, three, settle):
    meeting = three[0]
    seen = set()
    for act in (lambda: None, lambda: own_api.post(f"/meetings/{meeting.pk}/sync"), settle):
        act()
        for _ in range(2):
            poll = own_api.get(f"/meetings/{meeting.pk}/sync")
            seen.add((poll["ETag"], poll.json()["revision"]))
    assert len(seen) == len({etag for etag, _ in seen}) == len({r for _, r in seen}) == 3


def test_tell_of_a_first_run_that_is_requested_while_they_are_read(
    own_api, three, user, monkeypatch
):
    redis_cache.clear()
    read_many = surroundings.read_many

    def meanwhile(*asked):
        monkeypatch.undo()
        syncs.request_sync(three[1], by=user)
        return read_many(*asked)

    monkeypatch.setattr(surroundings, "read_many", meanwhile)
    answer = follow(own_api, *((meeting, "") for meeting in three)).json()
    assert answer["gone"] == []
    states = {one["meeting_id"]: one["state"] for one in answer["syncs"]}
    assert states == {
        three[0].pk: "never_synced",
        three[1].pk: "queued",
        three[2].pk: "never_synced",
    }


def test_name_the_meetings_that_are_no_more(own_api, three, stranger, make_meeting):
    foreign = make_meeting(owner=stranger)
    gone = three[0].pk
    three[0].delete()
    answer = own_api.get("/syncs", {"known": f"{gone}:abc,{foreign.pk}:,999999"}).json()
    assert (answer["syncs"], answer["gone"]) == ([], [gone, foreign.pk, 999999])


def test_are_a_304_while_nothing_changes(own_api, three):
    asked = [(meeting, "") for meeting in three]
    etag = follow(own_api, *asked)["ETag"]
    again = follow(own_api, *asked, **{"If-None-Match": etag})
    assert (again.status_code, again.content, again["Retry-After"]) == (304, b"", "60")
    own_api.post(f"/meetings/{three[0].pk}/sync")
    assert follow(own_api, *asked, **{"If-None-Match": etag}).status_code == 200


TOO_MANY = ",".join(map(str, range(101)))


@pytest.mark.parametrize("text", ["x", "1:a,,2", "-1:", "1" * 19, "\u0663:a", TOO_MANY])
def test_refuse_what_names_no_meetings(own_api, text):
    refused = own_api.get("/syncs", {"known": text})
    assert (refused.status_code, refused.json()["errors"][0]["path"]) == (400, "known")


def test_need_no_meeting_and_take_the_last_of_two(own_api):
    assert own_api.get("/syncs").json() == {"syncs": [], "gone": [], "poll_after": 60}
    assert [one.revision for one in parse_known("1:a,1:b")] == ["b"]


def test_need_a_token(api):
    assert api.get("/syncs?known=1").status_code == 401
    assert api.post("/syncs", {"meetings": [1]}).status_code == 401


def test_speak_the_language_of_the_caller(own_api, three):
    told = follow(own_api, (three[0], ""), **{"Accept-Language": "de"}).json()["syncs"][0]
    assert told["headline"] == "Noch nicht in Sandbox"
    assert follow(own_api, (three[0], "")).json()["syncs"][0]["headline"] == "Not in Sandbox yet"


def test_are_one_look_into_redis_and_no_statement_when_warm(
    own_api, three, redis_commands, django_assert_num_queries
):
    asked = [(meeting, "") for meeting in three]
    follow(own_api, *asked)
    with redis_commands() as sent, django_assert_num_queries(0):
        follow(own_api, *asked)
    assert [command[0] for command in sent if command[0] != "PEXPIRE"] == ["MGET"]


@pytest.mark.parametrize("count", [3, 40])
def test_are_a_fixed_number_of_statements_when_cold(
    own_api, make_meeting, connection, count, django_assert_max_num_queries
):
    meetings = [make_meeting() for _ in range(count)]
    for meeting in meetings[: count // 2]:
        syncs.request_sync(meeting, by=None)
    redis_cache.clear()
    with django_assert_max_num_queries(9):
        assert len(follow(own_api, *((m, "") for m in meetings)).json()["syncs"]) == count


@pytest.mark.django_db(transaction=True)
def test_of_a_herd_of_pages_are_read_once(user, three, django_assert_max_num_queries):
    redis_cache.clear()
    calls = [lambda: follow(api_of(user), *((m, "") for m in three)).status_code] * 8
    assert in_threads(*calls) == [200] * 8


def test_are_started_together(own_api, three, settle):
    answer = own_api.post("/syncs", {"meetings": [meeting.pk for meeting in three]})
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [(r["meeting_id"], r["status"]) for r in results] == [(m.pk, 202) for m in three]
    assert results[0]["sync"]["state"] == "queued"
    settle()
    assert {document(own_api, meeting)["state"] for meeting in three} == {"synced"}


def test_are_started_where_they_can_be(own_api, three, stranger, make_meeting):
    foreign = make_meeting(owner=stranger)
    asked = [three[0].pk, foreign.pk, 999999, three[0].pk]
    results = own_api.post("/syncs", {"meetings": asked}).json()["results"]
    assert [(r["meeting_id"], r["status"]) for r in results] == [
        (three[0].pk, 202),
        (foreign.pk, 404),
        (999999, 404),
    ]
    assert results[1]["error"]["code"] == "not_found"
    assert SyncRun.objects.count() == 1


def test_are_not_started_without_a_connection(own_api, meeting):
    (result,) = own_api.post("/syncs", {"meetings": [meeting.pk]}).json()["results"]
    assert (result["status"], result["error"]["code"]) == (409, "not_connected")


@pytest.mark.parametrize("asked", [[], ["x"], [0], "1", None, list(range(1, 102)), [10**20]])
def test_are_not_started_for_what_names_no_meetings(own_api, asked):
    refused = own_api.post("/syncs", {"meetings": asked})
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["path"].startswith("meetings")


def test_stand_in_the_list_that_asks_for_them(own_api, three):
    rows = own_api.get("/meetings", {"expand": "sync"}).json()["results"]
    assert [row["sync"] for row in rows] == [document(own_api, m) for m in reversed(three)]
    assert "sync" not in own_api.get("/meetings").json()["results"][0]
    assert "notes" not in rows[0]


def test_make_a_page_that_is_a_304_while_nothing_changes(own_api, three):
    etag = own_api.get("/meetings", {"expand": "sync"})["ETag"]
    again = own_api.get("/meetings", {"expand": "sync"}, headers={"If-None-Match": etag})
    assert again.status_code == 304
    own_api.post(f"/meetings/{three[0].pk}/sync")
    again = own_api.get("/meetings", {"expand": "sync"}, headers={"If-None-Match": etag})
    assert again.status_code == 200


def test_are_counted_by_state(own_api, three, settle):
    own_api.post(f"/meetings/{three[0].pk}/sync")
    settle()
    counts = own_api.get("/meetings", {"counts": "1", "page_size": 1}).json()["counts"]
    assert {state: count for state, count in counts.items() if count} == {
        "synced": 1,
        "never_synced": 2,
    }
    found = own_api.get("/meetings", {"counts": "1", "search": "p1@acme.example"}).json()["counts"]
    assert sum(found.values()) == 1


def test_can_be_listed_by_start_and_in_pages_of_any_size(own_api, three):
    Meeting.objects.filter(pk=three[0].pk).update(starts_at="2026-01-01T00:00:00Z")
    first = own_api.get("/meetings", {"ordering": "starts_at", "page_size": 1}).json()
    assert (first["results"][0]["id"], first["count"]) == (three[0].pk, 3)
    last = own_api.get("/meetings", {"ordering": "-starts_at"}).json()["results"][-1]
    assert last["id"] == three[0].pk
    oldest = own_api.get("/meetings", {"ordering": "created_at"}).json()["results"][0]
    assert oldest["id"] == three[0].pk


@pytest.mark.parametrize(
    ("name", "value"),
    [("ordering", "title"), ("page_size", "0"), ("page_size", "101"), ("page_size", "x"),
     ("expand", "notes"), ("counts", "2")],
)  # fmt: skip
def test_refuse_a_list_that_there_is_not(own_api, name, value):
    refused = own_api.get("/meetings", {name: value})
    assert (refused.status_code, refused.json()["errors"][0]["path"]) == (400, name)


@pytest.mark.parametrize("path", ["/syncs?known=", "/meetings"])
def test_are_a_304_without_headers_of_a_content(own_api, path):
    etag = own_api.get(path)["ETag"]
    again = own_api.get(path, headers={"If-None-Match": etag})
    assert again.status_code == 304
    assert not {"Content-Type", "Content-Security-Policy"} & set(again.headers)
    assert "origin" in again["Vary"]
