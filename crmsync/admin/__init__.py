from crmsync.admin import connections, incidents, interventions, meetings, runs

__all__ = ["connections", "incidents", "interventions", "meetings", "runs"]
