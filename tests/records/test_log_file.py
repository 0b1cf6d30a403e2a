"""Logs from anybody: whatever a file holds, reading it ends soon, in samples or in one error."""

import io
import struct
import time
import zipfile

import pytest

from harness.records import log_file
from harness.records.log_file import NotALog, read_log

HEADER = '{"version": 2, "status": "success", "eval": {"task": "t"}}'
DEEP = "[" * 100_000


def log_of(**members):
    """The bytes of a zip log; `a__b` names the member `a/b.json`."""
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name.replace("__", "/") + ".json", text)
    return kept.getvalue()


GOOD = '{"id": 1, "epoch": 1}'
BAD = {
    "deep": '{"id": 1, "epoch": 1, "error": ' + DEEP + "}",
    "deep, with NaN": '{"id": 1, "epoch": NaN, "x": ' + DEEP + "}",
    "digits": '{"id": ' + "9" * 5000 + ', "epoch": NaN}',
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_a_hostile_sample_is_damaged_and_the_others_are_read(bad):
    """Brackets in brackets and endless numbers cost their own sample alone."""
    log = read_log(log_of(header=HEADER, samples__1=bad, samples__2=GOOD))
    assert [sample.id for sample in log.samples()] == [1] and log.damaged == 1


def test_a_bomb_is_not_unpacked(monkeypatch):
    """A member is unpacked up to its bound and no further."""
    monkeypatch.setattr(log_file, "_MOST", 1 << 20)
    bomb = '{"id": 1, "epoch": 1}' + " " * (1 << 24)
    log = read_log(log_of(header=HEADER, samples__1=bomb, samples__2=GOOD))
    assert len(list(log.samples())) == 1 and log.damaged == 1


@pytest.mark.parametrize(
    "text", ['{"version": ' + DEEP, '{"version": 2, "eval": ' + '{"a":' * 100_000, "{" * 100_000]
)
def test_a_hostile_document_is_no_log(text):
    """A JSON log that cannot be read is said to be none."""
    with pytest.raises(NotALog):
        read_log(text.encode())


def test_headers_alone_are_scanned_in_one_pass():
    """1 MB of zip headers that lead nowhere takes linear time."""
    local = b"PK\x03\x04" + struct.pack("<HHHIIIIHH", 20, 8, 8, 0, 0, 0, 0, 0, 0)
    hostile = (local + b"PK\x07\x08" + b"\xff" * 8) * 25_000
    started = time.process_time()
    with pytest.raises(NotALog):
        list(read_log(hostile).samples())
        raise NotALog
    assert time.process_time() - started < 2


METHODS = {"stored": zipfile.ZIP_STORED, "deflated": zipfile.ZIP_DEFLATED}


def log_with_other_content(method, *, directory):
    """A log of two samples, the first of which is not what its checksum was taken of."""
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", method) as archive:
        archive.writestr("header.json", HEADER)
        for number in (1, 2):
            archive.writestr(f"samples/{number}.json", f'{{"id": {number}, "epoch": 1}}')
    data = kept.getvalue()
    with zipfile.ZipFile(kept) as archive:
        checksum, end = archive.getinfo("samples/1.json").CRC, archive.start_dir
    if method == zipfile.ZIP_STORED:
        data = data.replace(b'"id": 1', b'"id": 7')
    else:
        data = data.replace(struct.pack("<I", checksum), struct.pack("<I", checksum ^ 1))
    return data if directory else data[:end]


@pytest.mark.parametrize("directory", [True, False], ids=["whole", "cut"])
@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_a_sample_that_is_not_what_was_written_is_damaged(method, directory):
    """What still unpacks and still is JSON is told by the checksum alone, with the zip's directory
    or without it."""
    log = read_log(log_with_other_content(method, directory=directory))
    assert [sample.id for sample in log.samples()] == [2]
    assert (log.damaged, log.cut) == (1, True)


WHOLE = (
    '{"version": 2, "status": "success", "eval": {"task": "t"}, "samples": ['
    '{"id": 1, "epoch": 1}, {"id": 2, "epoch": 1}, {"id": 3, "epoch": 1}]}'
)


@pytest.mark.parametrize(("at", "ids"), [("2,", [1]), ("3,", [1, 2]), ("]}", [1, 2, 3])])
def test_a_json_log_that_breaks_off_has_the_samples_before_the_break(at, ids):
    """Its header and every whole sample are read, and it is said to be cut."""
    log = read_log(WHOLE[: WHOLE.rindex(at)].encode())
    assert [sample.id for sample in log.samples()] == ids
    assert log.cut and log.header is not None and log.header.status == "success"
    whole = read_log(WHOLE.encode())
    assert [sample.id for sample in whole.samples()] == [1, 2, 3] and not whole.cut


def log_with_extra(*, known_sizes, directory):
    """Members with an extra field before their data, as other programs write them; sizes in the
    header before the data, or in a descriptor after it."""
    kept = io.BytesIO() if known_sizes else Unseekable()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in (("header", HEADER), ("samples/1", GOOD), ("samples/2", GOOD)):
            info = zipfile.ZipInfo(f"{name}.json")
            info.extra = struct.pack("<HH5s", 0x7075, 5, b"extra")
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, text.replace("1, ", f"{name[-1]}, ", 1))
        end = archive.start_dir
    data = kept.getvalue()
    return data if directory else data[:end]


class Unseekable(io.BytesIO):
    """What is piped: sizes are known after the data only."""

    def seekable(self):
        return False

    def tell(self):
        raise OSError

    def seek(self, *args):
        raise OSError


@pytest.mark.parametrize("directory", [True, False], ids=["whole", "cut"])
@pytest.mark.parametrize("known_sizes", [True, False], ids=["sizes before", "sizes after"])
def test_extra_fields_and_late_sizes_are_read_over(known_sizes, directory):
    """With the zip's directory and without it the same samples are found."""
    log = read_log(log_with_extra(known_sizes=known_sizes, directory=directory))
    assert [sample.id for sample in log.samples()] == [1, 2]
    assert (log.damaged, log.cut) == (0, not directory)
    assert log.header is not None and log.header.status == "success"
