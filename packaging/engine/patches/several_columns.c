// Included at the end of ggml-cpu/arch/x86/quants.c by 0002-several-columns.patch.
//
// llama.cpp multiplies a row of these weights with one column (token) after the other and unpacks the row for each
// anew. Here it is unpacked once for a group of columns, and with AVX-512 two rows lie side by side in a register.
// Each result is to the last bit what ggml_vec_dot_* gives: the same integers, added in the same order.

#include "several_columns.h"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__) && \
    defined(__AVX512VNNI__)
#define ROWS 2
#define GROUP 16
#elif defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#define ROWS 1
#define GROUP 8
#endif

#ifdef ROWS

// Where these are inlined, `columns` is a constant and the sums stay in registers.
#ifdef _MSC_VER
#define ALWAYS_INLINE static __forceinline
#else
#define ALWAYS_INLINE static inline __attribute__((always_inline))
#endif

// Of the columns, in float: their scales, which the rows of a call share, take at most 128 KB of the stack.
#define MOST_BLOCKS 1024

typedef struct {
    float d[GROUP];
    float s[GROUP];  // of Q8_1: d times the sum of the block's values
} column_scales;

// d and what stands behind it in memory (m or s; with Q8_0 two of the values), as floats.
static inline __m128 two_halves(const ggml_half * d) {
    int both;
    memcpy(&both, d, sizeof(both));
    return _mm_cvtph_ps(_mm_cvtsi32_si128(both));
}

// Of Q5_K: eight scales, then eight mins, from the twelve bytes in which they are packed.
static inline __m128i scales_and_mins(const uint8_t * packed) {
    uint32_t words[4];
    memcpy(words, packed, 12);
    words[3] = (words[2] >> 4 & 0x0f0f0f0f) | (words[1] >> 6 & 0x03030303) << 4;
    const uint32_t mins = words[1] & 0x3f3f3f3f;
    words[1] = (words[2] & 0x0f0f0f0f) | (words[0] >> 6 & 0x03030303) << 4;
    words[2] = mins;
    words[0] &= 0x3f3f3f3f;
    return _mm_loadu_si128((const __m128i *) words);
}

// What the mins of a row come to with a column, whose values are summed by 16.
static inline int mins_with(const __m128i mins, const int16_t * sums) {
    const __m128i * sixteens = (const __m128i *) sums;
    const __m128i by_32 = _mm_hadd_epi16(_mm_loadu_si128(sixteens), _mm_loadu_si128(sixteens + 1));
    __m128i products = _mm_madd_epi16(mins, by_32);
    products = _mm_add_epi32(products, _mm_shuffle_epi32(products, 0x4E));
    return _mm_cvtsi128_si32(_mm_add_epi32(products, _mm_shuffle_epi32(products, 0xB1)));
}

// Of IQ4_XS: the eight scales of a block's 32 values each.
static inline void iq4_xs_scales(const block_iq4_xs * block, int16_t * scales) {
    for (int part = 0; part < 8; ++part) {
        const int low = block->scales_l[part/2] >> 4*(part%2) & 0xF, high = block->scales_h >> 2*part & 3;
        scales[part] = (int16_t) ((low | high << 4) - 32);
    }
}

#if ROWS == 2

static inline __m512 side_by_side(const __m128 first, const __m128 second) {
    return _mm512_mask_broadcastss_ps(_mm512_broadcastss_ps(first), 0xFF00, second);
}

// Where two rows are read at a time, the processor does not see by itself that all of them are one stretch of memory.
static inline void prefetch_after(const void * row, const void * next, const size_t bx) {
    _mm_prefetch((const char *) row + 2*bx, _MM_HINT_T0);
    _mm_prefetch((const char *) next + 2*bx, _MM_HINT_T0);
}

static inline __m512i both_nibbles(const uint8_t * first, const uint8_t * second) {
    const __m512i twice = _mm512_setr_epi64(0, 1, 0, 1, 2, 3, 2, 3);
    const __m512i shift = _mm512_setr_epi64(0, 0, 4, 4, 0, 0, 4, 4);
    const __m256i bytes =
        MM256_SET_M128I(_mm_loadu_si128((const __m128i *) second), _mm_loadu_si128((const __m128i *) first));
    const __m512i halves = _mm512_permutexvar_epi64(twice, _mm512_castsi256_si512(bytes));
    return _mm512_and_si512(_mm512_set1_epi8(0xF), _mm512_srlv_epi64(halves, shift));
}

static inline __m512i both_32(const void * first, const void * second) {
    return _mm512_inserti64x4(
        _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *) first)),
        _mm256_loadu_si256((const __m256i *) second), 1);
}

