"""What is read from each slicer's file, and that nothing in a file upsets the reading."""

import base64
import io
import time
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glassbed.features.library.gcode import GcodeHeader, read_header
from glassbed.features.library.gcode_comments import HEAD_BYTES, HEAD_LIMIT_BYTES, TAIL_BYTES


def header(content):
    content = content.encode() if isinstance(content, str) else content
    return read_header(io.BytesIO(content), len(content))


def facts(content):
    """The header's fields that are known, without the pictures."""
    read = header(content)
    known = {name: getattr(read, name) for name in GcodeHeader.__slots__ if name != "thumbnails"}
    return {name: value for name, value in known.items() if value is not None}


def pictures(content):
    return [(one.format, one.width, one.height) for one in header(content).thumbnails]


class Counting(io.BytesIO):
    read_bytes = 0

    def read(self, size=-1):
        data = super().read(size)
        self.read_bytes += len(data)
        return data


def test_prusaslicer(samples):
    assert facts(samples["PrusaSlicer"]) == {
        "slicer": "PrusaSlicer",
        "slicer_version": "2.7.1",
        "printer_model": "MK3S",
        "estimated_s": 3849,
        "filament_mm": 4235.9,
        "filament_g": 12.63,
        "filament_type": "PLA",
        "filament_cost": 0.32,
        "layers": 164,
        "layer_height_mm": 0.15,
        "first_layer_height_mm": 0.2,
        "height_mm": 24.6,
        "nozzle_diameter_mm": 0.4,
        "nozzle_c": 215,
        "first_layer_nozzle_c": 220,
        "bed_c": 60,
        "first_layer_bed_c": 65,
    }
    assert pictures(samples["PrusaSlicer"]) == [("png", 16, 16), ("jpg", 220, 124)]


def test_orcaslicer(samples):
    assert facts(samples["OrcaSlicer"]) == {
        "slicer": "OrcaSlicer",
        "slicer_version": "2.1.1",
        "printer_model": "Voron 2.4 350",
        "estimated_s": 91192,
        "filament_mm": 1174.8,
        "filament_g": 3.5,
        "filament_type": "PLA",
        "filament_cost": 0.07,
        "layers": 100,
        "layer_height_mm": 0.2,
        "first_layer_height_mm": 0.25,
        "height_mm": 20,
        "nozzle_diameter_mm": 0.4,
        "nozzle_c": 215,
        "first_layer_nozzle_c": 220,
        "bed_c": 65,
        "first_layer_bed_c": 65,
    }
    assert pictures(samples["OrcaSlicer"]) == [("png", 300, 300)]


def test_bambustudio(samples):
    read = facts(samples["BambuStudio"])
    assert read.pop("filament_mm") == pytest.approx(7832.63)
    assert read.pop("filament_g") == pytest.approx(24.41)
    assert read == {
        "slicer": "BambuStudio",
        "slicer_version": "01.09.05.51",
        "printer_model": "Bambu Lab P1S",
        "estimated_s": 8040,
        "filament_type": "PLA, PETG",
        "layers": 75,
        "layer_height_mm": 0.2,
        "first_layer_height_mm": 0.2,
        "height_mm": 15,
        "nozzle_diameter_mm": 0.4,
        "nozzle_c": 220,
        "first_layer_nozzle_c": 225,
        "bed_c": 35,
        "first_layer_bed_c": 35,
    }


def test_cura(samples):
    read = facts(samples["Cura"])
    assert read.pop("filament_mm") == pytest.approx(2527.44)
    assert read == {
        "slicer": "Cura",
        "slicer_version": "5.6.0",
        "printer_model": "Creality Ender-3 Pro",
        "estimated_s": 4756,
        "layers": 131,
        "layer_height_mm": 0.2,
        "height_mm": 26.2,
        "nozzle_c": 200,
        "first_layer_nozzle_c": 200,
        "bed_c": 60,
        "first_layer_bed_c": 60,
    }
    assert pictures(samples["Cura"]) == [("png", 32, 32)]


def test_cura_for_ultimaker(samples):
    assert facts(samples["Griffin"]) == {
        "slicer": "Cura",
        "slicer_version": "5.2.2",
        "printer_model": "Ultimaker S5",
        "estimated_s": 5400,
        "layers": 300,
        "height_mm": 30.1,
        "nozzle_diameter_mm": 0.4,
        "nozzle_c": 205,
        "first_layer_nozzle_c": 205,
        "bed_c": 60,
        "first_layer_bed_c": 60,
    }


def test_simplify3d(samples):
    assert facts(samples["Simplify3D"]) == {
        "slicer": "Simplify3D",
        "slicer_version": "4.1.2",
        "estimated_s": 9600,
        "filament_mm": 5610.5,
        "filament_g": 16.87,
        "filament_type": "PLA",
        "filament_cost": 0.78,
        "layers": 123,
        "layer_height_mm": 0.2,
        "height_mm": 24.6,
        "nozzle_diameter_mm": 0.4,
        "nozzle_c": 210,
        "first_layer_nozzle_c": 210,
        "bed_c": 60,
        "first_layer_bed_c": 60,
    }


