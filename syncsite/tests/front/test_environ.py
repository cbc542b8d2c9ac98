import pytest

from syncsite.front.environ import make_environ


def environ_of(*headers, **values):
    scope = {"type": "http", "method": "GET", "http_version": "1.1", "query_string": b"page=2"}
    paths = {"path": "/meetings", "raw_path": b"/meetings"}
    return make_environ({**scope, **paths, "headers": headers, **values})


def test_names_headers_as_wsgi_does():
    environ = environ_of((b"x-request-id", b"7"), (b"content-type", b"application/json"))
    assert environ["HTTP_X_REQUEST_ID"] == "7"
    assert environ["CONTENT_TYPE"] == "application/json"
    assert environ["QUERY_STRING"] == "page=2"


def test_joins_a_header_that_is_given_twice():
    cookies = environ_of((b"cookie", b"a=1"), (b"cookie", b"b=2"))
    assert cookies["HTTP_COOKIE"] == "a=1; b=2"
    hops = environ_of((b"x-forwarded-for", b"10.0.0.1"), (b"x-forwarded-for", b"10.0.0.2"))
    assert hops["HTTP_X_FORWARDED_FOR"] == "10.0.0.1,10.0.0.2"


def test_drops_a_header_that_could_pass_for_another():
    environ = environ_of((b"x_forwarded_for", b"10.0.0.1"), (b"x-forwarded-for", b"10.0.0.2"))
    assert environ["HTTP_X_FORWARDED_FOR"] == "10.0.0.2"


def test_lets_no_header_set_what_the_front_sets():
    environ = environ_of((b"syncsite.refused", b"503"), (b"wsgi.input", b"x"))
    assert "syncsite.refused" not in environ
    assert environ["wsgi.input"].read() == b""


@pytest.mark.parametrize(
    ("raw", "path"), [(b"/a%2fb", "/a/b"), (b"/%C3%A9", "/Ã©"), (b"/%ff", "/ÿ")]
)
def test_decodes_the_path_into_bytes_that_django_decodes(raw, path):
    assert environ_of(raw_path=raw)["PATH_INFO"] == path


def test_needs_no_raw_path_and_no_address():
    environ = environ_of(raw_path=None, path="/é%", client=None, server=None)
    assert environ["PATH_INFO"] == "/Ã©%"
    assert environ["REMOTE_ADDR"] == ""


def test_takes_a_prefix_from_the_path():
    environ = environ_of(root_path="/crm", raw_path=b"/crm/meetings")
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/crm", "/meetings")