static inline __m512i twice_32(const void * values) {
    return _mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i *) values));
}

// Of two rows' sixteen scales each: those from `first` on, eight times one and eight times the next.
static inline __m512i scales_of(const __m512i scales, const int first) {
    const __m512i one_and_next = _mm512_inserti64x4(
        _mm512_castsi256_si512(MM256_SET_M128I(_mm_set1_epi16(1), _mm_setzero_si128())),
        MM256_SET_M128I(_mm_set1_epi16(17), _mm_set1_epi16(16)), 1);
    return _mm512_permutexvar_epi16(_mm512_add_epi16(one_and_next, _mm512_set1_epi16(first)), scales);
}

ALWAYS_INLINE void q4_1_rows(
        const int columns, const int blocks, const char * x, const size_t bx, const char * y, const size_t by,
        const column_scales * scales, float * s, const size_t bs) {
    const block_q4_1 * row = (const block_q4_1 *) x;
    const block_q4_1 * next = (const block_q4_1 *) (x + bx);
    __m512 sums[GROUP], offsets = _mm512_setzero_ps(), next_offsets = _mm512_setzero_ps();
    for (int c = 0; c < columns; ++c) {
        sums[c] = _mm512_setzero_ps();
    }
    for (int i = 0; i < blocks; ++i) {
        const __m128 dm = two_halves(&row[i].d), next_dm = two_halves(&next[i].d);
        const __m512 d = side_by_side(dm, next_dm);
        prefetch_after(&row[i], &next[i], bx);
        const __m512i qx = both_nibbles(row[i].qs, next[i].qs);
        const __m512 column_s = _mm512_loadu_ps(scales[i].s);
        offsets = _mm512_fmadd_ps(_mm512_broadcastss_ps(_mm_movehdup_ps(dm)), column_s, offsets);
        next_offsets = _mm512_fmadd_ps(_mm512_broadcastss_ps(_mm_movehdup_ps(next_dm)), column_s, next_offsets);
        for (int c = 0; c < columns; ++c) {
            const block_q8_1 * column = (const block_q8_1 *) (y + c*by) + i;
            const __m512i qy = _mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i *) column->qs));
            const __m512 products = _mm512_cvtepi32_ps(_mm512_dpbusd_epi32(_mm512_setzero_si512(), qx, qy));
            sums[c] = _mm512_fmadd_ps(_mm512_mul_ps(d, _mm512_set1_ps(scales[i].d[c])), products, sums[c]);
        }
    }
    float added[2][GROUP];
    _mm512_storeu_ps(added[0], offsets);
    _mm512_storeu_ps(added[1], next_offsets);
    for (int c = 0; c < columns; ++c) {
        s[c*bs] = hsum_float_8(_mm512_castps512_ps256(sums[c])) + added[0][c];
        s[c*bs + 1] = hsum_float_8(_mm512_extractf32x8_ps(sums[c], 1)) + added[1][c];
    }
}

ALWAYS_INLINE void q8_0_rows(
        const int columns, const int blocks, const char * x, const size_t bx, const char * y, const size_t by,
        const column_scales * scales, float * s, const size_t bs) {
    const block_q8_0 * row = (const block_q8_0 *) x;
    const block_q8_0 * next = (const block_q8_0 *) (x + bx);
    __m512 sums[GROUP];
    for (int c = 0; c < columns; ++c) {
        sums[c] = _mm512_setzero_ps();
    }
    for (int i = 0; i < blocks; ++i) {
        const __m512 d = side_by_side(two_halves(&row[i].d), two_halves(&next[i].d));
        prefetch_after(&row[i], &next[i], bx);
        const __m512i qx = _mm512_inserti64x4(
            _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *) row[i].qs)),
            _mm256_loadu_si256((const __m256i *) next[i].qs), 1);
        const __m512i size = _mm512_abs_epi8(qx);
        const __mmask64 below_0 = _mm512_movepi8_mask(qx);
        for (int c = 0; c < columns; ++c) {
            const block_q8_0 * column = (const block_q8_0 *) (y + c*by) + i;
            const __m512i qy = _mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i *) column->qs));
            const __m512i signed_qy = _mm512_mask_sub_epi8(qy, below_0, _mm512_setzero_si512(), qy);
            const __m512 products = _mm512_cvtepi32_ps(_mm512_dpbusd_epi32(_mm512_setzero_si512(), size, signed_qy));
            sums[c] = _mm512_fmadd_ps(_mm512_mul_ps(d, _mm512_set1_ps(scales[i].d[c])), products, sums[c]);
        }
    }
    for (int c = 0; c < columns; ++c) {
        s[c*bs] = hsum_float_8(_mm512_castps512_ps256(sums[c]));
        s[c*bs + 1] = hsum_float_8(_mm512_extractf32x8_ps(sums[c], 1));
    }
}

