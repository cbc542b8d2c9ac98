from django.apps import AppConfig

from accounts import login_log  # noqa: F401 - importing it registers the receiver


class AccountsConfig(AppConfig):
    name = "accounts"
