from django.urls.converters import IntConverter


class BigIdConverter(IntConverter):
    """A primary key that every database can compare; no row has a longer number."""

    regex = "[0-9]{1,18}"