// With the columns' values as they are and the rows' from 0 to 63; what the 32 less come to is subtracted first.
ALWAYS_INLINE void q6_K_rows(
        const int columns, const int blocks, const char * x, const size_t bx, const char * y, const size_t by,
        float * s, const size_t bs) {
    const block_q6_K * row = (const block_q6_K *) x;
    const block_q6_K * next = (const block_q6_K *) (x + bx);
    const __m512i low = _mm512_set1_epi8(0xF);
    __m512 sums[GROUP];
    for (int c = 0; c < columns; ++c) {
        sums[c] = _mm512_setzero_ps();
    }
    for (int i = 0; i < blocks; ++i) {
        const __m512 d = side_by_side(
            _mm_set_ss(GGML_CPU_FP16_TO_FP32(row[i].d)), _mm_set_ss(GGML_CPU_FP16_TO_FP32(next[i].d)));
        const __m512i scales = _mm512_cvtepi8_epi16(MM256_SET_M128I(
            _mm_loadu_si128((const __m128i *) next[i].scales), _mm_loadu_si128((const __m128i *) row[i].scales)));
        const __m512i less = _mm512_mullo_epi16(scales, _mm512_set1_epi16(-32));
        __m512i products[GROUP];
        for (int c = 0; c < columns; ++c) {
            const block_q8_K * column = (const block_q8_K *) (y + c*by) + i;
            products[c] = _mm512_madd_epi16(less, twice_32(column->bsums));
        }
        for (int j = 0; j < 2; ++j) {
            prefetch_after(row[i].ql + 64*j, next[i].ql + 64*j, bx);
            prefetch_after(row[i].qh + 32*j, next[i].qh + 32*j, bx);
            const __m512i first = both_32(row[i].ql + 64*j, next[i].ql + 64*j);
            const __m512i second = both_32(row[i].ql + 64*j + 32, next[i].ql + 64*j + 32);
            const __m512i high = both_32(row[i].qh + 32*j, next[i].qh + 32*j);
            const __m512i values[4] = {
                _mm512_or_si512(_mm512_and_si512(first, low),
                                _mm512_slli_epi16(_mm512_and_si512(high, _mm512_set1_epi8(3)), 4)),
                _mm512_or_si512(_mm512_and_si512(second, low),
                                _mm512_slli_epi16(_mm512_and_si512(high, _mm512_set1_epi8(12)), 2)),
                _mm512_or_si512(_mm512_and_si512(_mm512_srli_epi16(first, 4), low),
                                _mm512_and_si512(high, _mm512_set1_epi8(48))),
                _mm512_or_si512(_mm512_and_si512(_mm512_srli_epi16(second, 4), low),
                                _mm512_srli_epi16(_mm512_and_si512(high, _mm512_set1_epi8(-64)), 2)),
            };
            const __m512i scale[4] = {
                scales_of(scales, 8*j), scales_of(scales, 8*j + 2), scales_of(scales, 8*j + 4), scales_of(scales, 8*j + 6),
            };
            for (int c = 0; c < columns; ++c) {
                const int8_t * qs = ((const block_q8_K *) (y + c*by))[i].qs + 128*j;
                for (int k = 0; k < 4; ++k) {
                    products[c] = _mm512_dpwssd_epi32(
                        products[c], scale[k], _mm512_maddubs_epi16(values[k], twice_32(qs + 32*k)));
                }
            }
        }
        for (int c = 0; c < columns; ++c) {
            const __m512 column_d = _mm512_set1_ps(((const block_q8_K *) (y + c*by))[i].d);
            sums[c] = _mm512_fmadd_ps(_mm512_mul_ps(column_d, d), _mm512_cvtepi32_ps(products[c]), sums[c]);
        }
    }
    for (int c = 0; c < columns; ++c) {
        s[c*bs] = hsum_float_8(_mm512_castps512_ps256(sums[c]));
        s[c*bs + 1] = hsum_float_8(_mm512_extractf32x8_ps(sums[c], 1));
    }
}

