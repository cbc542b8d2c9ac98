"""The columns of each table as COPY takes them; %s is what differs from row to row."""

NULL = r"\N"

USERS = {
    "id": "%s",
    "email": "person-%s@customers.example",
    "password": "!",
    "is_active": "t",
    "is_staff": "f",
    "is_superuser": "f",
    "date_joined": "%s",
}
CONNECTIONS = {
    "id": "%s",
    "user_id": "%s",
    "provider": "%s",
    "account_id": "%s",
    "account_name": "Acme",
    "credentials": "",
    "state": "%s",
    "last_error": "%s",
    "connected_at": "%s",
}
MEETINGS = {
    "id": "%s",
    "user_id": "%s",
    "key": "00000000-0000-4000-8000-%012d",
    "title": "%s %s",
    "starts_at": "2026-03-02 09:00Z",
    "ends_at": "2026-03-02 10:00Z",
    "location": "Room 7",
    "notes": "They want forty seats from March on, and an offer by Friday.",
    "in_progress_sync_status": "%s",
    "last_sync_success": "%s",
    "last_sync_at": NULL,
    "version": "1",
    "created_at": "2026-01-02 09:00Z",
    "updated_at": "2026-01-02 09:00Z",
}
ATTENDEES = {
    "id": "%s",
    "meeting_id": "%s",
    "email": "guest-%s@guests.example",
    "name": "Guest %s",
}
RUNS = {
    "id": "%s",
    "meeting_id": "%s",
    "connection_id": "%s",
    "provider": "%s",
    "status": "%s",
    "step": "%s",
    "attempt": "1",
    "failures": "0",
    "due_at": "%s",
    "ready_since": NULL,
    "wait_reason": "",
    "error_code": "%s",
    "error_cause": "",
    "error_field": "",
    "error_detail": "",
    "reference": "SY-%07d",
    "reason": "",
    "created_at": "%s",
    "started_at": "%s",
    "step_started_at": "%s",
    "finished_at": "%s",
    "counted": "%s",
}
ATTEMPTS = {
    "id": "%s",
    "run_id": "%s",
    "claim": "1",
    "step": "%s",
    "number": "1",
    "started_at": "%s",
    "finished_at": "%s",
    "outcome": "%s",
    "error_code": "%s",
    "correlation_id": "",
    "internal_message": "",
    "outcome_unknown": "f",
}
