import stat
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from syncsite.local_keys import local_key


def test_are_made_once_and_kept_for_their_user_only(tmp_path):
    path, numbers = tmp_path / "data" / "key", count()
    keys = {local_key(path, lambda: f"key {next(numbers)}") for _ in range(3)}
    assert keys == {"key 0"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]


def test_are_the_same_for_processes_that_start_together(tmp_path):
    numbers = count()
    with ThreadPoolExecutor(8) as pool:
        keys = pool.map(lambda _: local_key(tmp_path / "key", lambda: str(next(numbers))), range(8))
        assert len(set(keys)) == 1


def test_end_the_process_with_one_sentence_where_they_cannot_be_kept(tmp_path):
    (tmp_path / "data").write_text("a file where the folder should be")
    with pytest.raises(SystemExit) as ended:
        local_key(tmp_path / "data" / "key", lambda: "key")
    assert "cannot keep its files" in str(ended.value)
