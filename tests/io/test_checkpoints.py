"""Reading checkpoints safely, and loading their weights."""

import hashlib
import http.server
import os
import pickle
import threading
from collections import OrderedDict

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from torch import nn

from mmaction.io.checkpoints import is_intact, load_weights, local_path, model_weights, read_checkpoint


class Net(nn.Module):
    def __init__(self, classes=3, width=4):
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(5, width), nn.BatchNorm1d(width), nn.Linear(width, width))
        self.cls_head = nn.Module()
        self.cls_head.fc_cls = nn.Linear(width, classes)


def load(state, model, strict=False):
    return load_weights(model, model_weights(state), "file.pth", strict)


def test_what_mmengine_stores_is_read(tmp_path):
    buffer = HistoryBuffer([1.0, 2.0], [1, 1])
    content = {
        "state_dict": OrderedDict(a=torch.ones(2)),
        "meta": {"epoch": 3, "classes": ("x", "y"), "score": np.float64(0.5), "when": np.arange(3)},
        "message_hub": {"log_scalars": OrderedDict(loss=buffer), "runtime_info": OrderedDict(best=np.float32(1))},
    }
    torch.save(content, tmp_path / "a.pth")
    read = read_checkpoint(tmp_path / "a.pth")
    assert read["meta"]["score"] == 0.5 and read["meta"]["when"].tolist() == [0, 1, 2]
    assert read["message_hub"]["log_scalars"]["loss"].mean() == 1.5


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


class GetsAttribute:
    def __reduce__(self):
        return getattr, (HistoryBuffer, "__init__")


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_checkpoint_that_would_run_code_is_refused(tmp_path, protocol):
    torch.save({"state_dict": {}, "x": Evil(tmp_path / "ran")}, tmp_path / "evil.pth", pickle_protocol=protocol)
    with pytest.raises(ValueError, match=r"evil.pth is refused|evil.pth is damaged"):
        read_checkpoint(tmp_path / "evil.pth")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("state", [None, [1]])
def test_a_state_that_is_no_dict_holds_no_weights(state):
    with pytest.raises(ValueError, match=r"a\.pth holds no weights: its state_dict is a (NoneType|list)"):
        model_weights({"state_dict": state}, "a.pth")


def test_the_object_refused_is_named_and_trust_lets_it_in(tmp_path):
    torch.save({"state_dict": {}, "x": Evil(tmp_path / "ran")}, tmp_path / "evil.pth")
    with pytest.raises(ValueError, match=r"it holds \w+\.mkdir, .* --trust-checkpoint"):
        read_checkpoint(tmp_path / "evil.pth")
    read_checkpoint(tmp_path / "evil.pth", trust=True)
    assert (tmp_path / "ran").exists()


def test_getattr_is_only_for_the_statistics_of_a_log_buffer(tmp_path):
    torch.save({"x": GetsAttribute()}, tmp_path / "a.pth")
    with pytest.raises(ValueError, match="is not part of a checkpoint"):
        read_checkpoint(tmp_path / "a.pth")


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 cut", pickle.dumps([1, 2])])
def test_what_is_no_checkpoint_is_called_so(tmp_path, content):
    (tmp_path / "a.pth").write_bytes(content)
    with pytest.raises(ValueError, match=r"a.pth is damaged or no checkpoint|expected a dict"):
        read_checkpoint(tmp_path / "a.pth")


@pytest.mark.parametrize(("text", "start"), [("hello\n", r"b'hello\\n'"), ("def main():\n    pass\n", r"b'def main")])
def test_a_text_file_is_shown_by_its_start(tmp_path, text, start):
    (tmp_path / "a.pth").write_text(text)
    with pytest.raises(ValueError, match=rf"a.pth is damaged or no checkpoint: it starts with {start}.*, as no check"):
        read_checkpoint(tmp_path / "a.pth")


def test_a_changed_byte_is_found(tmp_path):
    torch.save({"state_dict": {"a": torch.arange(1000.0)}}, tmp_path / "a.pth")
    assert is_intact(tmp_path / "a.pth") is None
    data = bytearray((tmp_path / "a.pth").read_bytes())
    data[data.find(torch.arange(1000.0).numpy().tobytes()[400:440])] ^= 1
    (tmp_path / "a.pth").write_bytes(data)
    assert "check sum" in is_intact(tmp_path / "a.pth")


def test_a_missing_file_names_close_matches(tmp_path):
    torch.save({}, tmp_path / "epoch_10.pth")
    with pytest.raises(FileNotFoundError, match=r"epoch_1.pth does not exist; did you mean .*epoch_10.pth"):
        local_path(tmp_path / "epoch_1.pth")
    with pytest.raises(FileNotFoundError, match=r"is a folder \(epoch_10.pth\)"):
        local_path(tmp_path)


