from django.utils.http import parse_etags


def is_known(etag: str, if_none_match: str) -> bool:
    """Only If-None-Match counts here; If-Match is for changes."""
    known = {tag.removeprefix("W/") for tag in parse_etags(if_none_match)}
    return bool(known & {"*", etag.removeprefix("W/")})
