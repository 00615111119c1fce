// The tokens worth drawing from, which llama.cpp's samplers get in place of the whole vocabulary. A library of its own
// beside llama.cpp's, which it calls; app/engine/llama/candidates.py does the same by numpy where it is missing.

#include <math.h>
#include <stdint.h>

#include "llama.h"

#ifdef _WIN32
#define EXPORTED __declspec(dllexport)
#else
#define EXPORTED __attribute__((visibility("default")))
#endif

#if defined(__GNUC__) && defined(__x86_64__)
#define INLINED static inline __attribute__((always_inline))
#define WITH_AVX2 __attribute__((target("avx2")))
#else
#define INLINED static inline
#endif

#define LANES 32  // so many side by side that no operation has to wait for the one before it

INLINED int32_t likely_among(const float * logits, int32_t count, float gap, llama_token_data * likely) {
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
    for (int32_t at = 0; at < count; at += LANES) {
        const int32_t end = at < whole ? at + LANES : count;
        if (at < whole) {
            int32_t any = 0;
            for (int32_t i = 0; i < LANES; i++) {
                any |= logits[at + i] >= least;
            }
            if (!any) {
                continue;
            }
        }
        for (int32_t i = at; i < end; i++) {
            likely[found].id = i;
            likely[found].logit = logits[i];
            found += logits[i] >= least;
        }
    }
    return found;
}

#ifdef WITH_AVX2
static WITH_AVX2 int32_t likely_among_with_avx2(
        const float * logits, int32_t count, float gap, llama_token_data * likely) {
    return likely_among(logits, count, gap, likely);
}
#endif

// Makes `likely` the tokens whose logit lies at most `gap` below the largest of all, in their order, without shares.
// They are written into `rows`, which has room for `count`. None is left where a logit is not a number or the largest
// is not finite.
EXPORTED void stillroom_likely_tokens(
        const float * logits, int32_t count, float gap, llama_token_data * rows, llama_token_data_array * likely) {
#ifdef WITH_AVX2
    const int32_t found = __builtin_cpu_supports("avx2") ? likely_among_with_avx2(logits, count, gap, rows)
                                                         : likely_among(logits, count, gap, rows);
#else
    const int32_t found = likely_among(logits, count, gap, rows);
#endif
    *likely = (llama_token_data_array) { rows, (size_t) found, -1, false };
}

// The same of the logits of batch row `row`, as many as the vocabulary has.
EXPORTED void stillroom_likely_tokens_of_row(
        struct llama_context * context, int32_t row, int32_t count, float gap, llama_token_data * rows,
        llama_token_data_array * likely) {
    stillroom_likely_tokens(llama_get_logits_ith(context, row), count, gap, rows, likely);
}

// Lets a sampler that selects one of `candidates` do so; the token it is.
EXPORTED llama_token stillroom_draw(struct llama_sampler * sampler, llama_token_data_array * candidates) {
    llama_sampler_apply(sampler, candidates);
    return candidates->data[candidates->selected].id;
}
