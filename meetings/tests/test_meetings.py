import pytest

from conftest import api_of
from meetings.models import Meeting
from meetings.serializers import MeetingSerializer

pytestmark = pytest.mark.django_db

BODY = {
    "title": "Kick-off",
    "starts_at": "2026-05-04T12:00:00Z",
    "ends_at": "2026-05-04T13:00:00Z",
    "location": "Video call",
    "notes": "Forty seats.",
    "attendees": [{"email": "Ann@acme.example", "name": "Ann Lee"}, {"email": "bob@acme.example"}],
}
FIELDS = {
    *("id", "title", "starts_at", "ends_at", "location", "notes", "status", "attendees"),
    *("in_progress_sync_status", "last_sync_success", "last_sync_at", "sync_state"),
    *("created_at", "updated_at"),
}


def test_are_added_with_their_attendees(own_api, user):
    response = own_api.post("/meetings", BODY)
    assert response.status_code == 201
    assert set(response.json()) == FIELDS
    assert response.json()["attendees"] == [
        {"email": "ann@acme.example", "name": "Ann Lee"},
        {"email": "bob@acme.example", "name": ""},
    ]
    assert response.json()["starts_at"] == "2026-05-04T12:00:00Z"
    assert Meeting.objects.get().user == user


def test_are_listed_newest_first_in_pages(own_api, make_meeting):
    made = [make_meeting().pk for _ in range(52)]
    first = own_api.get("/meetings").json()
    assert set(first) == {"count", "next", "previous", "results"}
    assert first["count"] == 52
    second = own_api.get(first["next"]).json()
    listed = [row["id"] for row in first["results"] + second["results"]]
    assert listed == made[::-1]


def test_cost_the_same_queries_whether_one_or_fifty_are_listed(
    own_api, make_meeting, django_assert_num_queries
):
    own_api.get("/me")
    make_meeting("a@acme.example")
    with django_assert_num_queries(4):  # Count, meetings, attendees, latest runs.
        own_api.get("/meetings")
    for _ in range(49):
        make_meeting("a@acme.example", "b@acme.example")
    with django_assert_num_queries(4):
        assert len(own_api.get("/meetings").json()["results"]) == 50


def test_are_found_by_title_and_attendee(own_api, make_meeting):
    lunch, demo = make_meeting(title="Lunch"), make_meeting("carla@acme.example", title="Demo")
    found = {text: own_api.get("/meetings", {"search": text}).json() for text in ("lunch", "carla")}
    assert [row["id"] for row in found["lunch"]["results"]] == [lunch.pk]
    assert [row["id"] for row in found["carla"]["results"]] == [demo.pk]


def test_are_changed_in_part(own_api, meeting):
    response = own_api.patch(f"/meetings/{meeting.pk}", {"title": "Lunch"})
    assert response.status_code == 200
    assert response.json()["title"] == "Lunch"
    assert len(response.json()["attendees"]) == 2


def test_get_the_attendees_that_were_sent_last(own_api, meeting):
    body = {"attendees": [{"email": "carla@acme.example"}]}
    changed = own_api.patch(f"/meetings/{meeting.pk}", body).json()
    assert changed["attendees"] == [{"email": "carla@acme.example", "name": ""}]
    assert own_api.get(f"/meetings/{meeting.pk}").json()["attendees"] == changed["attendees"]


def test_never_take_a_sync_field_from_outside(own_api, meeting):
    forged = {"in_progress_sync_status": 3, "last_sync_success": True, "sync_state": "synced"}
    assert own_api.patch(f"/meetings/{meeting.pk}", forged).status_code == 200
    meeting.refresh_from_db()
    assert (meeting.in_progress_sync_status, meeting.last_sync_success) == (None, None)


def test_keep_the_sync_fields_that_a_worker_set_while_they_were_edited(meeting):
    Meeting.objects.filter(pk=meeting.pk).update(in_progress_sync_status=2)
    meeting.title = "Lunch"
    meeting.save()  # It was read before the worker began.
    meeting.refresh_from_db()
    assert (meeting.title, meeting.in_progress_sync_status) == ("Lunch", 2)


def test_stay_as_they_are_when_an_edit_changes_nothing(own_api, meeting):
    before = own_api.get(f"/meetings/{meeting.pk}").json()
    assert own_api.patch(f"/meetings/{meeting.pk}", before).json() == before
    assert own_api.patch(f"/meetings/{meeting.pk}", {}).json() == before
    nameless = [{"email": attendee["email"]} for attendee in before["attendees"]]
    assert own_api.patch(f"/meetings/{meeting.pk}", {"attendees": nameless}).json() == before
    shorter = own_api.patch(f"/meetings/{meeting.pk}", {"attendees": before["attendees"][:1]})
    assert shorter.json()["updated_at"] > before["updated_at"]


def test_edited_twice_at_once_keep_both_edits(meeting):
    first, second = Meeting.objects.get(), Meeting.objects.get()  # Both read before either wrote.
    for instance, change in ((first, {"title": "Lunch"}), (second, {"notes": "Fifty seats."})):
        serializer = MeetingSerializer(instance, data=change, partial=True)
        serializer.is_valid(raise_exception=True)
        serializer.save()
    meeting.refresh_from_db()
    assert (meeting.title, meeting.notes) == ("Lunch", "Fifty seats.")


def test_edited_after_their_deletion_do_not_exist(own_api, meeting, monkeypatch):
    def delete_and_go_on(self, attrs):
        Meeting.objects.all().delete()
        return attrs

    monkeypatch.setattr(MeetingSerializer, "validate", delete_and_go_on)
    assert own_api.patch(f"/meetings/{meeting.pk}", {"title": "Lunch"}).status_code == 404


def test_are_deleted(own_api, meeting):
    assert own_api.delete(f"/meetings/{meeting.pk}").status_code == 204
    assert own_api.get(f"/meetings/{meeting.pk}").status_code == 404
    assert not Meeting.objects.exists()


@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_of_others_do_not_exist(meeting, stranger, method):
    answers = [getattr(api_of(stranger), method)(f"/meetings/{pk}") for pk in (meeting.pk, 999_999)]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].json() == answers[1].json()
    assert api_of(stranger).get("/meetings").json()["results"] == []
