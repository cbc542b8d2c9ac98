"""An example of each success. Those of errors are in errors.py."""

from typing import Any

Value = Any
TOKEN = {"auth_token": "eyJhbGciOiJIUzI1NiIs…", "expires_at": "2026-09-02T09:00:00Z"}
EMAIL = "ann@acme.example"
PASSWORDS = {"password": "correct horse", "password_confirmation": "correct horse"}
PERSON = {"id": 7, "email": EMAIL, "time_zone": "Europe/Berlin", "language": "en"}
ENTERED = {
    "title": "Kick-off with Acme",
    "starts_at": "2026-09-01T14:00:00Z",
    "ends_at": "2026-09-01T15:00:00Z",
    "location": "Room 3",
    "notes": "They want an offer for 40 seats.",
    "status": "completed",
    "attendees": [{"email": "bob@acme.example", "name": "Bob Stone"}],
}
STANDING = {
    "in_progress_sync_status": None,
    "last_sync_success": True,
    "last_sync_at": "2026-09-01T15:02:11Z",
}
MEETING = {
    "id": 11,
    **ENTERED,
    **STANDING,
    "created_at": "2026-09-01T13:00:00Z",
    "updated_at": "2026-09-01T15:01:50Z",
    "sync_state": "synced",
}
ROW = {name: value for name, value in MEETING.items() if name != "notes"}


def _part(key: str, start: int, end: int, state: str) -> Value:
    return {
        "key": key,
        "label": f"Saving the {key}",
        "from": start,
        "to": end,
        "expected_seconds": (end - start) / 10,
        "state": state,
    }


def _parts(*states: str) -> list[Value]:
    places = (("contacts", 0, 42), ("meeting", 42, 71), ("notes", 71, 100))
    return [_part(*place, state) for place, state in zip(places, states, strict=True)]


