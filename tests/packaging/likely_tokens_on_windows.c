// Compares the two searches for likely tokens, compiled for Microsoft's headers, on rows of every kind.

#include "likely_tokens.c"

#define MOST 1000

int printf(const char * format, ...);

// The library calls them, this program does not.
float * llama_get_logits_ith(struct llama_context * context, int32_t i) {
    (void) context, (void) i;
    return NULL;
}

void llama_sampler_apply(struct llama_sampler * sampler, llama_token_data_array * candidates) {
    (void) sampler, (void) candidates;
}

static float next_random(uint32_t * state) {
    *state = *state*1664525u + 1013904223u;
    return (float) (*state >> 8)/(1 << 20) - 8.0f;
}

static float row[MOST];
static llama_token_data plain[MOST + 1], wide[MOST + 1];

int main(void) {
    uint32_t state = 26;
    int32_t same = 0, found = 0;
    for (int32_t count = 1; count <= MOST; count++) {
        for (int32_t i = 0; i < count; i++) {
            row[i] = next_random(&state);
        }
        if (count % 7 == 0) {
            row[count/2] = NAN;
        }
        if (count % 11 == 0) {
            row[count/3] = -INFINITY;
        }
        const int32_t one = likely_among(row, count, 2.0f, plain);
        const int32_t other = has_avx2() ? likely_among_with_avx2(row, count, 2.0f, wide) : -1;
        int32_t alike = one == other;
        for (int32_t i = 0; alike && i < one; i++) {
            alike = plain[i].id == wide[i].id && plain[i].logit == wide[i].logit;
        }
        same += alike;
        found += one;
    }
    printf("AVX2 %d, %d of %d rows alike, %d tokens\n", has_avx2(), same, MOST, found);
    return 0;
}
