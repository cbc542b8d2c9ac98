"""The product's settings, CRMs that a benchmark serves itself, and a queue for jobs of RQ alone."""

from syncsite import environment as env
from syncsite.settings import *  # noqa: F403
from syncsite.settings import INSTALLED_APPS, RQ_QUEUES

INSTALLED_APPS = [*INSTALLED_APPS, "benchmarks"]
RQ_QUEUES = {**RQ_QUEUES, "rq_alone": RQ_QUEUES["crmsync"]}
CRM_ANSWER_SECONDS = env.number("CRM_ANSWER_SECONDS", 0)
CRM_CALLS_FILE = env.text("CRM_CALLS_FILE", "")  # Gets the moment of each call.
SYNC_PROBE_SECONDS = env.number("SYNC_PROBE_SECONDS", 30)
SANDBOX_ANSWER_SECONDS = (0, 0)  # What is timed is the product.
