"""A state as the pages of the support desk show it."""

from django.utils.html import format_html


def badge(state: str) -> str:
    return format_html('<span class="badge {}">{}</span>', state, state.replace("_", " "))
