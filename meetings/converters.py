from django.urls.converters import IntConverter, register_converter


class KeyConverter(IntConverter):
    """A primary key that every database can compare; longer numbers are nobody's."""

    regex = "[0-9]{1,18}"


register_converter(KeyConverter, "key")
