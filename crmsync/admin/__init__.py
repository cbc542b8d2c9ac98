from crmsync.admin import connections, customers, incidents, meetings, people, runs, support_actions

__all__ = [
    "connections",
    "customers",
    "incidents",
    "meetings",
    "people",
    "runs",
    "support_actions",
]
