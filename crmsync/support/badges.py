"""A state as the pages of the support desk show it."""

from django.utils.html import format_html


def badge(state: str, words: str = "") -> str:
    return format_html('<span class="badge {}">{}</span>', state, words or state.replace("_", " "))
