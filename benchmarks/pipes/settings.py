"""The product's settings, a CRM that takes as long as it is told, and a queue without syncs."""

from syncsite.settings import *  # noqa: F403
from syncsite.settings import INSTALLED_APPS, RQ_QUEUES, env

INSTALLED_APPS = [*INSTALLED_APPS, "benchmarks.pipes"]
RQ_QUEUES = {**RQ_QUEUES, "bare": RQ_QUEUES["crmsync"]}
CRM_ANSWER_SECONDS = env.float("CRM_ANSWER_SECONDS", 0)
CRM_CALLS_FILE = env.str("CRM_CALLS_FILE", "")  # Gets the moment of each call.
