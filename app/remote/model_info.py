"""A model elsewhere, as the window knows models."""

from app.engine.protocol import ModelInfo
from app.remote.remote_conversation import TEMPLATE
from app.remote.remote_server import UNKNOWN_CONTEXT_TOKENS, ElsewhereModel, ElsewhereServer


def elsewhere_info(server: ElsewhereServer, model: ElsewhereModel) -> ModelInfo:
    """Describe a remote model; what only its server knows is 0 or empty."""
    context = model.context_tokens or UNKNOWN_CONTEXT_TOKENS
    return ModelInfo(
        path=server.path_of(model),
        name=model.name,
        architecture="",
        quantisation="",
        parameters=0,
        size_bytes=0,
        layers=0,
        gpu_layers=0,
        context_tokens=context,
        context_limit=context,
        vocabulary=0,
        threads=0,
        batch_tokens=0,
        kv_type="f16",
        backend=server.host,
        chat_template=TEMPLATE,
        bos_text="",
        eos_text="",
        adds_bos=False,
        load_s=0.0,
        buffers={},
    )
