from pathlib import Path

import pytest
from redis.connection import parse_url

from syncsite.redis_urls import embedded_socket, next_database, unix_url, with_timeouts


@pytest.mark.parametrize(
    ("url", "number"),
    [
        ("redis://127.0.0.1:6379", 1),
        ("redis://127.0.0.1:6379/0", 1),
        ("rediss://:secret@redis.example/7", 8),
        ("redis://127.0.0.1:6379/0?db=4", 5),
        ("unix:///tmp/valkey.sock?db=0", 1),
    ],
)
def test_name_the_next_database_of_the_same_server(url, number):
    before, after = parse_url(url), parse_url(next_database(url))
    assert after["db"] == number
    assert {**before, "db": 0} == {**after, "db": 0}


def test_keep_time_outs_that_were_chosen():
    options = parse_url(with_timeouts("redis://x/0?socket_timeout=3", 0.5))
    assert (options["socket_timeout"], options["socket_connect_timeout"]) == (3, 0.5)


def test_survive_a_folder_with_blanks():
    assert parse_url(unix_url(Path("/a b/valkey.sock")))["path"] == "/a b/valkey.sock"


def test_move_the_socket_where_the_system_would_cut_its_path_off():
    assert embedded_socket(Path("/short")) == Path("/short/valkey.sock")
    moved = embedded_socket(Path("/" + "long/" * 30))
    assert len(str(moved)) < 100
    assert moved == embedded_socket(Path("/" + "long/" * 30))
    assert moved != embedded_socket(Path("/" + "long/" * 31))
