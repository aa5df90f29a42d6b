"""Files are replaced in one step."""

import errno

import pytest

from mmaction.utils.files import replacing


def test_a_file_that_cannot_be_written_to_its_end_is_named_and_stays_as_it_was(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("old")
    with pytest.raises(OSError, match=r"No space left on device: '.*list\.csv'"), replacing(path) as temporary:
        temporary.write_text("ne")
        raise OSError(errno.ENOSPC, "No space left on device")  # as write() does, which knows no name
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
