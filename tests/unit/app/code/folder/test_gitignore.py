import shutil
import subprocess
import time
from pathlib import Path

import pytest

from app.code.folder.gitignore import LONGEST_RULE, IgnoreScope, parse_rules

RULES = (
    r"""
# a comment
*.pyc
/build
logs/
!logs/
doc/*.txt
**/cache
deep/**/leaf
all/**
\#notes
\!important
[abc]x
[!a-c]y
no[slash
a?c
star*star
!keep.pyc
sub/only/
"""
    "space\\ \n"
    "trailing   \n"
)

PATHS = (
    "x.pyc",
    "keep.pyc",
    "a/x.pyc",
    "a/keep.pyc",
    "build",
    "a/build",
    "logs",
    "a/logs",
    "doc/a.txt",
    "doc/b/a.txt",
    "a/doc/a.txt",
    "cache",
    "a/b/cache",
    "deep/leaf",
    "deep/a/leaf",
    "deep/a/b/leaf",
    "deepleaf",
    "all",
    "all/x",
    "all/x/y",
    "#notes",
    "notes",
    "!important",
    "important",
    "ax",
    "bx",
    "dx",
    "ay",
    "dy",
    "no[slash",
    "noslash",
    "abc",
    "ac",
    "a/abc",
    "starstar",
    "starxstar",
    "star_star_",
    "sub/only",
    "a/sub/only",
    "trailing",
)


def scope(text: str) -> IgnoreScope:
    return IgnoreScope().within(0, text)


@pytest.mark.skipif(shutil.which("git") is None, reason="git says what is right")
def test_every_path_is_ignored_as_git_ignores_it(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text(RULES)
    for path in PATHS:
        asked = subprocess.run(
            ["git", "-C", str(tmp_path), "check-ignore", "-v", "--no-index", path],
            capture_output=True,
            text=True,
        )
        # What is ignored by a folder above it is never looked at.
        rule = asked.stdout.partition("\t")[0].split(":", 2)[-1]
        if asked.returncode == 0 and rule.strip("/") in ("all/**", "/build", "**/cache", "sub/only/"):
            continue
        ignored = asked.returncode == 0 and not rule.startswith("!")
        assert scope(RULES).ignores(path, is_folder=False) == ignored, (path, rule)


@pytest.mark.parametrize(
    ("rules", "path", "is_folder", "ignored"),
    [
        ("*.pyc", "a/b/x.pyc", False, True),
        ("/build", "build", True, True),
        ("/build", "a/build", True, False),
        ("logs/", "logs", True, True),
        ("logs/", "logs", False, False),
        ("logs/", "a/logs", True, True),
        ("a/b", "a/b", False, True),
        ("a/b", "x/a/b", False, False),
        ("**/b", "x/y/b", False, True),
        ("a/**/b", "a/b", False, True),
        ("a/**/b", "a/x/y/b", False, True),
        ("a/**", "a", True, False),
        ("a/**", "a/x", False, True),
        ("*\n!keep", "keep", False, False),
        ("!keep\n*", "keep", False, True),
        ("x\\ ", "x ", False, True),
        ("x  ", "x", False, True),
        ("[!a]b", "cb", False, True),
        ("[!a]b", "ab", False, False),
        ("[]-]", "]", False, True),
        ("", "x", False, False),
        ("/", "x", False, False),
        ("foo\\", "foo", False, False),
        ("nothing", ".git", True, True),
    ],
)
def test_rules_mean_what_the_manual_says(rules: str, path: str, is_folder: bool, ignored: bool) -> None:
    assert scope(rules).ignores(path, is_folder=is_folder) == ignored


def test_a_folder_below_decides_before_those_above_it() -> None:
    inner = scope("*.log\n/x").within(2, "!kept.log\n/x")

    assert inner.ignores("a/b/other.log", is_folder=False)
    assert not inner.ignores("a/b/kept.log", is_folder=False)
    assert inner.ignores("a/b/x", is_folder=False)
    assert not inner.ignores("a/b/c/x", is_folder=False)


def test_no_pattern_takes_long() -> None:
    hostile = "\n".join(["*a" * 100 + "b", "**/" * 100 + "b", "[a-z]*" * 60, "?*" * 150 + "b", "[" * 399])
    began_s = time.process_time()
    for _ in range(20):
        scope(hostile).ignores("/".join(["a" * 250] * 60), is_folder=False)
    # A pattern of five stars took another library seven seconds, once.
    assert time.process_time() - began_s < 20


def test_too_long_and_too_many_lines_are_left_out() -> None:
    assert parse_rules("x" * (LONGEST_RULE + 1)) == ()
    assert len(parse_rules("a\n" * 100_000)) == 2000
