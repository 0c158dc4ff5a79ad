"""A file is written whole or not at all, whoever else writes or reads it meanwhile."""

import os
import threading

import pytest

from convlab.files import write_text, write_whole


def test_a_file_that_is_replaced_keeps_its_permissions(tmp_path):
    path = tmp_path / "grades.csv"
    write_text(path, "old")
    new = tmp_path / "new"
    new.touch()
    assert path.stat().st_mode == new.stat().st_mode  # what this user gives to new files
    path.chmod(0o640)
    write_text(path, "new")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o640)


def test_text_is_utf_8_and_keeps_its_line_ends_in_folders_made_for_it(tmp_path):
    write_text(tmp_path / "a" / "b" / "words", "손실\n損失\r\n")
    assert (tmp_path / "a" / "b" / "words").read_bytes() == "손실\n損失\r\n".encode()


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_what_stops_a_write_leaves_the_old_file_and_nothing_else(tmp_path, error):
    def fails(file):
        file.write(b"half")
        raise error

    path = tmp_path / "record.json"
    write_text(path, "old")
    with pytest.raises(type(error)):
        write_whole(path, fails)
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("record.json", "old")]


def test_two_threads_that_write_one_file_do_not_mix(tmp_path):
    path, both, words = tmp_path / "record.json", threading.Barrier(2, timeout=30), ("first", "second")

    def slowly(word):
        def write(file):
            for letter in word:
                both.wait() if letter == word[0] else None
                file.write(letter.encode())

        write_whole(path, write)

    threads = [threading.Thread(target=slowly, args=(word,)) for word in words]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_text() in words and os.listdir(tmp_path) == ["record.json"]
