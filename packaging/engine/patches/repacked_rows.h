// Included by ggml-cpu/repack.cpp: what repacked_rows.cpp adds to llama.cpp's matrix products.
#pragma once

struct ggml_compute_params;
struct ggml_tensor;

// The product of Q4_K or Q4_0 weights whose rows lie in eights; false where llama.cpp's own product of such rows has to
// be made.
bool stillroom_mul_mat_repacked(const ggml_compute_params * params, ggml_tensor * dst);
