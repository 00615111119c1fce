// Included by ggml-cpu.c: what several_columns.c adds to llama.cpp's matrix products.
#pragma once

// From so many columns on llama.cpp's product of tiles is faster, where it takes the type.
static inline int64_t stillroom_tiles_from(enum ggml_type type) {
    return type == GGML_TYPE_IQ4_XS ? 17 : 32;
}

#if (defined(__x86_64__) || defined(_M_X64)) && !defined(GGML_CPU_GENERIC)

// Whether rows of this type and of `n` values are multiplied with several columns at a time on this processor.
bool stillroom_several_columns(enum ggml_type type, int64_t n);

// The products of `rows` rows, `bx` bytes apart, with `columns` columns (quantised, `by` bytes apart): those of a
// column stand one after the other in `s`, those of the next column `bs` floats further.
void stillroom_dot_columns(
    enum ggml_type type, int n, int rows, const void * x, size_t bx, int columns, const void * y, size_t by,
    float * s, size_t bs);

#else

static inline bool stillroom_several_columns(enum ggml_type type, int64_t n) {
    return false;
    GGML_UNUSED(type);
    GGML_UNUSED(n);
}

#define stillroom_dot_columns(...) GGML_ABORT("not on this processor")

#endif
