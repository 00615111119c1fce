from app.code.fixing import attempt, fix_prompt
from app.code.programming_tasks import load_tasks
from app.code.sandbox.run import Sandbox

TASK = next(task for task in load_tasks() if task.key.endswith("is-even"))
WRONG = "```python\ndef is_even(n):\n    return n % 2\n```"
RIGHT = "```python\ndef is_even(n):\n    return n % 2 == 0\n```"


def test_what_failed_goes_back_until_all_tests_pass() -> None:
    answers = iter([WRONG, "I see no mistake.", RIGHT])
    prompts: list[str] = []

    def ask(prompt: str) -> str:
        prompts.append(prompt)
        return next(answers)

    rounds = list(attempt(TASK, ask, Sandbox(), 5))

    assert [one.judgement.passed for one in rounds] == [False, False, True]
    assert "is_even(4) is True" in prompts[1]
    assert "return n % 2" in prompts[1]
    # A correction without a program leaves the one before, and its failure goes back again.
    assert prompts[2] == prompts[1]
    assert rounds[1].judgement == rounds[0].judgement


def test_no_more_rounds_are_asked_for_than_allowed() -> None:
    rounds = list(attempt(TASK, lambda _prompt: WRONG, Sandbox(), 1))
    assert [one.number for one in rounds] == [0, 1]


def test_a_prompt_keeps_fences_of_the_code_inside_its_own() -> None:
    prompt = fix_prompt('print("```")', "python", "NameError", "Say it.")
    assert "````python" in prompt
    assert prompt.startswith("The task was:")
