from app.bench.quality.answers.boxed import boxed_answers, final_answers


def test_braces_are_balanced() -> None:
    assert boxed_answers(r"So \boxed{\frac{1}{2}} it is, not \boxed{ 3 }.") == [r"\frac{1}{2}", "3"]


def test_escaped_braces_do_not_count() -> None:
    assert boxed_answers(r"\boxed{\{1, 2\}}") == [r"\{1, 2\}"]


def test_a_box_without_braces_holds_one_letter() -> None:
    assert boxed_answers(r"\boxed 5 and \fbox{6}") == ["5", "6"]


def test_a_box_that_is_never_closed_is_none() -> None:
    assert boxed_answers(r"\boxed{\frac{1}{2") == []
    assert final_answers("no box at all") == []


def test_the_last_box_is_the_answer() -> None:
    assert final_answers("First \\boxed{1}.\nNo, \\boxed{2}.") == ["2"]


def test_several_boxes_of_the_last_line_may_belong_together() -> None:
    assert final_answers(r"Either \boxed{1} or \boxed{2}.") == ["2", "1, 2"]
