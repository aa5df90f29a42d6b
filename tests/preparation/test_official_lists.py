import json
import re
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmaction.preparation.official_lists import GymId, read_diving48, read_gym_list, read_gym_times

ELEMENT = "0LtLS9wROrk_E_002407_002435_A_0003_0005"
fuzz = settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


PARSERS = (read_gym_list, read_diving48, read_gym_times)


def check_message_or_result(path, content):
    path.write_bytes(content)
    for parse in PARSERS:
        try:
            assert parse(path)
        except ValueError as error:
            assert str(error).startswith(f"{path}:"), error
            assert str(error)[len(str(path)) + 1 :].split(":")[0].isdigit(), error


@fuzz
@given(st.binary())
def test_any_bytes_give_a_line_numbered_error(tmp_path, content):
    check_message_or_result(tmp_path / "any", content)


@fuzz
@given(st.text(alphabet="01 _EA\n\r\t#-é" + ELEMENT, max_size=200))
def test_any_near_miss_gives_a_line_numbered_error(tmp_path, text):
    check_message_or_result(tmp_path / "any", text.encode())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(ELEMENT),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["vid_name", "label", "start_frame", "end_frame", "timestamps", "segments", ELEMENT[:27], "A_0003_0005"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@fuzz
@given(json_values)
def test_any_json_gives_a_line_numbered_error(tmp_path, value):
    check_message_or_result(tmp_path / "any", json.dumps(value, indent=1).encode())


@pytest.mark.parametrize("content", ["[" * 100_000, '{"a":' * 100_000, "[" + "9" * 5000 + "]"])
def test_hostile_json(tmp_path, content):
    check_message_or_result(tmp_path / "any", content.encode())


@given(st.from_regex(re.compile(r"[\w-]{11}_E_\d{6}_\d{6}_A_\d{4}_\d{4}", re.ASCII), fullmatch=True))
def test_gym_ids_round_trip(name):
    parsed = GymId.parse(name)
    assert str(parsed) == name
    short = name[11:].replace("_E_", "_").replace("_A_", "_")  # the video's id may hold these letters too
    assert GymId.parse(name[:11] + short) == parsed
    assert GymId.parse(parsed.event_id).element == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{ELEMENT} 1\nb\n", r"list:2: expected 'name label', found 'b'"),
        (f"{ELEMENT} 1\n\n{ELEMENT} x\n", r"list:3: label must be a whole number .* found 'x'"),
        (f"{ELEMENT} -1\n", "list:1: label must be"),
        (f"{ELEMENT} 1\n# comment\n{ELEMENT} 2\n", f"list:3: {ELEMENT} stands there already, in line 1"),
        ("\n#\n", "list:1: the list names no clip"),
        ("a name 1\n", "list:1: 'a name' is no FineGym id"),
    ],
)
def test_faulty_lists(tmp_path, text, message):
    (tmp_path / "list").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_gym_list(tmp_path / "list")


def test_gym_list_wants_elements(tmp_path):
    (tmp_path / "list").write_text(f"{ELEMENT} 1\n{ELEMENT[:27]} 2\n")
    with pytest.raises(ValueError, match=r"list:2: .* is the id of an event"):
        read_gym_list(tmp_path / "list")


def test_diving48_entries(tmp_path):
    (tmp_path / "d.json").write_text(
        '[\n{"vid_name": "a", "label": 1, "start_frame": 0, "end_frame": 9},\n{"label": 2}\n]'
    )
    with pytest.raises(ValueError, match=r"d.json:3: vid_name must be a name"):
        read_diving48(tmp_path / "d.json")
    (tmp_path / "d.json").write_text('[{"vid_name": "../x", "label": 1}]')
    with pytest.raises(ValueError, match="vid_name must be a name"):
        read_diving48(tmp_path / "d.json")


def test_both_forms_of_times(tmp_path):
    event = {"A_0003_0005": {"stages": 2, "timestamps": [[3.25, 4.0], [4.0, 5.5]]}}
    (tmp_path / "short.json").write_text(json.dumps({ELEMENT[:27]: event}))
    full = {ELEMENT[:11]: {"E_002407_002435": {"event": 1, "timestamps": [[2407.5, 2435.1]], "segments": event}}}
    (tmp_path / "full.json").write_text(json.dumps(full))
    assert read_gym_times(tmp_path / "short.json") == ({}, {ELEMENT: (3.25, 5.5)})
    assert read_gym_times(tmp_path / "full.json") == ({ELEMENT[:27]: (2407.5, 2435.1)}, {ELEMENT: (3.25, 5.5)})


@pytest.mark.parametrize(
    ("name", "total", "videos", "classes"),
    [
        ("gym99_train_element_v1.0", 20484, 154, 99),
        ("gym99_train_element_v1.1", 26320, 155, 99),
        ("gym99_val_element", 8521, 65, 99),
        ("gym288_train_element_v1.1", 29334, 177, 288),
        ("gym288_val_element", 9646, 117, 288),
    ],
)
def test_real_gym_lists(shared, name, total, videos, classes):
    path = shared / f"data/finegym/{name}.txt"
    clips = read_gym_list(path)
    assert len(clips) == total
    assert len({GymId.parse(clip.id).video for clip in clips}) == videos
    assert Counter(clip.label for clip in clips) == Counter(int(line.split()[1]) for line in path.open())
    assert {clip.label for clip in clips} == set(range(classes))


def test_real_gym_times(shared):
    events, elements = read_gym_times(shared / "data/finegym/event_annotation_v1.0.json")
    assert not events
    listed = [c.id for c in read_gym_list(shared / "data/finegym/gym99_val_element.txt")]
    assert all(name in elements for name in listed)
    for name in listed:
        start, end = (int(part) for part in GymId.parse(name).element.split("_"))
        assert (int(elements[name].start), int(elements[name].end)) == (start, end)