ALWAYS_INLINE void q5_K_rows(
        const int columns, const int blocks, const char * x, const size_t bx, const char * y, const size_t by,
        float * s, const size_t bs) {
    const block_q5_K * row = (const block_q5_K *) x;
    const block_q5_K * next = (const block_q5_K *) (x + bx);
    const __m512i low = _mm512_set1_epi8(0xF), one = _mm512_set1_epi8(1);
    const __m512i two_rows = _mm512_inserti64x4(_mm512_setzero_si512(), _mm256_set1_epi16(16), 1);
    __m512 sums[GROUP];
    float offsets[GROUP], next_offsets[GROUP];
    for (int c = 0; c < columns; ++c) {
        sums[c] = _mm512_setzero_ps();
        offsets[c] = next_offsets[c] = 0;
    }
    for (int i = 0; i < blocks; ++i) {
        const __m512 d = side_by_side(
            _mm_set_ss(GGML_CPU_FP16_TO_FP32(row[i].d)), _mm_set_ss(GGML_CPU_FP16_TO_FP32(next[i].d)));
        const float dmin = GGML_CPU_FP16_TO_FP32(row[i].dmin), next_dmin = GGML_CPU_FP16_TO_FP32(next[i].dmin);
        const __m128i packed = scales_and_mins(row[i].scales), next_packed = scales_and_mins(next[i].scales);
        const __m512i scales = _mm512_cvtepu8_epi16(MM256_SET_M128I(next_packed, packed));
        const __m128i mins = _mm_cvtepu8_epi16(_mm_srli_si128(packed, 8));
        const __m128i next_mins = _mm_cvtepu8_epi16(_mm_srli_si128(next_packed, 8));
        const __m512i high = both_32(row[i].qh, next[i].qh);
        __m512i products[GROUP];
        for (int c = 0; c < columns; ++c) {
            products[c] = _mm512_setzero_si512();
        }
        for (int j = 0; j < 4; ++j) {
            prefetch_after(row[i].qs + 32*j, next[i].qs + 32*j, bx);
            const __m512i nibbles = both_32(row[i].qs + 32*j, next[i].qs + 32*j);
            const __m512i bit = _mm512_and_si512(_mm512_srli_epi16(high, 2*j), one);
            const __m512i next_bit = _mm512_and_si512(_mm512_srli_epi16(high, 2*j + 1), one);
            const __m512i values =
                _mm512_or_si512(_mm512_and_si512(nibbles, low), _mm512_slli_epi16(bit, 4));
            const __m512i next_values = _mm512_or_si512(
                _mm512_and_si512(_mm512_srli_epi16(nibbles, 4), low), _mm512_slli_epi16(next_bit, 4));
            const __m512i scale =
                _mm512_permutexvar_epi16(_mm512_add_epi16(two_rows, _mm512_set1_epi16(2*j)), scales);
            const __m512i next_scale =
                _mm512_permutexvar_epi16(_mm512_add_epi16(two_rows, _mm512_set1_epi16(2*j + 1)), scales);
            for (int c = 0; c < columns; ++c) {
                const int8_t * qs = ((const block_q8_K *) (y + c*by))[i].qs + 64*j;
                products[c] = _mm512_dpwssd_epi32(products[c], scale, _mm512_maddubs_epi16(values, twice_32(qs)));
                products[c] = _mm512_dpwssd_epi32(
                    products[c], next_scale, _mm512_maddubs_epi16(next_values, twice_32(qs + 32)));
            }
        }
        for (int c = 0; c < columns; ++c) {
            const block_q8_K * column = (const block_q8_K *) (y + c*by) + i;
            sums[c] = _mm512_fmadd_ps(
                _mm512_mul_ps(_mm512_set1_ps(column->d), d), _mm512_cvtepi32_ps(products[c]), sums[c]);
            offsets[c] += -column->d*dmin*mins_with(mins, column->bsums);
            next_offsets[c] += -column->d*next_dmin*mins_with(next_mins, column->bsums);
        }
    }
    for (int c = 0; c < columns; ++c) {
        s[c*bs] = hsum_float_8(_mm512_castps512_ps256(sums[c])) + offsets[c];
        s[c*bs + 1] = hsum_float_8(_mm512_extractf32x8_ps(sums[c], 1)) + next_offsets[c];
    }
}

