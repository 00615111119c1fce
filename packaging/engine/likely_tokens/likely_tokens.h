// What the files of this library have in common.

#ifndef STILLROOM_LIKELY_TOKENS_H
#define STILLROOM_LIKELY_TOKENS_H

#include <stdint.h>

#include "llama.h"

#ifdef _WIN32
#define EXPORTED __declspec(dllexport)
#else
#define EXPORTED __attribute__((visibility("default")))
#endif

// Makes `likely` the tokens whose logit lies at most `gap` below the largest of all, in their order, without shares.
// They are written into `rows`, which has room for `count`. None is left where a logit is not a number or the largest
// is not finite.
EXPORTED void stillroom_likely_tokens(
    const float * logits, int32_t count, float gap, llama_token_data * rows, llama_token_data_array * likely);

// The same of the logits of batch row `row`, as many as the vocabulary has.
EXPORTED void stillroom_likely_tokens_of_row(
    struct llama_context * context, int32_t row, int32_t count, float gap, llama_token_data * rows,
    llama_token_data_array * likely);

// Lets a sampler that selects one of `candidates` do so; the token it is.
EXPORTED llama_token stillroom_draw(struct llama_sampler * sampler, llama_token_data_array * candidates);

#endif
