from crmsync.admin import bulk_actions, connections, incidents, meetings, runs

__all__ = ["bulk_actions", "connections", "incidents", "meetings", "runs"]
