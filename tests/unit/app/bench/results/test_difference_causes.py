"""Other differences between two runs are told."""

import msgspec

from app.bench.results.difference_causes import differences
from tests.support.bench_reports import make_report
from tests.unit.app.bench.quality.test_comparison import RUN


def test_driver_program_and_engine_are_told() -> None:
    before = make_report()
    after = msgspec.structs.replace(
        before,
        stillroom_version="0.2.0",
        machine=msgspec.structs.replace(before.machine, gpu_driver="590.10"),
        engine=msgspec.structs.replace(before.engine, llama_cpp_version="0.3.37"),
    )
    assert [(item.field, item.before, item.after) for item in differences(before, after)] == [
        ("gpu_driver", "580.82", "590.10"),
        ("stillroom_version", "0.1.0", "0.2.0"),
        ("llama_cpp_version", "0.3.36", "0.3.37"),
    ]


def test_what_one_of_them_does_not_know_is_no_difference() -> None:
    assert RUN.engine is None
    known = msgspec.structs.replace(RUN, engine=make_report().engine)
    assert differences(RUN, known) == []
