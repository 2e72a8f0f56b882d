from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from connectors.files.csv_table import CsvTable, Row, read_csv
from sipe.errors import UsageError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "t.csv"


def read_bytes(path: Path, raw: bytes) -> CsvTable:
    path.write_bytes(raw)
    return read_csv(path)


def test_a_row_knows_the_line_on_which_it_begins(path: Path) -> None:
    raw = b'a,b\n1,"two\nlines"\n\n3,"say ""4"""\n'
    table = read_bytes(path, raw)
    assert table.header == ("a", "b")
    assert table.rows == (Row(2, {"a": "1", "b": "two\nlines"}), Row(5, {"a": "3", "b": 'say "4"'}))
    assert table.sha256 == hashlib.sha256(raw).hexdigest()


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_all_line_ends_are_understood(path: Path, end: bytes) -> None:
    table = read_bytes(path, end.join([b"a,b", b" 1 , 2", b"", b"3,4"]))
    assert table.rows == (Row(2, {"a": "1", "b": "2"}), Row(4, {"a": "3", "b": "4"}))


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", " line 1: no header"),
        (b"\xef\xbb\xbf", " line 1: no header"),
        (b"\n\na,b\n1,2\n", " line 1: no header"),
        (b"a,b,a\n1,2,3\n", " line 1, column 'a': the header names this column 2 times"),
        (b"a,b\n1,2\n3\n", " line 3, column 'b': missing; the row has 1 fields, the header 2"),
        (b"a,b\n1,2,3\n", " line 2, column 3: '3' is too many; the row has 3 fields, the header 2"),
        (b'a,b\n1,2\n3,"4\n5,6\n', " line 3, column 'b': broken CSV: unexpected end of data"),
        (b'a,"b\n1,2\n', " line 1, column 2: broken CSV: unexpected end of data"),
        (b'a,b\n"1"x,2\n', " line 2: broken CSV: ',' expected after '\"'"),
        (b"a,b\n1," + b"x" * 200_000, " line 2: broken CSV: field larger than field limit"),
        (b'a,b\n1,"' + b"x\n" * 200_000, " line 2: broken CSV: field larger than field limit"),
        (b"a,b\n1,2\n3,pe\xe7a\n", " line 3, column 'b': 'pe\\udce7a' is not UTF-8"),
        (b"a,\xff\n1,2\n", " line 1, column 2: '\\udcff' is not UTF-8"),
        (b"a,b\n1,\xed\xa0\x80\n", " line 2, column 'b': "),  # a surrogate written as if it were a character
    ],
)
def test_a_broken_file_is_one_line_that_names_the_place(path: Path, raw: bytes, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_bytes(path, raw)
    assert str(caught.value).startswith(f"{path}{says}")
    assert "\n" not in str(caught.value)
    assert str(caught.value).encode()  # it can be printed on any terminal that knows UTF-8


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.csv: cannot read the file: No such file"):
        read_csv(tmp_path / "none.csv")
