"""Tell a Hugging Face adapter from a model; nothing slow is imported, for commands begin here."""

from pathlib import Path

CONFIG = "adapter_config.json"


def is_adapter(folder: Path) -> bool:
    """Tell whether this is the folder of a PEFT adapter."""
    return (folder / CONFIG).is_file()