@pytest.mark.parametrize("prefix", ["", "module.", "module._orig_mod."])
def test_weights_load_strictly_whatever_wrapper_wrote_them(prefix):
    source, target = Net(), Net()
    report = load({"state_dict": {prefix + k: v for k, v in source.state_dict().items()}}, target, strict=True)
    assert len(report.loaded) == report.total == 11 and not report.missing + report.unexpected
    assert torch.equal(source.cls_head.fc_cls.weight, target.cls_head.fc_cls.weight)
    assert len(report.lines()) == 1


def test_a_head_of_another_class_count_is_dropped_and_named():
    target = Net(classes=7)
    before = target.cls_head.fc_cls.weight.clone()
    report = load(Net().state_dict(), target)
    assert report.dropped == {"cls_head.fc_cls.weight": ((3, 4), (7, 4)), "cls_head.fc_cls.bias": ((3,), (7,))}
    assert torch.equal(before, target.cls_head.fc_cls.weight)
    assert "cls_head.fc_cls.weight: (3, 4) in the file, (7, 4) in the model" in "\n".join(report.lines())
    with pytest.raises(ValueError, match=r"does not fit the model of the config.*\n.*tensors loaded"):
        load(Net().state_dict(), target, strict=True)


def test_the_first_layer_of_other_joints_is_dropped_and_named():
    def network(channels):
        layers = nn.Sequential(nn.Conv3d(channels, 4, 1), nn.Conv3d(4, 4, 1), nn.Conv3d(4, 4, 1))
        return nn.ModuleDict({"backbone": layers})

    model = network(25)
    report = load(network(17).state_dict(), model)
    assert list(report.dropped) == ["backbone.0.weight"] and "backbone.1.weight" in report.loaded
    with pytest.raises(ValueError, match="does not fit"):
        load(network(17).state_dict(), model, strict=True)


def test_missing_and_unexpected_keys_are_listed_shortly():
    state = Net().state_dict()
    state["neck.weight"] = torch.zeros(1)
    del state["backbone.2.bias"]
    report = load(state, Net())
    assert report.missing == ["backbone.2.bias"] and report.unexpected == ["neck.weight"]
    assert [line.split()[0] for line in report.lines()[1:]] == ["missing", "unexpected"]


def test_another_architecture_is_an_error_with_shapes_or_keys():
    with pytest.raises(ValueError, match=r"another architecture: .*backbone.0.weight: \(6, 5\), the model \(4, 5\)"):
        load(Net(width=6).state_dict(), Net())
    with pytest.raises(ValueError, match=r"another architecture: 0 of 10 .*it has conv1.weight; it lacks backbone.0"):
        load({"conv1.weight": torch.zeros(3)}, Net())
    with pytest.raises(ValueError, match="holds no weights: its entries are meta"):
        load({"meta": 1}, Net())


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A web server; ``files`` maps a path to its bytes and the length that it announces."""
    files = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body, length = files[self.path]
            self.send_response(200)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    yield f"http://127.0.0.1:{httpd.server_port}", files
    httpd.shutdown()


def test_a_published_file_is_fetched_once_and_checked(server, tmp_path):
    url, files = server
    torch.save({"state_dict": {"a": torch.ones(2)}}, tmp_path / "a.pth")
    body = (tmp_path / "a.pth").read_bytes()
    name = f"/net_r50-{hashlib.sha256(body).hexdigest()[:8]}.pth"
    files[name] = body, len(body)
    assert read_checkpoint(url + name)["state_dict"]["a"].tolist() == [1, 1]
    files.clear()  # from here on only the cache has it
    assert read_checkpoint(url + name)["state_dict"]["a"].tolist() == [1, 1]


def test_a_wrong_hash_is_an_error_and_leaves_no_file(server, tmp_path):
    url, files = server
    files["/net-00000000.pth"] = b"other bytes", 11
    with pytest.raises(ValueError, match="SHA-256 should start with 00000000"):
        read_checkpoint(url + "/net-00000000.pth")
    assert not [path for path in (tmp_path / "torch").rglob("*.pth*") if path.suffix != ".lock"]


def test_what_cannot_be_built_is_named(tmp_path, monkeypatch):
    torch.save({"when": Gone()}, tmp_path / "a.pth")
    monkeypatch.delattr(f"{__name__}.Gone")
    with pytest.raises(ValueError, match=r"a.pth cannot be built: AttributeError: .*Gone"):
        read_checkpoint(tmp_path / "a.pth", trust=True)


class Gone:
    """A class of a version that is no longer installed."""
