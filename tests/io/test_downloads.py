import bz2
import gzip
import hashlib
import http.server
import io
import lzma
import tarfile
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from mmaction.io import downloads as download_module
from mmaction.io.downloads import download, extract_archive, hash_from_name

CONTENT = bytes(range(256)) * 20_000  # 5 MB


class Handler(http.server.BaseHTTPRequestHandler):
    """A server that can cut transfers short, ignore ranges and change its file."""

    def do_GET(self):
        state = self.server.state
        state["requests"].append(dict(self.headers))
        if self.path == "/missing":
            self.send_error(404)
            return
        content, start = state["content"], 0
        wanted = self.headers.get("Range") if state["ranges"] else None
        if wanted and self.headers.get("If-Range", state["etag"]) == state["etag"]:
            start = int(wanted[len("bytes=") : -1])
        if start >= len(content) > 0 and wanted:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("ETag", state["etag"])
        self.end_headers()
        cut = state["cuts"].pop(0) if state["cuts"] else None
        time.sleep(state["delay_s"])
        self.wfile.write(content[start : cut and start + cut])
        self.close_connection = True

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(download_module, "WAIT_S", 0.0)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.state = dict(content=CONTENT, etag='"one"', ranges=True, cuts=[], requests=[], delay_s=0.0)
    server.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def fetch(server, path, **kwargs):
    return download(f"{server.url}/file.bin", path, progress=False, **kwargs)


def test_whole_file(server, tmp_path):
    path = fetch(server, tmp_path / "new" / "file.bin", sha256=hashlib.sha256(CONTENT).hexdigest())
    assert path.read_bytes() == CONTENT
    assert [p.name for p in path.parent.iterdir()] == ["file.bin"]
    fetch(server, path)
    assert len(server.state["requests"]) == 1  # what is there is not fetched again


def test_broken_connections_are_resumed(server, tmp_path):
    server.state["cuts"] = [1_000_000, 2_000_000]
    assert fetch(server, tmp_path / "file.bin").read_bytes() == CONTENT
    assert [r.get("Range") for r in server.state["requests"]] == [None, "bytes=1000000-", "bytes=3000000-"]


def test_next_run_continues_part_file(server, tmp_path):
    server.state["cuts"] = [1_000_000]
    with pytest.raises(ConnectionError, match=r"1,000,000 of 5,120,000.*put it at"):
        fetch(server, tmp_path / "file.bin", retries=0)
    assert not (tmp_path / "file.bin").exists()
    assert fetch(server, tmp_path / "file.bin").read_bytes() == CONTENT
    assert server.state["requests"][-1]["Range"] == "bytes=1000000-"


def test_changed_file_restarts(server, tmp_path):
    server.state["cuts"] = [1_000_000]
    with pytest.raises(ConnectionError):
        fetch(server, tmp_path / "file.bin", retries=0)
    server.state.update(content=CONTENT[::-1], etag='"two"')
    assert fetch(server, tmp_path / "file.bin").read_bytes() == CONTENT[::-1]


def test_two_versions_are_not_joined_after_a_full_disk(server, tmp_path, monkeypatch):
    server.state["cuts"] = [1_000_000]
    with pytest.raises(ConnectionError):
        fetch(server, tmp_path / "file.bin", retries=0)
    server.state.update(content=CONTENT[::-1], etag='"two"')
    with monkeypatch.context() as patch:
        patch.setattr(download_module.shutil, "disk_usage", lambda folder: SimpleNamespace(free=0))
        with pytest.raises(OSError, match="5,120,000 more bytes are needed, 0 are free"):
            fetch(server, tmp_path / "file.bin")
    assert fetch(server, tmp_path / "file.bin").read_bytes() == CONTENT[::-1]


def test_server_without_ranges(server, tmp_path):
    server.state.update(ranges=False, cuts=[1_000_000])
    assert fetch(server, tmp_path / "file.bin").read_bytes() == CONTENT