ALWAYS_INLINE void iq4_xs_rows(
        const int columns, const int blocks, const char * x, const size_t bx, const char * y, const size_t by,
        float * s, const size_t bs) {
    const block_iq4_xs * row = (const block_iq4_xs *) x;
    const block_iq4_xs * next = (const block_iq4_xs *) (x + bx);
    const __m512i table = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *) kvalues_iq4nl));
    __m512 sums[GROUP];
    for (int c = 0; c < columns; ++c) {
        sums[c] = _mm512_setzero_ps();
    }
    for (int i = 0; i < blocks; ++i) {
        const __m512 d = side_by_side(
            _mm_set_ss(GGML_CPU_FP16_TO_FP32(row[i].d)), _mm_set_ss(GGML_CPU_FP16_TO_FP32(next[i].d)));
        int16_t scales[8], next_scales[8];
        iq4_xs_scales(&row[i], scales);
        iq4_xs_scales(&next[i], next_scales);
        __m512i products[GROUP];
        for (int c = 0; c < columns; ++c) {
            products[c] = _mm512_setzero_si512();
        }
        for (int part = 0; part < 8; ++part) {
            prefetch_after(row[i].qs + 16*part, next[i].qs + 16*part, bx);
            const __m512i values =
                _mm512_shuffle_epi8(table, both_nibbles(row[i].qs + 16*part, next[i].qs + 16*part));
            const __m512i size = _mm512_abs_epi8(values);
            const __mmask64 below_0 = _mm512_movepi8_mask(values);
            const __m512i scale = _mm512_inserti64x4(
                _mm512_castsi256_si512(_mm256_set1_epi16(scales[part])), _mm256_set1_epi16(next_scales[part]), 1);
            for (int c = 0; c < columns; ++c) {
                const __m512i qy = twice_32(((const block_q8_K *) (y + c*by))[i].qs + 32*part);
                const __m512i signed_qy = _mm512_mask_sub_epi8(qy, below_0, _mm512_setzero_si512(), qy);
                products[c] = _mm512_dpwssd_epi32(products[c], scale, _mm512_maddubs_epi16(size, signed_qy));
            }
        }
        for (int c = 0; c < columns; ++c) {
            const __m512 column_d = _mm512_set1_ps(((const block_q8_K *) (y + c*by))[i].d);
            sums[c] = _mm512_fmadd_ps(_mm512_mul_ps(column_d, d), _mm512_cvtepi32_ps(products[c]), sums[c]);
        }
    }
    for (int c = 0; c < columns; ++c) {
        s[c*bs] = hsum_float_8(_mm512_castps512_ps256(sums[c]));
        s[c*bs + 1] = hsum_float_8(_mm512_extractf32x8_ps(sums[c], 1));
    }
}

#else

ALWAYS_INLINE void q4_1_rows(
        const int columns, const int blocks, const char * x, const size_t bx, const char * y, const size_t by,
        const column_scales * scales, float * s, const size_t bs) {
    const block_q4_1 * row = (const block_q4_1 *) x;
    __m256 sums[GROUP];
    float offsets[GROUP];
    for (int c = 0; c < columns; ++c) {
        sums[c] = _mm256_setzero_ps();
        offsets[c] = 0;
    }
    for (int i = 0; i < blocks; ++i) {
        const __m128 dm = two_halves(&row[i].d);
        const __m256 d = _mm256_broadcastss_ps(dm);
        const float m = _mm_cvtss_f32(_mm_movehdup_ps(dm));
        const __m256i qx = bytes_from_nibbles_32(row[i].qs);
        for (int c = 0; c < columns; ++c) {
            const block_q8_1 * column = (const block_q8_1 *) (y + c*by) + i;
            const __m256 products = mul_sum_us8_pairs_float(qx, _mm256_loadu_si256((const __m256i *) column->qs));
            sums[c] = _mm256_fmadd_ps(_mm256_mul_ps(d, _mm256_set1_ps(scales[i].d[c])), products, sums[c]);
            offsets[c] += m * scales[i].s[c];
        }
    }
    for (int c = 0; c < columns; ++c) {
        s[c*bs] = hsum_float_8(sums[c]) + offsets[c];
    }
    UNUSED(bx);
}

ALWAYS_INLINE void q8_0_rows(
        const int columns, const int blocks, const char * x, const size_t bx, const char * y, const size_t by,
        const column_scales * scales, float * s, const size_t bs) {
    const block_q8_0 * row = (const block_q8_0 *) x;
    __m256 sums[GROUP];
    for (int c = 0; c < columns; ++c) {
        sums[c] = _mm256_setzero_ps();
    }
    for (int i = 0; i < blocks; ++i) {
        const __m256 d = _mm256_broadcastss_ps(two_halves(&row[i].d));
        const __m256i qx = _mm256_loadu_si256((const __m256i *) row[i].qs);
        for (int c = 0; c < columns; ++c) {
            const block_q8_0 * column = (const block_q8_0 *) (y + c*by) + i;
            const __m256 products = mul_sum_i8_pairs_float(qx, _mm256_loadu_si256((const __m256i *) column->qs));
            sums[c] = _mm256_fmadd_ps(_mm256_mul_ps(d, _mm256_set1_ps(scales[i].d[c])), products, sums[c]);
        }
    }
    for (int c = 0; c < columns; ++c) {
        s[c*bs] = hsum_float_8(sums[c]);
    }
    UNUSED(bx);
}

