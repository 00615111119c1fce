// The tokens worth drawing from, which llama.cpp's samplers get in place of the whole vocabulary. A library of its own
// beside llama.cpp's, which it calls; app/engine/llama/candidates.py does the same by numpy where it is missing.

#include "likely_tokens.h"

#include <math.h>

// Clang for Microsoft's headers (clang-cl) shows what AVX2 has from version 19 on; before, the plain search serves.
#if (defined(__x86_64__) || defined(_M_X64)) && !(defined(_MSC_VER) && defined(__clang__) && __clang_major__ < 19)
#define X86_64
#include <immintrin.h>
#endif

#define LANES 32  // so many side by side that no operation has to wait for the one before it

static int32_t likely_of_some(
        const float * logits, int32_t from, int32_t end, float least, llama_token_data * likely, int32_t found) {
    for (int32_t i = from; i < end; i++) {
        likely[found].id = i;
        likely[found].logit = logits[i];
        found += logits[i] >= least;
    }
    return found;
}

static int32_t likely_among(const float * logits, int32_t count, float gap, llama_token_data * likely) {
    const int32_t whole = count/LANES*LANES;
    float largest[LANES];
    int32_t strange[LANES];
    for (int32_t i = 0; i < LANES; i++) {
        largest[i] = -INFINITY;
        strange[i] = 0;
    }
    for (int32_t at = 0; at < whole; at += LANES) {
        for (int32_t i = 0; i < LANES; i++) {
            const float logit = logits[at + i];
            largest[i] = largest[i] > logit ? largest[i] : logit;
            strange[i] |= logit != logit;
        }
    }
    float most = -INFINITY;
    int32_t any_strange = 0;
    for (int32_t i = 0; i < LANES; i++) {
        most = most > largest[i] ? most : largest[i];
        any_strange |= strange[i];
    }
    for (int32_t i = whole; i < count; i++) {
        most = most > logits[i] ? most : logits[i];
        any_strange |= logits[i] != logits[i];
    }
    if (any_strange || !isfinite(most)) {
        return 0;
    }
    const float least = most - gap;
    int32_t found = 0;
    for (int32_t at = 0; at < whole; at += LANES) {
        int32_t any = 0;
        for (int32_t i = 0; i < LANES; i++) {
            any |= logits[at + i] >= least;
        }
        if (any) {
            found = likely_of_some(logits, at, at + LANES, least, likely, found);
        }
    }
    return likely_of_some(logits, whole, count, least, likely, found);
}

#ifdef X86_64
// In words that Microsoft's compiler knows as well, which by itself does no two of these comparisons at once.
#ifdef _MSC_VER
#include <intrin.h>
#ifdef __clang__
#define WITH_AVX2 __attribute__((target("avx2")))
#define WITH_XSAVE __attribute__((target("xsave")))
#else
#define WITH_AVX2
#define WITH_XSAVE
#endif
static WITH_XSAVE int find_avx2(void) {
    int leaf[4];
    __cpuid(leaf, 0);
    if (leaf[0] < 7) {
        return 0;
    }
    __cpuid(leaf, 1);
    const int saves_and_avx = 1 << 27 | 1 << 28;
    if ((leaf[2] & saves_and_avx) != saves_and_avx || (_xgetbv(0) & 6) != 6) {
        return 0;
    }
    __cpuidex(leaf, 7, 0);
    return leaf[1] >> 5 & 1;
}
static int has_avx2(void) {
    // Asked once: in a virtual machine the question takes longer than a search.
    static volatile int known = -1;
    if (known < 0) {
        known = find_avx2();
    }
    return known;
}
#else
#define WITH_AVX2 __attribute__((target("avx2")))
static int has_avx2(void) {
    return __builtin_cpu_supports("avx2");
}
#endif

static WITH_AVX2 int32_t likely_among_with_avx2(
        const float * logits, int32_t count, float gap, llama_token_data * likely) {
    const int32_t whole = count/LANES*LANES;
    __m256 largest[4], strange[4];
    for (int32_t i = 0; i < 4; i++) {
        largest[i] = _mm256_set1_ps(-INFINITY);
        strange[i] = _mm256_setzero_ps();
    }
    for (int32_t at = 0; at < whole; at += LANES) {
        for (int32_t i = 0; i < 4; i++) {
            const __m256 eight = _mm256_loadu_ps(logits + at + 8*i);
            largest[i] = _mm256_max_ps(eight, largest[i]);
            strange[i] = _mm256_or_ps(strange[i], _mm256_cmp_ps(eight, eight, _CMP_UNORD_Q));
        }
    }
    float most = -INFINITY;
    int any_strange = 0;
    for (int32_t i = 0; i < 4; i++) {
        float lanes[8];
        _mm256_storeu_ps(lanes, largest[i]);
        for (int32_t lane = 0; lane < 8; lane++) {
            most = most > lanes[lane] ? most : lanes[lane];
        }
        any_strange |= _mm256_movemask_ps(strange[i]);
    }
    for (int32_t i = whole; i < count; i++) {
        most = most > logits[i] ? most : logits[i];
        any_strange |= logits[i] != logits[i];
    }
    if (any_strange || !isfinite(most)) {
        return 0;
    }
    const float least = most - gap;
    const __m256 leasts = _mm256_set1_ps(least);
    int32_t found = 0;
    for (int32_t at = 0; at < whole; at += LANES) {
        __m256 any = _mm256_cmp_ps(_mm256_loadu_ps(logits + at), leasts, _CMP_GE_OQ);
        for (int32_t i = 1; i < 4; i++) {
            any = _mm256_or_ps(any, _mm256_cmp_ps(_mm256_loadu_ps(logits + at + 8*i), leasts, _CMP_GE_OQ));
        }
        if (_mm256_movemask_ps(any)) {
            found = likely_of_some(logits, at, at + LANES, least, likely, found);
        }
    }
    return likely_of_some(logits, whole, count, least, likely, found);
}
#endif

EXPORTED void stillroom_likely_tokens(
        const float * logits, int32_t count, float gap, llama_token_data * rows, llama_token_data_array * likely) {
#ifdef X86_64
    const int32_t found = has_avx2() ? likely_among_with_avx2(logits, count, gap, rows)
                                     : likely_among(logits, count, gap, rows);
#else
    const int32_t found = likely_among(logits, count, gap, rows);
#endif
    *likely = (llama_token_data_array) { rows, (size_t) found, -1, false };
}

EXPORTED void stillroom_likely_tokens_of_row(
        struct llama_context * context, int32_t row, int32_t count, float gap, llama_token_data * rows,
        llama_token_data_array * likely) {
    stillroom_likely_tokens(llama_get_logits_ith(context, row), count, gap, rows, likely);
}

EXPORTED llama_token stillroom_draw(struct llama_sampler * sampler, llama_token_data_array * candidates) {
    llama_sampler_apply(sampler, candidates);
    return candidates->data[candidates->selected].id;
}