def test_complete_part_file_is_taken(server, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(CONTENT)
    assert fetch(server, tmp_path / "file.bin").read_bytes() == CONTENT


def test_too_long_part_file_restarts(server, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(CONTENT + b"x")
    assert fetch(server, tmp_path / "file.bin").read_bytes() == CONTENT


def test_wrong_hash_leaves_nothing(server, tmp_path):
    with pytest.raises(ValueError, match="SHA-256 should start with 0123abcd"):
        fetch(server, tmp_path / "file.bin", sha256="0123abcd")
    assert [path.name for path in tmp_path.iterdir()] == ["file.bin.lock"]


def test_existing_wrong_file_is_not_overwritten(server, tmp_path):
    (tmp_path / "file.bin").write_bytes(b"mine")
    with pytest.raises(ValueError, match="SHA-256"):
        fetch(server, tmp_path / "file.bin", sha256="0123abcd")
    assert (tmp_path / "file.bin").read_bytes() == b"mine"


def test_one_of_several_fetches(server, tmp_path):
    server.state["delay_s"] = 0.2  # so that all want the file before it is there
    with ThreadPoolExecutor(3) as pool:
        paths = list(pool.map(lambda _: fetch(server, tmp_path / "file.bin"), range(3)))
    assert {path.read_bytes() for path in paths} == {CONTENT}
    assert len(server.state["requests"]) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file.bin"]


def test_grown_part_file_is_not_kept(server, tmp_path, monkeypatch):
    part = tmp_path / "file.bin.part"
    copy = download_module._copy

    def copy_twice(*args):  # as a process does that knows nothing of the lock
        copy(*args)
        if len(server.state["requests"]) == 1:
            with open(part, "ab") as file:
                file.write(CONTENT)

    monkeypatch.setattr(download_module, "_copy", copy_twice)
    assert fetch(server, tmp_path / "file.bin").read_bytes() == CONTENT
    assert len(server.state["requests"]) == 2


def test_refused_and_unreachable(server, tmp_path):
    with pytest.raises(ConnectionError, match="404"):
        download(f"{server.url}/missing", tmp_path / "x", progress=False)
    assert len(server.state["requests"]) == 1  # a refusal is final
    with pytest.raises(ConnectionError, match="could not download"):
        download("http://127.0.0.1:9/x", tmp_path / "x", progress=False, retries=1)
    with pytest.raises(ValueError, match="starts with http"):
        download("file:///etc/passwd", tmp_path / "x")


def test_hash_from_name():
    assert hash_from_name("https://host/slowonly_r50-b1234567.pth") == "b1234567"
    assert hash_from_name("https://host/gym_2d.pkl") is None


@pytest.mark.parametrize("digits", ["20240115", "20240115123456"])
def test_date_is_no_hash(digits):
    assert hash_from_name(f"best-{digits}.pth") is None


@pytest.mark.parametrize("digits", ["12345678", "20241315", "20240230", "2024011512345678"])
def test_digits_that_are_no_date_are_a_hash(digits):
    assert hash_from_name(f"r50-{digits}.pth") == digits


def make_tar(path, members):
    with tarfile.open(path, "w:gz") as packed:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if content is None:
                info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
                packed.addfile(info)
            else:
                info.size = len(content)
                packed.addfile(info, io.BytesIO(content))
    return path


def test_extract_tar_and_zip(tmp_path):
    make_tar(tmp_path / "a.tar.gz", [("rgb/a.mp4", b"aa"), ("rgb/b.mp4", b"b")])
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("rgb/a.mp4", b"aa")
    assert extract_archive(tmp_path / "a.tar.gz", tmp_path / "tar", progress=False) == 2
    assert extract_archive(tmp_path / "a.zip", tmp_path / "zip", progress=False) == 1
    assert (tmp_path / "tar/rgb/a.mp4").read_bytes() == (tmp_path / "zip/rgb/a.mp4").read_bytes() == b"aa"


def test_extract_keeps_files_whose_names_look_unfinished(tmp_path):
    members = [("a.part", b"part"), ("a", b"a"), ("b", b"b"), ("b.part", b"more")]
    archive = make_tar(tmp_path / "x.tar.gz", members)
    assert extract_archive(archive, tmp_path / "out", progress=False) == 4
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == dict(members)
    with pytest.raises(ValueError, match=r"refused '\.y\.tar\.gz\.unpacking'"):
        extract_archive(make_tar(tmp_path / "y.tar.gz", [(".y.tar.gz.unpacking", b"")]), tmp_path, progress=False)


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "a/../../evil", "..\\evil"])
def test_extract_stays_inside(tmp_path, name):
    make_tar(tmp_path / "a.tar.gz", [(name, b"x")])
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr(name, b"x")
    for archive in ("a.tar.gz", "a.zip"):
        with pytest.raises(ValueError, match=r"refused .*evil"):
            extract_archive(tmp_path / archive, tmp_path / "out", progress=False)
    assert not list(tmp_path.rglob("*evil*"))


