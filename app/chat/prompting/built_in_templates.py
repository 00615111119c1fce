"""Stillroom's own chat templates: for models that bring none, and in the place of one that cannot be used."""

CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
R1 = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ message['content'] }}"
    "{% elif message['role'] == 'user' %}{{ '<｜User｜>' + message['content'] }}"
    "{% else %}{{ '<｜Assistant｜>' + message['content'] + '<｜end▁of▁sentence｜>' }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<｜Assistant｜><think>\\n' }}{% endif %}"
)
LLAMA3 = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' }}"
    "{{ message['content'] + '<|eot_id|>' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"
)
FAMILIES = {R1: "DeepSeek-R1", LLAMA3: "Llama 3", CHATML: "ChatML"}
"""The name of each of them."""


def built_in_template(bos_text: str, eos_text: str, source: str = "") -> str:
    """Choose by the marks of turns that the model's own template holds, else by its vocabulary."""
    for mark, template in (("<｜User｜>", R1), ("<|start_header_id|>", LLAMA3), ("<|im_start|>", CHATML)):
        if mark in source:
            return template
    if "｜" in bos_text or "｜" in eos_text:
        return R1
    if bos_text == "<|begin_of_text|>" or eos_text == "<|eot_id|>":
        return LLAMA3
    return CHATML


def speaks_r1(source: str, model_name: str) -> bool:
    """Tell whether the model is one of the R1 family, which always thinks first.

    It has DeepSeek's turns, and R1's name or R1's handling of `</think>`: a DeepSeek model that does not
    reason is not made to.
    """
    name = model_name.lower().replace("_", "-").replace(" ", "-")
    return "<｜Assistant｜>" in source and (
        "-r1" in name or "r1-" in name or "</think>" in source or source == R1
    )


def can_think(source: str, model_name: str) -> bool:
    """Tell whether a model of this template and name thinks before it answers, or can."""
    return "</think>" in source or "<think>" in source or speaks_r1(source, model_name)