def test_ideamaker(samples):
    assert facts(samples["ideaMaker"]) == {
        "slicer": "ideaMaker",
        "slicer_version": "5.4.2.8790",
        "printer_model": "RAISE3D Pro2 Plus",
        "estimated_s": 12345,
        "filament_mm": 900,
        "filament_type": "PLA",
        "layers": 219,
        "layer_height_mm": 0.2,
        "height_mm": 44,
        "nozzle_diameter_mm": 0.4,
        "nozzle_c": 205,
        "first_layer_nozzle_c": 205,
        "bed_c": 60,
        "first_layer_bed_c": 60,
    }


def test_the_slicer_is_looked_for_in_the_first_comments_alone(samples):
    assert header(b"; hello\n" * 150 + samples["PrusaSlicer"]).slicer == "PrusaSlicer"
    assert header(b"; hello\n" * 250 + samples["PrusaSlicer"]).slicer is None


def test_windows_line_ends_change_nothing(sample):
    assert header(sample.replace(b"\n", b"\r\n")) == header(sample)


def test_head_and_tail_of_a_large_file_are_found(large_file):
    size_bytes = large_file.stat().st_size
    with large_file.open("rb") as file:
        read = read_header(file, size_bytes)
    assert (read.slicer, read.estimated_s, read.height_mm) == ("PrusaSlicer", 3849, 24.6)
    assert len(read.thumbnails) == 2


def test_only_head_and_tail_of_a_large_file_are_read(large_file):
    file = Counting(large_file.read_bytes())
    read_header(file, large_file.stat().st_size)
    assert file.read_bytes == HEAD_BYTES + TAIL_BYTES


@pytest.mark.parametrize("middle_bytes", [0, 1000, HEAD_BYTES, HEAD_BYTES + TAIL_BYTES, 2 * HEAD_BYTES])
def test_nothing_depends_on_where_head_and_tail_meet(samples, middle_bytes):
    start, mark, end = samples["PrusaSlicer"].partition(b";LAYER_CHANGE\n;Z:24.6")
    middle = b"G1 X1 Y1\n" * (middle_bytes // 9)
    assert header(start + middle + mark + end) == header(samples["PrusaSlicer"])


def test_a_thumbnail_larger_than_the_head_is_read_whole(make_thumbnail_block, make_picture):
    data = make_picture("png", 1000, 1000)
    content = (
        "; generated by PrusaSlicer 2.7.1 on x\n"
        + make_thumbnail_block("png", 1000, 1000, data)
        + "G28\n" * 999999
    )
    assert len(data) > HEAD_BYTES
    assert [one.data for one in header(content).thumbnails] == [data]


def test_a_thumbnail_without_end_is_read_to_the_limit_and_left_out():
    content = b"; thumbnail begin 300x300 9\n" + b"; iVBORw0KGgo\n" * 1_000_000
    file = Counting(content)
    assert read_header(file, len(content)).thumbnails == ()
    assert file.read_bytes == HEAD_LIMIT_BYTES + TAIL_BYTES


def test_a_file_shorter_than_said_is_read_as_far_as_it_goes(samples):
    content = samples["Cura"] + b"; thumbnail begin 3x3 9\n; aaa"
    assert read_header(io.BytesIO(content), 10**9).slicer == "Cura"
    assert read_header(io.BytesIO(content * 99), 10**7).slicer == "Cura"


def test_the_format_of_a_picture_is_taken_from_its_bytes(make_thumbnail_block, make_picture):
    assert pictures(make_thumbnail_block("png", 20, 20, make_picture("jpg", 20, 20))) == [("jpg", 20, 20)]
    assert pictures(make_thumbnail_block("qoi", 20, 20)) == [("qoi", 20, 20)]


def test_crealitys_way_to_mark_a_picture_is_read(make_picture):
    text = base64.b64encode(make_picture("png", 20, 20)).decode()
    assert pictures(f"; png begin 20*20 {len(text)} 3 1 5\n; {text}\n; png end\n") == [("png", 20, 20)]


@pytest.mark.parametrize(
    "block",
    [
        "; thumbnail begin 20x20 4\n; AAAA\n; thumbnail end\n",  # no known picture
        "; thumbnail begin 20x20 4\n; iVBOR*w0KGgo=\n; thumbnail end\n",  # no base64
        "; thumbnail begin 9999x20 4\n; iVBORw0KGgo=\n; thumbnail end\n",  # too wide
        "; thumbnail begin 20x0 4\n; iVBORw0KGgo=\n; thumbnail end\n",
        "; thumbnail begin 20x20 4\n; iVBORw0KGgo=\nG28\n; thumbnail end\n",  # a command within
        "; thumbnail begin 20x20 4\nG28\n; iVBORw0KGgo=\n; thumbnail end\n",
        "; thumbnail begin 20x20 4\n; iVBORw0KGgo=\n",  # no end
    ],
)
def test_a_broken_picture_is_left_out_and_the_rest_is_read(block):
    read = header(block + "G28\n;TIME:77\n" if "end" in block else ";TIME:77\n" + block)
    assert read.thumbnails == ()
    assert read.estimated_s == 77


def test_there_is_a_limit_to_the_number_of_pictures():
    assert len(header("; thumbnail begin 20x20 4\n; iVBORw0KGgo=\n; thumbnail end\n" * 50).thumbnails) == 16


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("; estimated printing time (normal mode) = 1d 2h 3m 4s", 93784),
        ("; estimated printing time (normal mode) = 42s", 42),
        ("; Build time: 0 hours 34 minutes", 2040),
        ("; Build Time: 41.5 minutes", 2490),
        ("; estimated printing time = 01:02:03", 3723),
        ("; total estimated time: 11m 27s", 687),
        ("; model printing time: 5m 39s", 339),
        (";TIME:6666", None),  # what CuraEngine writes before it knows
        (";TIME:0", None),
        (";TIME:-5", None),
        (";TIME:99999999999", None),
        (";TIME:soon", None),
    ],
)
def test_times_in_every_form(text, seconds):
    assert header(text + "\n").estimated_s == seconds


