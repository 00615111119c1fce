// Included by ggml-cpu.c and ops.cpp: attention of the heads that share keys and values, together.
#pragma once

#include <stddef.h>

struct ggml_tensor;

#ifdef __cplusplus
extern "C" {
#endif

// Bytes of work memory that `stillroom_attention` takes for this operation and so many threads.
size_t stillroom_attention_bytes(const struct ggml_tensor * dst, int threads);

#ifdef __cplusplus
}

struct ggml_compute_params;

// Attention with keys and values in f16 or q8_0; false where llama.cpp's own has to be made.
bool stillroom_attention(const ggml_compute_params * params, ggml_tensor * dst);
#endif