// With the columns' values as they are and the rows' from 0 to 63; what the 32 less come to is subtracted first.
ALWAYS_INLINE void q6_K_rows(
        const int columns, const int blocks, const char * x, const size_t bx, const char * y, const size_t by,
        float * s, const size_t bs) {
    const block_q6_K * row = (const block_q6_K *) x;
    const __m256i low = _mm256_set1_epi8(0xF);
    __m256 sums[GROUP];
    for (int c = 0; c < columns; ++c) {
        sums[c] = _mm256_setzero_ps();
    }
    for (int i = 0; i < blocks; ++i) {
        const __m256 d = _mm256_set1_ps(GGML_CPU_FP16_TO_FP32(row[i].d));
        const __m128i scales = _mm_loadu_si128((const __m128i *) row[i].scales);
        const __m256i less = _mm256_mullo_epi16(_mm256_cvtepi8_epi16(scales), _mm256_set1_epi16(-32));
        __m256i products[GROUP];
        for (int c = 0; c < columns; ++c) {
            const block_q8_K * column = (const block_q8_K *) (y + c*by) + i;
            products[c] = _mm256_madd_epi16(less, _mm256_loadu_si256((const __m256i *) column->bsums));
        }
        for (int part = 0; part < 8; ++part) {
            const __m256i four_bits = _mm256_loadu_si256((const __m256i *) (row[i].ql + 64*(part/4) + 32*(part%2)));
            const __m256i two_bits = _mm256_loadu_si256((const __m256i *) (row[i].qh + 32*(part/4)));
            const __m256i lower = _mm256_and_si256(part%4 < 2 ? four_bits : _mm256_srli_epi16(four_bits, 4), low);
            const __m256i upper = _mm256_and_si256(
                _mm256_slli_epi16(_mm256_srli_epi16(two_bits, 2*(part%4)), 4), _mm256_set1_epi8(48));
            const __m256i values = _mm256_or_si256(lower, upper);
            const __m256i scale = _mm256_cvtepi8_epi16(_mm_shuffle_epi8(scales, get_scale_shuffle(part)));
            for (int c = 0; c < columns; ++c) {
                const int8_t * qs = ((const block_q8_K *) (y + c*by))[i].qs + 32*part;
                const __m256i pairs = _mm256_maddubs_epi16(values, _mm256_loadu_si256((const __m256i *) qs));
                products[c] = _mm256_add_epi32(products[c], _mm256_madd_epi16(scale, pairs));
            }
        }
        for (int c = 0; c < columns; ++c) {
            const __m256 column_d = _mm256_set1_ps(((const block_q8_K *) (y + c*by))[i].d);
            sums[c] = _mm256_fmadd_ps(_mm256_mul_ps(column_d, d), _mm256_cvtepi32_ps(products[c]), sums[c]);
        }
    }
    for (int c = 0; c < columns; ++c) {
        s[c*bs] = hsum_float_8(sums[c]);
    }
    UNUSED(bx);
}

ALWAYS_INLINE void q5_K_rows(
        const int columns, const int blocks, const char * x, const size_t bx, const char * y, const size_t by,
        float * s, const size_t bs) {
    const block_q5_K * row = (const block_q5_K *) x;
    const __m256i low = _mm256_set1_epi8(0xF), one = _mm256_set1_epi8(1);
    __m256 sums[GROUP];
    float offsets[GROUP];
    for (int c = 0; c < columns; ++c) {
        sums[c] = _mm256_setzero_ps();
        offsets[c] = 0;
    }
    for (int i = 0; i < blocks; ++i) {
        const __m256 d = _mm256_set1_ps(GGML_CPU_FP16_TO_FP32(row[i].d));
        const float dmin = GGML_CPU_FP16_TO_FP32(row[i].dmin);
        const __m128i packed = scales_and_mins(row[i].scales);
        const __m128i mins = _mm_cvtepu8_epi16(_mm_srli_si128(packed, 8));
        const __m256i high = _mm256_loadu_si256((const __m256i *) row[i].qh);
        int16_t scales[8];
        _mm_storeu_si128((__m128i *) scales, _mm_cvtepu8_epi16(packed));
        __m256i products[GROUP];
        for (int c = 0; c < columns; ++c) {
            products[c] = _mm256_setzero_si256();
        }
        for (int part = 0; part < 8; ++part) {
            const __m256i nibbles = _mm256_loadu_si256((const __m256i *) (row[i].qs + 32*(part/2)));
            const __m256i lower = _mm256_and_si256(part%2 ? _mm256_srli_epi16(nibbles, 4) : nibbles, low);
            const __m256i bit = _mm256_and_si256(_mm256_srli_epi16(high, part), one);
            const __m256i values = _mm256_or_si256(lower, _mm256_slli_epi16(bit, 4));
            const __m256i scale = _mm256_set1_epi16(scales[part]);
            for (int c = 0; c < columns; ++c) {
                const int8_t * qs = ((const block_q8_K *) (y + c*by))[i].qs + 32*part;
                const __m256i pairs = _mm256_maddubs_epi16(values, _mm256_loadu_si256((const __m256i *) qs));
                products[c] = _mm256_add_epi32(products[c], _mm256_madd_epi16(scale, pairs));
            }
        }
        for (int c = 0; c < columns; ++c) {
            const block_q8_K * column = (const block_q8_K *) (y + c*by) + i;
            sums[c] = _mm256_fmadd_ps(
                _mm256_mul_ps(_mm256_set1_ps(column->d), d), _mm256_cvtepi32_ps(products[c]), sums[c]);
            offsets[c] += -column->d*dmin*mins_with(mins, column->bsums);
        }
    }
    for (int c = 0; c < columns; ++c) {
        s[c*bs] = hsum_float_8(sums[c]) + offsets[c];
    }
    UNUSED(bx);
}

