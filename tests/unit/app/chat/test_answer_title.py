import pytest

from app.chat.chat_title import BEGINNING_CHARACTERS, TITLE_COLUMNS, answer_title, columns_of

CODE = "```python\nprint('hello there, world')\n```"


@pytest.mark.parametrize(
    ("answer", "title"),
    [
        ("The capital of France is **Paris**.", "The capital of France is Paris"),
        ("## The Fall of *Rome*\n\nIn 476, …", "The Fall of Rome"),
        ("Why is the sky blue? It scatters light.", "Why is the sky blue?"),
        ("Use `sorted(xs)` to get a new list.", "Use sorted(xs) to get a new list"),
        ("See [the manual](https://example.org) for more words.", "See the manual for more words"),
        ("The value of \\(x\\) is 4.", "The value of x is 4"),
        ("To solve the equation \\(2x+3=7\\), follow these steps:", "To solve the equation 2x+3=7"),
        (f"{CODE}\n\nThe program prints one line.", "The program prints one line"),
        (f"Here is a program that greets the world:\n\n{CODE}", "A program that greets the world"),
        (
            "| a | b |\n|---|---|\n| c | d |\n\nTables compare several things.",
            "Tables compare several things",
        ),
        ("> quoted words of another\n\nFortune favours the bold.", "Fortune favours the bold"),
        ("Roses bloom at dawn,\nsoft light on the hill", "Roses bloom at dawn"),
        ("1905年，爱因斯坦提出了狭义相对论。随后……", "1905年，爱因斯坦提出了狭义相对论"),
        ("法国的首都是**巴黎**。", "法国的首都是巴黎"),
        ("## 光合作用的过程\n\n植物……", "光合作用的过程"),
        ("那不勒斯位于意大利南部。", "那不勒斯位于意大利南部"),
    ],
)
def test_the_first_heading_or_sentence_is_the_title(answer: str, title: str) -> None:
    assert answer_title(answer) == title


@pytest.mark.parametrize(
    ("answer", "title"),
    [
        ("Sure! Here's a poem about the sea at night:", "A poem about the sea at night"),
        (
            "Certainly, photosynthesis converts light into energy.",
            "Photosynthesis converts light into energy",
        ),
        ("Okay, so the sky is blue because it scatters light.", "The sky is blue because it scatters light"),
        ("Of course! Here are three ways to sort a list:", "Three ways to sort a list"),
        ("🎉 Great question! The tower is 330 metres tall.", "The tower is 330 metres tall"),
        ("Thank you for asking! The moon has no air.", "The moon has no air"),
        ("Yes, penguins are birds that cannot fly.", "Penguins are birds that cannot fly"),
        ("Let me explain how photosynthesis works.", "How photosynthesis works"),
        ("Let's break this down.\n\nWater boils at 100 °C.", "Water boils at 100 °C"),
        ("### Step-by-Step Explanation\n\nOdd numbers sum to squares.", "Odd numbers sum to squares"),
        (
            "**Understanding the Problem**\n\nWe need to find the number of ways to sit.",
            "Find the number of ways to sit",
        ),
        (
            "To solve this problem, we need to determine the area of a circle with radius $r$.",
            "Determine the area of a circle with radius r",
        ),
        ("**Answer:** The train arrives at 5 pm.", "The train arrives at 5 pm"),
        ("Subject: Application as a gardener", "Application as a gardener"),
        ("好的，天空呈蓝色是因为瑞利散射。", "天空呈蓝色是因为瑞利散射"),
        (f"当然可以！以下是一个用 Python 反转字符串的函数：\n{CODE}", "一个用 Python 反转字符串的函数"),
        ("这是一个很好的问题！量子纠缠是指两个粒子的状态相互关联。", "量子纠缠是指两个粒子的状态相互关联"),
        ("### 解题思路\n\n鸡有15只，兔有20只。", "鸡有15只，兔有20只"),
        ("The key differences between TCP and UDP are:", "The key differences between TCP and UDP"),
        ("The steps to bake bread are as follows:", "The steps to bake bread"),
        ("首先，我们需要理解什么是区块链。", "理解什么是区块链"),
        ("让我们一步一步来分析。鸡兔同笼是经典问题。", "鸡兔同笼是经典问题"),
    ],
)
def test_what_answers_begin_with_is_left_out(answer: str, title: str) -> None:
    assert answer_title(answer) == title


@pytest.mark.parametrize(
    "sentence",
    [
        "No one knows the exact number",
        "Great Britain is an island",
        "Right triangles have one right angle",
        "Dr. Smith, i.e. J. K. Smith, wrote it",
        "Pi is about 3.14 in decimals",
    ],
)
def test_words_that_only_look_like_an_opening_stay(sentence: str) -> None:
    assert answer_title(f"{sentence}. More follows.") == sentence


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "4",
        "Yes, it is.",
        "Paris.",
        "巴黎。",
        CODE,
        "```\nnever closed, and long enough to be a title",
        '{"city": "Paris", "country": "the one of France"}',
        "\\[ x = \\frac{1}{2} \\]",
        "$$\\boxed{4}$$",
        "The derivative of \\(x^2\\) is \\(2x\\). Use the rule for powers.",
        "- apples and pears here\n- plums",
        "### Solution:\n\n1. Take the first number",
        "Hello! How can I assist you today?",
        "你好！有什么可以帮助你的吗？",
        "I'm sorry, but I can't help with that.",
        "Sorry, that is not possible here.",
        "As an AI language model, nothing is known to me.",
        "抱歉，我无法回答这个问题。",
        "He was born in 1879 in Ulm.",
        "It depends on the temperature outside.",
        "它是一种常见的植物。",
        "The answer is 42.",
        "So the final answer is 42 metres.",
        "答案是四十二米左右。",
        "Here's a joke for you:\n\nWhy did the chicken cross the road?",
        "I'd be happy to help! Could you share the text?",
        "Let x be the number of apples.",
        "Dear Mr. Miller,\n\nthe application follows below.",
    ],
)
def test_an_answer_that_says_less_than_the_question_gives_no_title(answer: str) -> None:
    assert answer_title(answer) == ""


def test_a_long_sentence_is_cut_at_a_word_and_chinese_at_its_punctuation() -> None:
    title = answer_title("Every good title " + "has many words " * 20)
    assert columns_of(title) <= TITLE_COLUMNS
    assert title.endswith(("has…", "many…", "words…"))
    title = answer_title(
        "量子计算利用叠加和纠缠来处理信息，它与经典计算有本质区别，因此在某些问题上具有指数级优势。"
    )
    assert title == "量子计算利用叠加和纠缠来处理信息，它与经典计算有本质区别…"


def test_what_cannot_be_seen_is_not_in_a_title() -> None:
    assert answer_title("\u202eWords in a \u200bhidden order") == "Words in a hidden order"


def test_only_the_beginning_is_read() -> None:
    assert answer_title("ok, " * BEGINNING_CHARACTERS + "the rest is never looked at.") == ""
