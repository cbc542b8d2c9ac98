import pytest

from meetings.models import Meeting

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("query", ["lunch", "ann@example.com", "carla@acme"])
def test_finds_by_title_owner_and_attendee(admin_client, make_meeting, stranger, query):
    make_meeting("carla@acme.example", title="Lunch with Acme")
    make_meeting(title="Something else", owner=stranger)
    page = admin_client.get("/admin/meetings/meeting/", {"q": query}).content.decode()
    assert "Lunch with Acme" in page
    assert "Something else" not in page


def test_edits_the_content_but_never_the_owner_or_a_sync_field(admin_client, meeting, stranger):
    Meeting.objects.update(in_progress_sync_status=2)
    form = {
        "user": stranger.pk,
        "title": "Lunch",
        "status": "completed",
        "starts_at_0": "2026-05-04",
        "starts_at_1": "12:00",
        "ends_at_0": "2026-05-04",
        "ends_at_1": "13:00",
        "in_progress_sync_status": 3,
        "last_sync_success": "true",
        "attendees-TOTAL_FORMS": 0,
        "attendees-INITIAL_FORMS": 0,
    }
    assert (
        admin_client.post(f"/admin/meetings/meeting/{meeting.pk}/change/", form).status_code == 302
    )
    meeting.refresh_from_db()
    assert (meeting.title, meeting.in_progress_sync_status) == ("Lunch", 2)
    assert meeting.last_sync_success is None
    assert meeting.user != stranger
