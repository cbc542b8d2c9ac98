from crmsync.admin import bulk_actions, connections, incidents, meetings, people, runs

__all__ = ["bulk_actions", "connections", "incidents", "meetings", "people", "runs"]
