"""Where a Hugging Face adapter is told from a model; nothing slow is imported, for commands begin here."""

from pathlib import Path

CONFIG = "adapter_config.json"


def is_adapter(folder: Path) -> bool:
    """Whether this is the folder of a PEFT adapter."""
    return (folder / CONFIG).is_file()
