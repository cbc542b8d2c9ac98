from crmsync.providers.base import Provider
from crmsync.providers.sandbox import Sandbox

PROVIDERS: dict[str, type[Provider]] = {"sandbox": Sandbox}
