// The next tokens of one reply: evaluate, draw, evaluate, without anything of Python's in between, and, on a card, the
// next one under way while Python reads these. app/engine/llama/next_tokens.py calls it; where this library is missing,
// app/engine/worker/decode_loop.py goes token by token.

#include <math.h>

#include "likely_tokens.h"

#define PAIR_BITS 20  // of an index into a bitmap of pairs: 128 KB

// As in next_tokens.py, in the same order.
struct stillroom_next {
    struct llama_context * context;
    const struct llama_vocab * vocab;
    const struct llama_batch * batch;     // of one row, which asks for its logits: the last token, at its place
    llama_token_data * rows;              // with room for the vocabulary
    llama_token_data_array * likely;
    struct llama_sampler * sampler;       // ends with a draw; NULL takes the likeliest
    const volatile char * interrupt;      // not 0 where somebody waits for the thread
    uint8_t * pairs;                      // neighbours that were said; NULL where nobody asks
    llama_token * tokens;                 // these were drawn
    int64_t * drawn_us;                   // at these times since the call
    int32_t vocabulary;
    float gap;                            // of the likely tokens, below the largest logit
    int32_t widest;                       // of more likely tokens than these another has to draw
    float least_share;                    // of a token among the likely ones; 0 for any
    int32_t ahead;                        // 1: evaluate the last token, too, unless it ends the reply
    int32_t row;                          // of the logits to draw from first, where the token is evaluated
    int32_t evaluated;                    // 1: the batch's token is evaluated, and nothing is drawn from its logits
    int32_t result;                       // llama_decode's
    int32_t lack;                         // why no token was drawn, if none was
};

enum { LACKS_NOTHING, LACKS_NUMBERS, IS_TOO_WIDE, IS_UNSURE };

// Whether `first` and then `second` were said; notes it.
static int32_t note_pair(uint8_t * pairs, llama_token first, llama_token second) {
    const uint32_t mixed = (uint32_t) first*0x9E3779B1u ^ (uint32_t) second*0x85EBCA6Bu;
    const uint32_t at = mixed*0xC2B2AE35u >> (32 - PAIR_BITS);
    const uint8_t bit = (uint8_t) (1u << (at & 7));
    const int32_t known = (pairs[at >> 3] & bit) != 0;
    pairs[at >> 3] |= bit;
    return known;
}

// Notes all neighbours among `tokens`.
EXPORTED void stillroom_note_pairs(uint8_t * pairs, const llama_token * tokens, int32_t count) {
    for (int32_t i = 1; i < count; i++) {
        note_pair(pairs, tokens[i - 1], tokens[i]);
    }
}

// Finds the likeliest token of a row in *token; its share, which is 0 where it is below `least` or there is no number.
EXPORTED float stillroom_best_of_row(
        struct llama_context * context, int32_t row, int32_t count, float gap, float least, llama_token_data * rows,
        llama_token_data_array * likely, llama_token * token) {
    stillroom_likely_tokens_of_row(context, row, count, gap, rows, likely);
    size_t best = 0;
    for (size_t i = 1; i < likely->size; i++) {
        best = rows[i].logit > rows[best].logit ? i : best;
    }
    float total = 0.0f;
    for (size_t i = 0; i < likely->size && total*least <= 1.0f; i++) {
        total += expf(rows[i].logit - rows[best].logit);
    }
    *token = likely->size ? rows[best].id : -1;
    return likely->size && total*least <= 1.0f ? 1.0f/total : 0.0f;
}

static int32_t draw(struct stillroom_next * next, llama_token * token) {
    if (next->least_share > 0.0f) {
        const float share = stillroom_best_of_row(
            next->context, next->row, next->vocabulary, next->gap, next->least_share, next->rows, next->likely, token);
        return share > 0.0f ? LACKS_NOTHING : IS_UNSURE;
    }
    stillroom_likely_tokens_of_row(
        next->context, next->row, next->vocabulary, next->gap, next->rows, next->likely);
    if (!next->likely->size) {
        return LACKS_NUMBERS;
    }
    if (!next->sampler) {
        *token = next->rows[0].id;
        return LACKS_NOTHING;
    }
    if (next->likely->size > (size_t) next->widest) {
        return IS_TOO_WIDE;
    }
    *token = stillroom_draw(next->sampler, next->likely);
    return LACKS_NOTHING;
}

static int32_t evaluate(struct stillroom_next * next) {
    next->result = llama_decode(next->context, *next->batch);
    next->evaluated = next->result == 0;
    next->row = 0;
    return next->evaluated;
}

// Draws at most `most` tokens behind the batch's; how many it drew. It stops at a token that ends the generation, at the
// first one after `long_us`, at one that makes a pair which was said before, and where somebody waits. With the `last`th
// token the reply ends, so that it need not be evaluated.
EXPORTED int32_t stillroom_next_tokens(struct stillroom_next * next, int32_t most, int32_t last, int64_t long_us) {
    const int64_t began_us = llama_time_us();
    int32_t count = 0;
    next->result = 0;
    next->lack = LACKS_NOTHING;
    while (next->evaluated || evaluate(next)) {
        llama_token token;
        next->lack = draw(next, &token);
        if (next->lack) {
            break;
        }
        next->evaluated = 0;
        next->tokens[count] = token;
        next->drawn_us[count] = llama_time_us() - began_us;
        const int32_t late = next->drawn_us[count] >= long_us;
        count++;
        const llama_token said = next->batch->token[0];
        next->batch->token[0] = token;
        next->batch->pos[0]++;
        const int32_t known = next->pairs && note_pair(next->pairs, said, token);
        if (llama_vocab_is_eog(next->vocab, token) || count >= last || known || *next->interrupt) {
            break;
        }
        if (count >= most || late) {
            if (next->ahead) {
                evaluate(next);
            }
            break;
        }
    }
    return count;
}
