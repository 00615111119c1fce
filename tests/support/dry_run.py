"""Tells what llama.cpp itself would allocate for a GGUF file, in a process of its own.

`python -m tests.support.dry_run FILE` reads a JSON list of demands on stdin and answers with a list of the
bytes of the KV cache, the compute buffer and the output buffer, as llama.cpp's log gives them (to 0.01 MiB).
Neither weights nor caches are allocated (`no_alloc`).
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import llama_cpp
import msgspec

from models.memory.memory_request import Demand

MIB = 1 << 20
_KV_TYPES = {
    "f16": llama_cpp.GGML_TYPE_F16,
    "q8_0": llama_cpp.GGML_TYPE_Q8_0,
    "q4_0": llama_cpp.GGML_TYPE_Q4_0,
}


class Allocation(msgspec.Struct, frozen=True):
    """Bytes that llama.cpp names in its log."""

    cache: int
    compute: int
    output: int


def dry_run(file: Path, demands: list[Demand]) -> list[Allocation]:
    """Ask llama.cpp about `file` for each of `demands`."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.dry_run", str(file)],
        input=msgspec.json.encode(demands),
        stdout=subprocess.PIPE,
        check=True,
    )
    return msgspec.json.decode(done.stdout, type=list[Allocation])


def main() -> None:
    demands = msgspec.json.decode(sys.stdin.buffer.read(), type=list[Demand])
    said: list[str] = []
    callback = llama_cpp.llama_log_callback(lambda _, text, __: said.append((text or b"").decode()))
    llama_cpp.llama_log_set(callback, None)
    llama_cpp.llama_backend_init()
    params = llama_cpp.llama_model_default_params()
    params.no_alloc = True
    params.n_gpu_layers = 0
    params.load_mode = llama_cpp.LLAMA_LOAD_MODE_NONE
    model = llama_cpp.llama_model_load_from_file(os.fsencode(sys.argv[1]), params)
    if not model:
        raise SystemExit("".join(said))
    found = []
    for demand in demands:
        said.clear()
        context = llama_cpp.llama_init_from_model(model, _context_params(demand))
        if not context:
            raise SystemExit("".join(said))
        llama_cpp.llama_free(context)
        text = "".join(said)
        found.append(
            Allocation(
                cache=_bytes(r"llama_kv_cache: size = +([0-9.]+) MiB", text),
                compute=_bytes(r"compute buffer size = +([0-9.]+) MiB", text),
                output=_bytes(r"output buffer size = +([0-9.]+) MiB", text),
            )
        )
    llama_cpp.llama_model_free(model)
    sys.stdout.buffer.write(msgspec.json.encode(found))


def _context_params(demand: Demand) -> llama_cpp.llama_context_params:
    params = llama_cpp.llama_context_default_params()
    params.n_ctx = demand.context_tokens * (1 if demand.shared else demand.sequences)
    params.kv_unified = demand.shared
    params.n_batch = params.n_ubatch = demand.batch_tokens
    params.n_seq_max = demand.sequences
    params.n_outputs_max = demand.output_rows
    params.type_k = params.type_v = _KV_TYPES[demand.kv_type]
    on, off = llama_cpp.LLAMA_FLASH_ATTN_TYPE_ENABLED, llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
    params.flash_attn_type = on if demand.flash_attention else off
    return params


def _bytes(pattern: str, text: str) -> int:
    return round(sum(float(size) for size in re.findall(pattern, text)) * MIB)


if __name__ == "__main__":
    main()