SYNCED: Value = {
    "meeting_id": 11,
    "state": "synced",
    "phase": "done",
    "reason": None,
    "position": None,
    "headline": "Saved in HubSpot",
    "detail": "Everything you entered is there.",
    "next": {"kind": "none", "at": None, "by": "nobody", "text": "There is nothing to do."},
    "actions": [
        {"name": "sync", "label": "Sync again", "method": "POST", "href": "/meetings/11/sync"}
    ],
    "poll_after": 60,
    "revision": "fb705584f1",
    "progress": {
        "step": 3,
        "steps": 3,
        "key": "notes",
        "label": "Saving the notes",
        "percent": 100,
        "parts": _parts("done", "done", "done"),
        "step_started_at": None,
        "step_expected_seconds": None,
        "ends_about": None,
    },
    "attempt": None,
    "max_attempts": 6,
    "next_attempt_at": None,
    "error": None,
    **STANDING,
    "connection": {"state": "connected", "provider": "hubspot", "account": "Acme (1234567)"},
    "records": [
        {
            "kind": "contact",
            "name": "bob@acme.example",
            "action": "created",
            "reason": None,
            "url": "https://app.hubspot.com/contacts/1234567/record/0-1/901",
        }
    ],
}
QUEUED = {
    **SYNCED,
    "state": "queued",
    "phase": "active",
    "headline": "The sync starts in a moment",
    "detail": "We have noted it, and nothing gets lost.",
    "next": {
        "kind": "start",
        "at": None,
        "by": "system",
        "text": "You need to do nothing. You can close this page.",
    },
    "actions": [
        {"name": "cancel", "label": "Cancel", "method": "DELETE", "href": "/meetings/11/sync"}
    ],
    "poll_after": 2,
    "revision": "ae5b28ac02",
    "progress": {
        **SYNCED["progress"],
        "step": 1,
        "key": "contacts",
        "label": "Saving the contacts",
        "percent": 0,
        "parts": _parts("waiting", "waiting", "waiting"),
        "step_expected_seconds": 4.2,
    },
    "last_sync_success": None,
    "last_sync_at": None,
    "records": [],
}
FAILED = {
    **QUEUED,
    "state": "failed",
    "phase": "stopped",
    "reason": "record_rejected",
    "headline": "Not saved in HubSpot",
    "detail": "HubSpot did not accept the e-mail address. Nothing is lost: the meeting is safe "
    "here.",
    "next": {
        "kind": "resolve",
        "at": None,
        "by": "you",
        "text": "Correct the e-mail address and sync the meeting again.",
    },
    "actions": [
        {"name": "edit", "label": "Edit", "method": "PATCH", "href": "/meetings/11"},
        {"name": "sync", "label": "Sync again", "method": "POST", "href": "/meetings/11/sync"},
    ],
    "poll_after": 60,
    "revision": "267ceff2fc",
    "error": {
        "code": "record_rejected",
        "category": "data",
        "title": "HubSpot did not accept the e-mail address",
        "message": "HubSpot said: “bob@@acme.example is not a valid address”",
        "remedy": "Correct the e-mail address and sync the meeting again.",
        "who": "you",
        "field": "attendees[0].email",
        "retryable": False,
        "help_url": "https://api.example.com/help/record_rejected?crm=hubspot&language=en",
        "reference": "SY-8VSPVBT",
    },
    "last_sync_success": False,
}
CANCELED = {
    **QUEUED,
    "state": "canceled",
    "phase": "stopped",
    "headline": "The sync was canceled",
    "detail": "Nothing is lost: the meeting is safe here.",
    "next": {"kind": "none", "at": None, "by": "nobody", "text": "There is nothing to do."},
    "actions": SYNCED["actions"],
    "poll_after": 60,
    "revision": "90ab31c2de",
}
CONNECTION: Value = {
    "provider": "hubspot",
    "account": "Acme (1234567)",
    "state": "connected",
    "connected_at": "2026-09-01T08:00:00Z",
    "last_error": "",
    "error": None,
    "options": {
        "internal_domains": ["example.com"],
        "skip_addresses": [],
        "create_people": "contacts",
        "owner": "by_email",
        "company": "by_contact",
    },
    "degraded": [],
}
RUN = {
    "id": 305,
    "reference": "SY-DFSWP4T",
    "status": "succeeded",
    "step": 3,
    "created_at": "2026-09-01T15:02:00Z",
    "started_at": "2026-09-01T15:02:01Z",
    "finished_at": "2026-09-01T15:02:11Z",
    "result": "Saved in HubSpot",
    "error": None,
    "attempts": [
        {
            "step": 1,
            "label": "Saving the contacts",
            "number": 1,
            "started_at": "2026-09-01T15:02:01Z",
            "finished_at": "2026-09-01T15:02:04Z",
            "outcome": "succeeded",
            "result": "Done",
            "error": None,
        }
    ],
}
PROVIDER = {
    "name": "hubspot",
    "label": "HubSpot",
    "sign_in": True,
    "fields": [
        {
            "name": "token",
            "label": "Token",
            "help": "In HubSpot: Development > Keys > Service keys.",
            "secret": True,
            "required": True,
            "choices": None,
        }
    ],
    "options": [
        {
            "name": "owner",
            "label": "Owner",
            "help": "The meeting belongs to the user with your e-mail address.",
            "secret": False,
            "required": False,
            "choices": ["by_email", "none"],
        }
    ],
    "help_url": "https://api.example.com/help/connection_expired?crm=hubspot",
}
EXPORT = {
    "exported_at": "2026-09-02T09:00:00Z",
    "person": {**PERSON, "mail_about_syncs": True, "date_joined": "2026-08-01T09:00:00Z"},
    "connection": {**CONNECTION, "account_id": "1234567"},
    "mails": [],
    "meetings": [
        {**{name: MEETING[name] for name in MEETING if name != "sync_state"}, "runs": [RUN]}
    ],
    "records": [
        {
            "meeting_id": 11,
            "kind": "contact",
            "key": "bob@acme.example",
            "remote_id": "901",
            "url": "https://app.hubspot.com/contacts/1234567/record/0-1/901",
            "action": "created",
            "written_at": "2026-09-01T15:02:04Z",
        }
    ],
}
SYNCS = {"syncs": [SYNCED], "gone": [12], "poll_after": 60}
CONNECT = {
    "provider": "hubspot",
    "credentials": {"token": "pat-eu1-…"},
    "options": {"create_people": "nobody"},
}


def _page(*rows: Value) -> Value:
    return {"count": len(rows), "next": None, "previous": None, "results": [*rows]}


