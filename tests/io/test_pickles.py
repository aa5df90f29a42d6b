import builtins
import collections
import functools
import io
import os
import pickle
import re
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from mmaction.io.pickles import RestrictedUnpickler, _load, load_pickle

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


@pytest.fixture
def write(tmp_path):
    def write(content, protocol=4, name="ann.pkl"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, protocol=protocol))
        return path

    return write


# ---------------------------------------------------------------- what may be read
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_published_content_is_read(write, protocol):
    content = {
        "split": {"train": ["a", "b"], "test": {"c"}},
        "annotations": [
            {"frame_dir": "a", "label": np.int64(3), "array": np.arange(6, dtype=np.float16).reshape(2, 3)},
            collections.OrderedDict(text=np.array(["x", "yz"]), big_endian=np.arange(3, dtype=">i4"), empty=b""),
            {"tuple": (1, 2.5, None, True), "frozen": frozenset([1]), "bytes": b"\xff\x00", "bool": np.bool_(True)},
            {
                "fortran": np.asfortranarray(np.arange(6).reshape(2, 3)),
                "zero": np.zeros((0, 3)),
                "point": np.array(2.0),
            },
        ],
    }
    read = load_pickle(write(content, protocol))
    np.testing.assert_equal(read, content)
    assert type(read["annotations"][0]["label"]) is int  # a number of NumPy becomes one of Python


@pytest.mark.parametrize("core", ["core", "_core"])
def test_both_names_of_the_numpy_module(write, core):
    data = pickle.dumps({"x": np.arange(4.0), "y": np.float32(2)}, protocol=2)
    assert b"numpy._core" in data
    read = load_pickle(write(data.replace(b"numpy._core", f"numpy.{core}".encode())))
    np.testing.assert_equal(read, {"x": np.arange(4.0), "y": np.float32(2)})


@settings(max_examples=40, deadline=None)
@given(arrays(st.sampled_from(["f2", "f4", "f8", "i1", "i8", "u2", "?", "U3"]), array_shapes(max_dims=4)), st.data())
def test_any_array_survives(array, data):
    protocol = data.draw(st.sampled_from(list(PROTOCOLS)))
    read = _load(io.BytesIO(pickle.dumps(array, protocol=protocol)), "x.pkl", RestrictedUnpickler)
    np.testing.assert_array_equal(read, array)
    assert read.dtype == array.dtype


def test_what_was_read_can_be_pickled_again(write):
    read = load_pickle(write({"x": np.arange(3), "y": np.array(["a"])}))
    again = pickle.loads(pickle.dumps(read))
    assert type(again["x"]) is np.ndarray
    np.testing.assert_equal(again, {"x": np.arange(3), "y": np.array(["a"])})