ALWAYS_INLINE void iq4_xs_rows(
        const int columns, const int blocks, const char * x, const size_t bx, const char * y, const size_t by,
        float * s, const size_t bs) {
    const block_iq4_xs * row = (const block_iq4_xs *) x;
    const __m256i table = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *) kvalues_iq4nl));
    __m256 sums[GROUP];
    for (int c = 0; c < columns; ++c) {
        sums[c] = _mm256_setzero_ps();
    }
    for (int i = 0; i < blocks; ++i) {
        const __m256 d = _mm256_set1_ps(GGML_CPU_FP16_TO_FP32(row[i].d));
        int16_t scales[8];
        iq4_xs_scales(&row[i], scales);
        __m256i products[GROUP];
        for (int c = 0; c < columns; ++c) {
            products[c] = _mm256_setzero_si256();
        }
        for (int part = 0; part < 8; ++part) {
            const __m256i values = _mm256_shuffle_epi8(table, bytes_from_nibbles_32(row[i].qs + 16*part));
            const __m256i scale = _mm256_set1_epi16(scales[part]);
            for (int c = 0; c < columns; ++c) {
                const int8_t * qs = ((const block_q8_K *) (y + c*by))[i].qs + 32*part;
                const __m256i pairs = mul_add_epi8(values, _mm256_loadu_si256((const __m256i *) qs));
                products[c] = _mm256_add_epi32(products[c], _mm256_madd_epi16(scale, pairs));
            }
        }
        for (int c = 0; c < columns; ++c) {
            const __m256 column_d = _mm256_set1_ps(((const block_q8_K *) (y + c*by))[i].d);
            sums[c] = _mm256_fmadd_ps(_mm256_mul_ps(column_d, d), _mm256_cvtepi32_ps(products[c]), sums[c]);
        }
    }
    for (int c = 0; c < columns; ++c) {
        s[c*bs] = hsum_float_8(sums[c]);
    }
    UNUSED(bx);
}

#endif

ALWAYS_INLINE void some_rows(
        const enum ggml_type type, const int columns, const int blocks, const char * x, const size_t bx,
        const char * y, const size_t by, const column_scales * scales, float * s, const size_t bs) {
    if (type == GGML_TYPE_Q4_1) {
        q4_1_rows(columns, blocks, x, bx, y, by, scales, s, bs);
    } else if (type == GGML_TYPE_Q8_0) {
        q8_0_rows(columns, blocks, x, bx, y, by, scales, s, bs);
    } else if (type == GGML_TYPE_Q5_K) {
        q5_K_rows(columns, blocks, x, bx, y, by, s, bs);
    } else if (type == GGML_TYPE_IQ4_XS) {
        iq4_xs_rows(columns, blocks, x, bx, y, by, s, bs);
    } else {
        q6_K_rows(columns, blocks, x, bx, y, by, s, bs);
    }
}