REQUESTS: dict[str, Value] = {
    "authenticate_create": {"email": EMAIL, "password": "correct horse"},
    "connection_complete_create": {"code": "Zb3v…"},
    "connection_partial_update": {"options": {"skip_addresses": ["room3@acme.example"]}},
    "connection_update": CONNECT,
    "me_partial_update": {"time_zone": "Europe/Berlin", "language": "de"},
    "me_password_create": {"current_password": "correct horse", **PASSWORDS},
    "meetings_create": ENTERED,
    "meetings_partial_update": {"title": "Kick-off with Acme and partners"},
    "password_reset_confirm_create": {"token": "7.c7x8o0-5f1e…", **PASSWORDS},
    "password_reset_create": {"email": EMAIL},
    "syncs_create": {"meetings": [11, 12]},
    "users_create": {"email": EMAIL, **PASSWORDS},
}
# By operation and status; the first is that of the lowest success.
ANSWERS: dict[str, dict[str, Value]] = {
    "authenticate_create": {"200": {"token": TOKEN}},
    "connection_authorize_retrieve": {
        "200": {"address": {"authorize_url": "https://app.hubspot.com/oauth/authorize?client_id=…"}}
    },
    "connection_callback_retrieve": {
        "200": {"code": {"connection_code": "Zb3v…", "crm": "HubSpot", "email": EMAIL}}
    },
    "connection_check_create": {"200": {"connection": CONNECTION}},
    "connection_complete_create": {"200": {"connection": CONNECTION}},
    "connection_partial_update": {"200": {"connection": CONNECTION}},
    "connection_retrieve": {
        "200": {"connection": CONNECTION, "none": {"state": "not_connected"}},
    },
    "connection_update": {"200": {"connection": CONNECTION}},
    "me_export_retrieve": {"200": {"everything": EXPORT}},
    "me_partial_update": {"200": {"person": PERSON}},
    "me_password_create": {"200": {"token": TOKEN}},
    "me_retrieve": {"200": {"person": PERSON}},
    "meetings_create": {"201": {"meeting": {**MEETING, "sync_state": "never_synced"}}},
    "meetings_destroy": {"202": {"removing": {**QUEUED, "state": "removing"}}},
    "meetings_last_sync_success_retrieve": {"200": {"success": {"last_sync_success": True}}},
    "meetings_list": {"200": {"rows": _page(ROW), "expanded": _page({**ROW, "sync": SYNCED})}},
    "meetings_partial_update": {"200": {"meeting": MEETING}},
    "meetings_retrieve": {"200": {"meeting": MEETING}},
    "meetings_runs_list": {"200": {"runs": _page(RUN)}},
    "meetings_sync_create": {"202": {"queued": QUEUED}},
    "meetings_sync_destroy": {"202": {"canceled": CANCELED}},
    "meetings_sync_retrieve": {"200": {"synced": SYNCED, "failed": FAILED}},
    "meetings_sync_status_retrieve": {
        "200": {"step": {"in_progress_sync_status": 2}, "none": {"in_progress_sync_status": None}}
    },
    "password_reset_confirm_create": {"200": {"token": TOKEN}},
    "password_reset_create": {
        "202": {
            "sent": {"detail": "If somebody has this address here, they get an e-mail in a moment."}
        }
    },
    "providers_list": {"200": {"providers": [PROVIDER]}},
    "syncs_create": {
        "200": {
            "results": {
                "results": [
                    {"meeting_id": 11, "status": 202, "sync": QUEUED},
                    {
                        "meeting_id": 12,
                        "status": 404,
                        "error": {"detail": "Not found.", "code": "not_found"},
                    },
                ]
            }
        }
    },
    "syncs_retrieve": {"200": {"differing": SYNCS}},
    "syncs_stream_retrieve": {
        "200": {"events": 'event: sync\ndata: {"meeting_id": 11, …}\n\nevent: gone\ndata: [12]\n\n'}
    },
    "token_refresh_create": {"200": {"token": TOKEN}},
    "users_create": {"201": {"token": {**TOKEN, "user": {"id": 7, "email": EMAIL}}}},
}


def document_examples(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    for item in result["paths"].values():
        for operation in item.values():
            name = operation["operationId"]
            if name in REQUESTS:
                body = operation["requestBody"]["content"]["application/json"]
                body["examples"] = {"example": {"value": REQUESTS[name]}}
            for status, values in ANSWERS.get(name, {}).items():
                (media, *_more) = operation["responses"][status]["content"].values()
                media["examples"] = {key: {"value": value} for key, value in values.items()}
    return result
