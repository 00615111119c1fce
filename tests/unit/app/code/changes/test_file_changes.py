from app.code.ask import Excerpt
from app.code.changes.file_changes import MOST_FILES, blocks_by_file, with_blocks
from app.code.extract import code_blocks
from app.code.languages import language_of_file

UTIL = "def half(x):\n    return x / 2\n\n\ndef twice(x):\n    return x * 2\n"
ANSWER = """Both change.

`src/util.py`:

```python
def half(x):
    return x // 2
```

`main.py`:

```python
from src.util import half
```

And again src/util.py, with

```python title="src/util.py"
def twice(x):
    return x + x
```

```python
unnamed = 1
```
"""


def test_blocks_are_grouped_by_the_files_that_they_name() -> None:
    found = blocks_by_file(code_blocks(ANSWER))

    assert list(found) == ["src/util.py", "main.py"]
    assert len(found["src/util.py"]) == 2


def test_each_block_goes_where_it_belongs_in_its_file() -> None:
    excerpt = Excerpt("util.py", language_of_file("util.py"), UTIL, 3, 3)

    text = with_blocks(excerpt, blocks_by_file(code_blocks(ANSWER))["src/util.py"])

    assert text == UTIL.replace("x / 2", "x // 2").replace("x * 2", "x + x")


def test_of_a_new_file_the_blocks_are_the_text() -> None:
    excerpt = Excerpt("", language_of_file("new.py"), "", 0, 0)

    text = with_blocks(excerpt, blocks_by_file(code_blocks(ANSWER))["src/util.py"])

    assert text == "def half(x):\n    return x // 2\n\n\ndef twice(x):\n    return x + x\n"


def test_so_many_files_are_enough() -> None:
    answer = "\n".join(f'```python title="{number}.py"\nx = 1\n```' for number in range(50))

    assert len(blocks_by_file(code_blocks(answer))) == MOST_FILES