def test_extract_refuses_links_and_damage(tmp_path):
    with pytest.raises(ValueError, match="refused 'link'"):
        extract_archive(make_tar(tmp_path / "l.tar.gz", [("link", None)]), tmp_path / "out", progress=False)
    whole = make_tar(tmp_path / "a.tar.gz", [("a", bytes(100_000))]).read_bytes()
    (tmp_path / "cut.tar.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="damaged or cut off"):
        extract_archive(tmp_path / "cut.tar.gz", tmp_path / "out", progress=False)
    with pytest.raises(FileNotFoundError, match="no archive at"):
        extract_archive(tmp_path / "absent.tar", tmp_path / "out")


def test_extract_refuses_the_holes_of_a_sparse_tar(tmp_path):
    info = tarfile.TarInfo("holes")
    info.type, info.size = tarfile.GNUTYPE_SPARSE, 0
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT)[:512])
    header[483:495] = b"77777777777\0"  # the length with its holes, 8 GiB
    header[148:156] = b"%06o\0 " % (sum(header[:148]) + sum(header[156:]) + 8 * 32)
    (tmp_path / "a.tar").write_bytes(bytes(header) + bytes(10240))
    with pytest.raises(ValueError, match="would unpack to more than"):
        extract_archive(tmp_path / "a.tar", tmp_path / "out", progress=False)


HEADER, MEMBER = 512, 1536  # of a file of 1,000 bytes


@pytest.fixture(scope="module")
def plain_tar(tmp_path_factory):
    path = make_tar(tmp_path_factory.mktemp("tar") / "a.tar.gz", [(f"{n}.mp4", bytes(1000)) for n in range(5)])
    return gzip.decompress(path.read_bytes())


def flipped(content, place):
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


@pytest.mark.parametrize("compress", [bytes, gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize(
    "damage",
    [
        lambda content: flipped(content, 2 * MEMBER + 10),  # in the header of the third file
        lambda content: content[: 2 * MEMBER] + bytes(HEADER) + content[2 * MEMBER + HEADER :],
        lambda content: content[: 2 * MEMBER],
        lambda content: content[: 2 * MEMBER + 100],
        lambda content: content[: 5 * MEMBER],
        lambda content: content[: 5 * MEMBER + 100],
    ],
    ids=["bit in a header", "header of zeros", "cut behind a file", "cut in a header", "no end mark", "half of it"],
)
def test_extract_finds_damage_between_the_files_of_a_tar(tmp_path, plain_tar, damage, compress):
    (tmp_path / "a.tar").write_bytes(compress(damage(plain_tar)))
    with pytest.raises(ValueError, match=r"a.tar: the archive is damaged or cut off \(.*\). Delete it and"):
        extract_archive(tmp_path / "a.tar", tmp_path / "out", progress=False)


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_extract_reads_up_to_the_check_sum(tmp_path, plain_tar, compress):
    content = compress(plain_tar)
    (tmp_path / "a.tar").write_bytes(flipped(content, len(content) - 6))
    with pytest.raises(ValueError, match="the archive is damaged or cut off"):
        extract_archive(tmp_path / "a.tar", tmp_path / "out", progress=False)


@pytest.mark.parametrize("end", [HEADER, 2 * HEADER, 10240])
def test_extract_takes_any_length_of_the_end_mark(tmp_path, plain_tar, end):
    (tmp_path / "a.tar").write_bytes(plain_tar[: 5 * MEMBER] + bytes(end))
    assert extract_archive(tmp_path / "a.tar", tmp_path / "out", progress=False) == 5
    (tmp_path / "empty.tar").write_bytes(bytes(end))
    assert extract_archive(tmp_path / "empty.tar", tmp_path / "out", progress=False) == 0
