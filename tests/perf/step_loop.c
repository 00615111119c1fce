// The loop that every program with llama.cpp has, in C: evaluate a token, draw the next one, and read nothing of them.
// `step_speed.py` compiles it and runs it beside the engine.

#include <stdlib.h>

#include "likely_tokens.h"

// Draws `count` tokens behind drawn[0] in sequence 0, by R1's sampling, from those that lie at most `gap` below the
// largest logit; 0 gives llama.cpp's samplers the whole vocabulary. Seconds from the first that it drew to the last; a
// negative number where llama.cpp could not evaluate.
EXPORTED double step_loop(
        struct llama_context * context, int32_t vocabulary, uint32_t seed, float gap, int32_t count, llama_token * drawn) {
    llama_memory_clear(llama_get_memory(context), false);
    struct llama_sampler_chain_params params = llama_sampler_chain_default_params();
    params.no_perf = true;
    struct llama_sampler * chain = llama_sampler_chain_init(params);
    llama_sampler_chain_add(chain, llama_sampler_init_temp(0.6f));
    llama_sampler_chain_add(chain, llama_sampler_init_top_p(0.95f, 1));
    llama_sampler_chain_add(chain, llama_sampler_init_dist(seed));
    llama_token_data * rows = malloc(sizeof(*rows)*(size_t) vocabulary);
    int64_t began_us = 0;
    int32_t failed = 0;
    for (int32_t at = 0; at < count && !failed; at++) {
        failed = llama_decode(context, llama_batch_get_one(&drawn[at], 1));
        llama_token_data_array likely = { rows, (size_t) vocabulary, -1, false };
        if (gap > 0.0f) {
            stillroom_likely_tokens_of_row(context, 0, vocabulary, gap, rows, &likely);
        } else {
            const float * logits = llama_get_logits_ith(context, 0);
            for (int32_t i = 0; i < vocabulary; i++) {
                rows[i] = (llama_token_data) { i, logits[i], 0.0f };
            }
        }
        drawn[at + 1] = stillroom_draw(chain, &likely);
        if (!at) {
            began_us = llama_time_us();
        }
    }
    const int64_t ended_us = llama_time_us();
    free(rows);
    llama_sampler_free(chain);
    return failed ? -1.0 : (double) (ended_us - began_us)/1e6;
}