# ---------------------------------------------------------------- what may not
class Call:
    """Pickles as a call of any function."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


HOSTILE = {
    "posix.system": Call(os.system, "touch {path}"),
    "builtins.eval": Call(eval, "open('{path}', 'w')"),
    "builtins.exec": Call(exec, "open('{path}', 'w')"),
    "builtins.getattr": Call(getattr, "text", "upper"),
    "io.open": Call(open, "{path}", "w"),
    "builtins.__import__": Call(builtins.__import__, "os"),
    "builtins.bytearray": Call(bytearray, 10**12),
    "functools.partial": functools.partial(print, 1),
    "numpy.load": Call(np.load, "{path}"),
    "numpy.ndarray called directly": Call(np.ndarray, (10**12,)),
    "_codecs.decode": Call(__import__("_codecs").decode, b"x", "zip"),
    "collections.defaultdict": collections.defaultdict(list),
    "an array of type 'O": np.array([print, {}], dtype=object),
    "an array of type 'V": np.zeros(2, dtype=[("a", "f4")]),
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("refused", HOSTILE)
def test_hostile_pickles_are_refused(write, tmp_path, refused, nested, protocol):
    trace = tmp_path / "trace"
    content = HOSTILE[refused]
    if nested:
        content = {"annotations": [np.zeros(3), {"x": [(content,)]}]}
    data = pickle.dumps(content, protocol=protocol).replace(b"{path}", os.fsencode(trace)[:6])
    name = re.escape(refused) if refused != "numpy.load" else r"numpy\.(lib\._?npyio(_impl)?\.)?load"
    with pytest.raises(ValueError, match=rf"ann\.pkl would build {name}"):
        load_pickle(write(data))
    assert list(tmp_path.iterdir()) == [tmp_path / "ann.pkl"]


GLOBALS = (
    b"c__builtin__\nset\nq\x01ccollections\nOrderedDict\nq\x02cnumpy\ndtype\nq\x03cnumpy.core.multiarray\nscalar\nq\x04"
    b"cnumpy\nndarray\nq\x05cnumpy.core.multiarray\n_reconstruct\nq\x06"
)
FLOAT = b"h\x03X\x02\x00\x00\x00f4K\x00K\x01\x87R"
EMPTY = b"h\x06h\x05K\x00\x85C\x01b\x87R"
BOMBS = {
    "a place in the memo": b"]r\xff\xff\xff\x7f",
    "a place in the memo, as text": b"]p9999999999\n",
    "a place in the memo, as odd text": b"]p 99_999_999\n",
    "deep tuples as a key": b"})" + b"\x85" * 300_000 + b"Ns",
    "deep tuples of a memo as a key": b"})q\x00" + b"h\x00\x85q\x000" * 300_000 + b"h\x00Ns",
    "shared tuples as a key": b"})" + b"2\x86" * 60 + b"Ns",
    "tuples of a memo as a key": b"})q\x00" + b"h\x00h\x00\x86q\x000" * 60 + b"h\x00Ns",
    "tuples of a memo and a mark": b"})q\x00" + b"(h\x00h\x00tq\x000" * 60 + b"h\x00Ns",
    "tuples behind an empty change": b"})q\x00" + b"h\x00h\x00\x86}b(uq\x000" * 60 + b"h\x00Ns",
    "tuples that were the arguments of set": b"})q\x00" + b"h\x01h\x00\x85q\x00R0" * 300_000 + b"h\x00Ns",
    "tuples that were the arguments of an array": b"})q\x00" + b"h\x06h\x00h\x00h\x00\x87q\x00R0" * 60 + b"h\x00Ns",
    "tuples that were the arguments of a type": b"})q\x00"
    + (b"h\x03(X\x02\x00\x00\x00f4h\x00h\x00tq\x00R0" * 60)
    + b"h\x00Ns",
    "tuples that were the state of a number": b"})q\x00"
    + (b"h\x04" + FLOAT + b"C\x04aaaa\x86Rh\x00h\x00\x86q\x00b0") * 60
    + b"h\x00Ns",
    "tuples that were the state of a type": b"})q\x00" + (FLOAT + b"(h\x00U\x01<h\x00tq\x00b0") * 60 + b"h\x00Ns",
    "tuples that were the state of an array": b"})q\x00" + (EMPTY + b"h\x00h\x00\x86q\x00b0") * 60 + b"h\x00Ns",
    "many claims": b"\x8e" + struct.pack("<Q", 2**40) + b"x",
    "a large frame": b"\x95" + struct.pack("<Q", 2**40) + b"x",
    "a large bytearray": b"\x96" + struct.pack("<Q", 2**40) + b"x",
    "an extension": b"\x82\x01",
    "an object": b"(h\x01o]\x85b",
    "an instance": b"(ios\nsystem\n",
    "a new object": b"h\x01)\x81",
    "an array that is changed": EMPTY + b"(K\x01K\x01\x85" + FLOAT + b"\x89C\x04aaaatbq\x00K\x00K\x01s",
    "an attribute of a dict": b"h\x02)R}U\x05itemsNsb",
    "a number of many digits": b"\x8b" + struct.pack("<I", 1000) + b"x" * 1000,
    "a long tuple as a key, again and again": b"}((" + b"K\x01" * 30_000 + b"tq\x000" + b"h\x00Ns" * 60_000,
    "long arguments of a type as a key, again and again": b"}(h\x03(U\x02f4"
    + b"K\x01" * 30_000
    + b"tq\x00R0"
    + b"h\x00Ns" * 60_000,
    "a dotted name": b"U\x02osU\x0bpath.exists\x93",
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs_are_refused_at_once(write, bomb):
    path = write(b"\x80\x04" + GLOBALS + BOMBS[bomb] + b".")
    with pytest.raises(ValueError, match=r"ann\.pkl"):
        load_pickle(path)


def test_a_list_becomes_a_set_only_once(write):
    """Else a short pickle could have a long list hashed thousands of times."""
    again = load_pickle(write(b"\x80\x02" + GLOBALS + b"(](K\x01K\x02eq\x00h\x01h\x00\x85Rh\x01h\x00\x85Rt."))
    assert again == ([], {1, 2}, set())


def test_arrays_that_were_read_can_be_changed(write):
    read = load_pickle(write([np.zeros(3), {"x": (np.zeros(2), "text", ("more", (1, 2)))}]))
    read[0][1] = read[1]["x"][0][1] = 5
    assert read[0][1] == 5 and read[1]["x"][2] == ("more", (1, 2))


def test_unknown_text_encodings_are_refused(write):
    data = b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x03\x00\x00\x00zip\x86R."
    with pytest.raises(ValueError, match="would build bytes encoded as 'zip'"):
        load_pickle(write(data))


def test_persistent_ids_are_refused(write):
    with pytest.raises(ValueError, match="would build the persistent id 'outside'"):
        load_pickle(write(b"\x80\x02Poutside\n."))


def test_attributes_of_allowed_names_cannot_be_changed(write):
    """A pickle may not replace what later names of the same process mean."""
    data = b"\x80\x02cnumpy\ndtype\nN}X\x08\x00\x00\x00__call__K\x01s\x86b."
    with pytest.raises(ValueError, match=r"would build a change of a function"):
        load_pickle(write(data))


def test_an_array_cannot_claim_more_than_its_data(write):
    data = pickle.dumps(np.zeros(3, dtype=np.uint8), protocol=2)
    huge = data.replace(b"K\x03\x85", b"\x8a\x05\x00\x00\x00\x00\x10\x85")
    assert huge != data
    with pytest.raises(ValueError, match=r"ann\.pkl cannot be read as a pickle: .*size"):
        load_pickle(write(huge))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no pickle at all",
        pickle.dumps([1, 2, 3])[:-3],
        b"\x80\x04" + b"\x8e" + struct.pack("<Q", 2**40) + b"x",
        b"\x80\x63.",
        b"(" * 5 + b".",
    ],
)
def test_damaged_files(write, data):
    with pytest.raises(ValueError, match=r"ann\.pkl cannot be read as a pickle: \w+"):
        load_pickle(write(data))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"forward, 1.5 somersaults\n", r"it starts with b'forward, 1.5 som', as no pickle of containers"),
        (b"PK\x03\x04 an archive", r"it starts with b'PK.* an arc"),
        (b"(1.5, 2.5)\n", r"it is damaged or no pickle"),
        (pickle.dumps([1, 2], protocol=0)[:-2], r"it ends too early"),
    ],
)
def test_what_is_no_pickle_is_called_so(write, data, reason):
    with pytest.raises(ValueError, match=rf"ann\.pkl cannot be read as a pickle: {reason}"):
        load_pickle(write(data))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_noise_is_read_or_refused_but_never_runs(data):
    try:
        read = _load(io.BytesIO(data), "noise.pkl", RestrictedUnpickler)
    except ValueError as error:
        assert "noise.pkl" in str(error)
    else:
        assert not callable(read)


def nested(value, times):
    for _ in range(times):
        value = [value]
    return value


def test_shared_and_nested_content_is_read_up_to_the_limits(write):
    names = [f"class {number}" for number in range(99)]
    content = {"annotations": [{"classes": names, "shape": (1080, 1920)} for _ in range(200)], "deep": nested(1, 95)}
    assert load_pickle(write(content)) == content
    assert load_pickle(write({(1, (2, (3, 4))): [np.zeros(2)] * 3}, protocol=2)).keys() == {(1, (2, (3, 4)))}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_tuples_may_hold_what_was_made_before(write, protocol):
    name, shape = "a" * 20, (480, 640)
    numbers = np.float64(2.5), np.float64(2.5)
    content = [(name, name), {(name, shape): shape}, (shape, shape, [shape]), (name, np.arange(3)), numbers] * 50
    np.testing.assert_equal(load_pickle(write(content, protocol)), content)


@pytest.mark.parametrize("protocol", [2, 4])
def test_tuples_that_double_without_end_are_refused(write, protocol):
    shared: tuple = ("text", "text")
    for _ in range(40):
        shared = (shared, shared)
    with pytest.raises(ValueError, match="would build tuples that repeat without end"):
        load_pickle(write([shared], protocol))


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (nested(1, 101), "containers that are nested more than 100 deep"),
        ([inner := nested(1, 60), nested(inner, 60)], "containers that are nested more than 100 deep"),
        ([big := list(range(30_000)), [big] * 5_000], "content that repeats or holds itself without end"),
        ([text := "x" * 30_000, [text] * 5_000], "content that repeats or holds itself without end"),
        ([array := np.zeros(30_000), [array] * 5_000], "content that repeats or holds itself without end"),
        (2**1000, "a number of more than 1000 bits"),
    ],
)
def test_content_that_is_far_larger_than_its_file_is_refused(write, content, message, protocol):
    with pytest.raises(ValueError, match=f"ann.pkl would build {message}"):
        load_pickle(write(content, protocol))


def test_a_missing_file_lists_similar_names(write):
    path = write([])
    with pytest.raises(FileNotFoundError, match=r"no annotation file .*anm\.pkl; did you mean ann\.pkl"):
        load_pickle(path.with_name("anm.pkl"))
    with pytest.raises(FileNotFoundError, match=r"the folder .*nowhere does not exist either"):
        load_pickle(path.parent / "nowhere" / "ann.pkl")
