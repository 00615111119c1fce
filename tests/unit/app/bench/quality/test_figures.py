from app.bench.quality.figures import grown_report, quality_report
from tests.unit.app.bench.quality.test_comparison import RUN, maths, part, talks


def test_a_report_that_has_grown_is_the_report_of_all_results() -> None:
    results = [*part(3.0), *maths("rwnr"), *talks(0.25, 0.5)]
    report = quality_report(RUN, [], finished=False)
    for result in reversed(results):
        report = grown_report(report, RUN, [result])
    assert report == quality_report(RUN, results[::-1], finished=False)
    assert (report.left_out, len(report.items)) == (1, len(results))