ALWAYS_INLINE void one_row(
        const enum ggml_type type, const int n, const char * x, const char * y, float * s) {
    if (type == GGML_TYPE_Q4_1) {
        ggml_vec_dot_q4_1_q8_1(n, s, 0, x, 0, y, 0, 1);
    } else if (type == GGML_TYPE_Q8_0) {
        ggml_vec_dot_q8_0_q8_0(n, s, 0, x, 0, y, 0, 1);
    } else if (type == GGML_TYPE_Q5_K) {
        ggml_vec_dot_q5_K_q8_K(n, s, 0, x, 0, y, 0, 1);
    } else if (type == GGML_TYPE_IQ4_XS) {
        ggml_vec_dot_iq4_xs_q8_K(n, s, 0, x, 0, y, 0, 1);
    } else {
        ggml_vec_dot_q6_K_q8_K(n, s, 0, x, 0, y, 0, 1);
    }
}

ALWAYS_INLINE void group_of_columns(
        const enum ggml_type type, const int columns, const int n, const int rows, const char * x, const size_t bx,
        const char * y, const size_t by, float * s, const size_t bs) {
    _Alignas(64) column_scales scales[MOST_BLOCKS];
    const bool by_32 = type == GGML_TYPE_Q4_1 || type == GGML_TYPE_Q8_0;
    const int blocks = by_32 ? n/32 : n/QK_K;
    for (int i = 0; type == GGML_TYPE_Q4_1 && i < blocks; ++i) {
        memset(scales[i].s, 0, sizeof(scales[i].s));  // the rest of a register is computed with
    }
    for (int c = 0; by_32 && c < columns; ++c) {
        for (int i = 0; i < blocks; ++i) {
            if (type == GGML_TYPE_Q4_1) {
                const __m128 ds = two_halves(&((const block_q8_1 *) (y + c*by))[i].d);
                scales[i].d[c] = _mm_cvtss_f32(ds);
                scales[i].s[c] = _mm_cvtss_f32(_mm_movehdup_ps(ds));
            } else {
                scales[i].d[c] = GGML_CPU_FP16_TO_FP32(((const block_q8_0 *) (y + c*by))[i].d);
            }
        }
    }
    int r = 0;
    for (; r + ROWS <= rows; r += ROWS) {
        some_rows(type, columns, blocks, x + r*bx, bx, y, by, scales, s + r, bs);
    }
    for (; r < rows; ++r) {
        for (int c = 0; c < columns; ++c) {
            one_row(type, n, x + r*bx, y + c*by, s + c*bs + r);
        }
    }
}

#endif

bool stillroom_several_columns(enum ggml_type type, int64_t n) {
#ifdef ROWS
    return type == GGML_TYPE_Q5_K || type == GGML_TYPE_Q6_K || type == GGML_TYPE_IQ4_XS ||
        ((type == GGML_TYPE_Q4_1 || type == GGML_TYPE_Q8_0) && n <= MOST_BLOCKS*32);
#else
    return false;
    UNUSED(type);
    UNUSED(n);
#endif
}

void stillroom_dot_columns(
        enum ggml_type type, int n, int rows, const void * x, size_t bx, int columns, const void * y, size_t by,
        float * s, size_t bs) {
#ifdef ROWS
    for (int c = 0, some; c < columns; c += some) {
        const char * first = (const char *) y + c*by;
        float * out = s + c*bs;
        some = columns - c >= GROUP ? GROUP : MIN(8, columns - c);
        switch (some) {
#define CASE(count)                                                                       \
    case count:                                                                           \
        switch (type) {                                                                   \
            case GGML_TYPE_Q4_1:                                                          \
                group_of_columns(GGML_TYPE_Q4_1, count, n, rows, x, bx, first, by, out, bs); \
                break;                                                                    \
            case GGML_TYPE_Q8_0:                                                          \
                group_of_columns(GGML_TYPE_Q8_0, count, n, rows, x, bx, first, by, out, bs); \
                break;                                                                    \
            case GGML_TYPE_Q5_K:                                                          \
                group_of_columns(GGML_TYPE_Q5_K, count, n, rows, x, bx, first, by, out, bs); \
                break;                                                                    \
            case GGML_TYPE_IQ4_XS:                                                        \
                group_of_columns(GGML_TYPE_IQ4_XS, count, n, rows, x, bx, first, by, out, bs); \
                break;                                                                    \
            default:                                                                      \
                group_of_columns(GGML_TYPE_Q6_K, count, n, rows, x, bx, first, by, out, bs); \
        }                                                                                 \
        break;
            CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8)
#if GROUP > 8
            CASE(GROUP)
#endif
#undef CASE
        }
    }
#else
    UNUSED(type); UNUSED(n); UNUSED(rows); UNUSED(x); UNUSED(bx); UNUSED(columns);
    UNUSED(y); UNUSED(by); UNUSED(s); UNUSED(bs);
#endif
}
