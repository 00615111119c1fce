import pytest

from app.code.language_guess import guess_language
from app.code.programming_tasks import load_tasks


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("import os\nprint(os.sep)\n", "python"),
        ("print('hi')", "python"),
        ("x = 1\nfor i in range(3):\n    x += i\n", "python"),
        ("#!/usr/bin/env python3\n", "python"),
        ("const a = 1;\nconsole.log(a);\n", "javascript"),
        ("function f(x) {\n  return x;\n}\n", "javascript"),
        ("interface A {\n  x: number\n}\n", "typescript"),
        ("#!/bin/sh\nls\n", "bash"),
        ("echo hi | grep h\n", "bash"),
        ("#include <stdio.h>\nint main(void) { return 0; }\n", "c"),
        ("#include <iostream>\nint main() { std::cout << 1; }\n", "cpp"),
        ("package main\n\nfunc main() {}\n", "go"),
        ("fn main() {\n    let x = 1;\n}\n", "rust"),
        ("public class A {\n}\n", "java"),
        ('{"a": 1}', "json"),
        ("<!DOCTYPE html>\n<p>hi", "html"),
    ],
)
def test_a_sure_sign_tells_the_language(text: str, key: str) -> None:
    language = guess_language(text)
    assert language is not None
    assert language.key == key


@pytest.mark.parametrize("text", ["", "Dear Anna,\n\nthank you for your letter.\n", "12345"])
def test_prose_has_no_language(text: str) -> None:
    assert guess_language(text) is None


def test_every_reference_of_the_tasks_is_taken_for_python() -> None:
    for task in load_tasks():
        language = guess_language(task.reference)
        assert language is not None
        assert language.key == "python"