@pytest.mark.parametrize(
    ("text", "length_mm"),
    [
        (";Filament used: 1.5m", 1500),
        (";Filament used: 1500mm", 1500),
        ("; filament used = 1234.5mm (3.0cm3)", 1234.5),
        ("; filament used [mm] = 0.00", None),
        (";Filament used: 0m", None),
        ("; filament used [mm] = 99999999999999999999, inf, nan", None),
        ("; filament used [mm] = " + "9" * 400, None),
    ],
)
def test_lengths_in_every_form(text, length_mm):
    assert header(text + "\n").filament_mm == length_mm


def test_a_first_layer_in_percent_is_not_taken_for_millimetres():
    assert header("; first_layer_height = 50%\n").first_layer_height_mm is None


def test_layers_are_not_computed_from_a_height_that_makes_no_sense():
    assert header("; layer_height = 5\n;Z:0.2\n").layers is None


def test_the_material_falls_back_on_all_that_are_set():
    assert header("; filament_type = PLA;PLA;PVA\n").filament_type == "PLA, PVA"


def test_numbers_beyond_all_sense_are_not_taken():
    assert header("; total layer number: 99999999999\n; max_z_height: 99999999999\n").layers is None


def test_a_tail_that_begins_within_a_line_does_not_begin_with_a_comment():
    inline = b";TIME:55\n"
    after = b"G28\n" * TAIL_BYTES
    content = b"G28\n" * HEAD_BYTES + b"G1 X1 " + inline + after[: TAIL_BYTES - len(inline)]
    assert header(content).estimated_s is None


def test_texts_are_printable_and_short():
    read = header("; printer_model = A\x07\u202eB" + "x" * 500 + "\n; filament_type = " + "P" * 90 + "\n")
    assert read.printer_model == "AB" + "x" * 78
    assert read.filament_type == "P" * 40


def test_a_file_without_comments_has_an_empty_header_but_what_it_heats_to():
    assert facts("G28\nG1 X1\n") == {}
    assert facts("M140 S50\nM104 S190\nM104 S200 T0\nM104 S0\n") == {
        "nozzle_c": 200,
        "first_layer_nozzle_c": 200,
        "bed_c": 50,
        "first_layer_bed_c": 50,
    }


@given(st.binary(max_size=3000))
def test_any_bytes_give_a_header(content):
    assert isinstance(header(content), GcodeHeader)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(data=st.data())
def test_any_damage_to_a_real_file_gives_a_header(samples, data):
    content = bytearray(samples[data.draw(st.sampled_from(sorted(samples)))])
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(content)))
        content[at : at + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=40))
    read = header(bytes(content))
    assert read.estimated_s is None or read.estimated_s > 0


@pytest.mark.parametrize(
    "line",
    [b";" + b" " * 500_000, b";" + b"a=" * 250_000, b"M104 " * 100_000, b"; generated by " + b"a " * 250_000],
)
def test_a_line_made_to_be_slow_is_not(line):
    begin_s = time.process_time()
    header(line + b"\n")
    assert time.process_time() - begin_s < 0.5


def test_a_hostile_file_takes_little_memory():
    content = b"; thumbnail begin 300x300 9\n" + b";a=1 and thirty bytes in all\n" * 300_000
    tracemalloc.start()
    try:
        header(content)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 64 * 1024 * 1024
