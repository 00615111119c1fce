// Included by ggml-cpu/repack.cpp: rows of Q4_K and Q4_0 weights, which llama.cpp lays in eights.
//
// llama.cpp multiplies such rows with one column after the other, or with four at a time at nearly the cost of four. Here
// they are unpacked once for a group of columns, or where there are many (of Q4_0 with AVX-512) for up to 64. Each result
// is to the last bit what ggml_gemv_q4_K_8x8_q8_K and ggml_gemv_q4_0_8x8_q8_0 give: integers, whose order does not
// matter, and one addition in float for a block.

#include <algorithm>
#include <type_traits>
#include <vector>

#if defined(_MSC_VER)
#include <intrin.h>
#elif defined(__x86_64__)
#include <cpuid.h>
#endif

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__) && \
    defined(__AVX512VNNI__)
#define STILLROOM_WIDE
static constexpr int STILLROOM_GROUP = 16;
#else
static constexpr int STILLROOM_GROUP = 4;
#endif
static constexpr int STILLROOM_UNPACKED = 64;  // columns that a block of 256 values is unpacked once for
static constexpr int STILLROOM_AT_ONCE = 8;  // blocks of 32 values
#ifdef STILLROOM_WIDE
static constexpr int STILLROOM_FEWEST_UNPACKED = 24;  // fewer wait for memory, and are multiplied while rows are unpacked
#endif

// Unpacking leaves a processor too little room to read ahead by itself: it is asked for what lies so many bytes behind what is
// read, into its first cache (near), or the second with AVX2 alone and AMX.
#if defined(STILLROOM_WIDE) && defined(__AMX_TILE__) && defined(__AMX_INT8__)
static constexpr int STILLROOM_AHEAD = 16384, STILLROOM_SOON = 2048;
static constexpr bool STILLROOM_NEAR = false;
#elif defined(STILLROOM_WIDE)
static constexpr int STILLROOM_AHEAD = 8192, STILLROOM_SOON = STILLROOM_AHEAD;
static constexpr bool STILLROOM_NEAR = true;
#else
static constexpr int STILLROOM_AHEAD = 8192;
static constexpr bool STILLROOM_NEAR = false;
#endif

#if defined(STILLROOM_WIDE) && !defined(__AMX_TILE__)
// Of AMD's family 0x19, of which Zen 4 has AVX-512. It reads one column's weights faster where it is not asked, and several
// columns' out of its second cache; a Zen 5 would be slower by a third (docs/measurements.md).
static bool stillroom_is_zen_4() {
#ifdef _MSC_VER
    int of_processor[4];
    __cpuid(of_processor, 1);
    const unsigned signature = of_processor[0];
#else
    unsigned signature, unused;
    __cpuid(1, signature, unused, unused, unused);
#endif
    return (signature >> 8 & 0xF) + (signature >> 20 & 0xFF) == 0x19;
}

static const bool STILLROOM_ZEN_4 = stillroom_is_zen_4();
#else
static constexpr bool STILLROOM_ZEN_4 = false;
#endif

#if defined(__GNUC__) || defined(__clang__)
#define STILLROOM_APART __attribute__((noinline))
#ifdef STILLROOM_WIDE
#define STILLROOM_IN_REGISTER(value) asm("" : "+v"(value))
#else
#define STILLROOM_IN_REGISTER(value) asm volatile("" : "+x"(value))
#define STILLROOM_IN_MEMORY(sum) asm volatile("" : "+m"(sum))
#endif
#else
#define STILLROOM_APART __declspec(noinline)
#define STILLROOM_IN_REGISTER(value)
#define STILLROOM_IN_MEMORY(sum)
#endif

#if defined(__clang__)
#define STILLROOM_UNROLLED _Pragma("unroll")
#elif defined(__GNUC__)
#define STILLROOM_UNROLLED _Pragma("GCC unroll 8")
#else
#define STILLROOM_UNROLLED
#endif

// Rows are handed out to threads in turns: large shares first, since memory is read faster where a thread goes on without a
// leap, and smaller ones towards the end, so that all threads are done at once. Each thread reckons all of them, in order.
class stillroom_shares {
    const int64_t all, least, divisor;
    int turn = -1;

public:
    int64_t first = 0, rows = 0;

    stillroom_shares(const int64_t all, const int threads, const int64_t least) :
        all(all), least(least), divisor(2*threads*least) {}

    // Whether that turn, which is not before the last one asked for, has rows.
    bool take(const int wanted) {
        for (; turn < wanted && first < all; ++turn) {
            first += rows;
            rows = std::min(std::max((all - first)/divisor, (int64_t) 1)*least, all - first);
        }
        return rows > 0;
    }

    // So many of them at a time are multiplied with group after group of columns, out of the nearer caches.
    int64_t at_a_time(const int64_t done) const { return std::min((int64_t) 64, rows - done); }
};

// Of a block of a column: the sums of the values in its parts of 32, in pairs.
struct stillroom_column_sums {
    int32_t pairs[4];
};

#if defined(__AVX2__)

template <bool FIRST = STILLROOM_NEAR> static inline void stillroom_read(const uint8_t * values, const int bytes) {
    for (int t = 0; t < bytes; t += 64) {
        _mm_prefetch(reinterpret_cast<const char *>(values) + t, FIRST ? _MM_HINT_T0 : _MM_HINT_T1);
    }
}

template <int COLUMNS = STILLROOM_GROUP> static inline void stillroom_ahead(const uint8_t * values, const int bytes) {
    if (!STILLROOM_ZEN_4) {
        stillroom_read(values + STILLROOM_AHEAD, bytes);
    } else if (COLUMNS > 1) {
        stillroom_read<false>(values + STILLROOM_AHEAD, bytes);
    }
}

template <int COLUMNS = STILLROOM_GROUP, typename Block> static inline void stillroom_fetch(const Block * block) {
    stillroom_ahead<COLUMNS>(reinterpret_cast<const uint8_t *>(block), sizeof(Block));
}

static inline __m256 stillroom_halves(const ggml_half * eight) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i *>(eight)));
}

static inline int64_t stillroom_quad(const int8_t * values) {
    int64_t both;
    memcpy(&both, values, sizeof(both));
    return both;
}

// VALUES of a column, four or eight, as often as a register has room for them.
template <int VALUES> static inline __m256i stillroom_repeated(const int8_t * values) {
    if (VALUES == 8) {
        return _mm256_set1_epi64x(stillroom_quad(values));
    }
    int32_t four;
    memcpy(&four, values, sizeof(four));
    return _mm256_set1_epi32(four);
}

// The scales and the mins of eight rows, eight bytes for each part of 32 values (make_block_q4_Kx8), two parts at a time.
static inline void stillroom_scales(const block_q4_Kx8 & x, uint8_t (*scales)[8], uint8_t (*mins)[8]) {
    const __m256i shifts = _mm256_setr_epi32(0, 4, 0, 4, 0, 4, 0, 4);
    for (int part = 0; part < 8; part += 2) {
        // Six bits of eight scales and of eight mins, then four more bits of each, the other two above the first six.
        const __m256i words = _mm256_inserti128_si256(
            _mm256_castsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i *>(x.scales + 12*part))),
            _mm_loadu_si128(reinterpret_cast<const __m128i *>(x.scales + 12*part + 12)), 1);
        const __m256i fours = _mm256_srlv_epi32(_mm256_shuffle_epi32(words, 0xAA), shifts);
        const __m256i others = _mm256_or_si256(
            _mm256_and_si256(fours, _mm256_set1_epi8(0x0F)),
            _mm256_and_si256(_mm256_srli_epi16(words, 2), _mm256_set1_epi8(0x30)));
        const __m256i both = _mm256_unpacklo_epi32(_mm256_and_si256(words, _mm256_set1_epi8(0x3F)), others);
        const __m256i apart = _mm256_permute4x64_epi64(both, 0xD8);
        _mm_storeu_si128(reinterpret_cast<__m128i *>(scales[part]), _mm256_castsi256_si128(apart));
        _mm_storeu_si128(reinterpret_cast<__m128i *>(mins[part]), _mm256_extracti128_si256(apart, 1));
    }
}

// A column in blocks (block_q8_K), to the last bit as quantize_row_q8_K makes them, which takes one value at a time.
extern "C" void stillroom_quantise_q8_K(const float * x, void * to, int64_t n);

void stillroom_quantise_q8_K(const float * x, void * to, const int64_t n) {
    block_q8_K * y = static_cast<block_q8_K *>(to);
    const __m256 sizes = _mm256_castsi256_ps(_mm256_set1_epi32(0x7FFFFFFF));
    const __m256i in_order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    for (; y < static_cast<block_q8_K *>(to) + n/QK_K; ++y, x += QK_K) {
        __m256 most = _mm256_setzero_ps(), no_numbers = _mm256_setzero_ps();
        for (int k = 0; k < QK_K; k += 8) {
            const __m256 some = _mm256_loadu_ps(x + k);
            no_numbers = _mm256_or_ps(no_numbers, _mm256_cmp_ps(some, some, _CMP_UNORD_Q));
            most = _mm256_max_ps(_mm256_and_ps(some, sizes), most);
        }
        most = _mm256_max_ps(most, _mm256_permute2f128_ps(most, most, 1));
        most = _mm256_max_ps(most, _mm256_shuffle_ps(most, most, 0x4E));
        most = _mm256_max_ps(most, _mm256_shuffle_ps(most, most, 0xB1));
        const float size = _mm256_cvtss_f32(most);
        if (!(size > 1e-30f && size < 1e30f) || _mm256_movemask_ps(no_numbers) != 0) {  // zeros, or what overflows
            ggml_get_type_traits_cpu(GGML_TYPE_Q8_K)->from_float(x, y, QK_K);
            continue;
        }
        float first = 0;  // of that size
        for (int k = 0; first == 0; k += 8) {
            const __m256 some = _mm256_loadu_ps(x + k);
            const int found = _mm256_movemask_ps(_mm256_cmp_ps(_mm256_and_ps(some, sizes), most, _CMP_EQ_OQ));
            for (int lane = 0; found != 0 && first == 0; ++lane) {
                first = found >> lane & 1 ? x[k + lane] : 0;
            }
        }
        const float scale = -127.f/first;
        const __m256 scales = _mm256_set1_ps(scale);
        for (int k = 0; k < QK_K; k += 128) {
            __m256i sums[4];
            for (int t = 0; t < 4; ++t) {
                __m256i values[4];
                for (int v = 0; v < 4; ++v) {
                    values[v] = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x + k + 32*t + 8*v), scales));
                }
                const __m256i bytes = _mm256_permutevar8x32_epi32(
                    _mm256_packs_epi16(
                        _mm256_packs_epi32(values[0], values[1]), _mm256_packs_epi32(values[2], values[3])), in_order);
                _mm256_storeu_si256(reinterpret_cast<__m256i *>(y->qs + k + 32*t), bytes);
                sums[t] = _mm256_madd_epi16(
                    _mm256_maddubs_epi16(_mm256_set1_epi8(1), bytes), _mm256_set1_epi16(1));
            }
            const __m256i eight = _mm256_hadd_epi32(
                _mm256_hadd_epi32(sums[0], sums[1]), _mm256_hadd_epi32(sums[2], sums[3]));
            const __m128i even = _mm256_castsi256_si128(eight), odd = _mm256_extracti128_si256(eight, 1);
            _mm_storeu_si128(
                reinterpret_cast<__m128i *>(y->bsums + k/16),
                _mm_packs_epi32(_mm_unpacklo_epi32(even, odd), _mm_unpackhi_epi32(even, odd)));
        }
        y->d = 1/scale;
    }
}

static ggml_from_float_t stillroom_quantiser(const ggml_type type) {
    return type == GGML_TYPE_Q8_K ? stillroom_quantise_q8_K : ggml_get_type_traits_cpu(type)->from_float;
}

static void stillroom_sum_columns(const int blocks, const block_q8_K * y, stillroom_column_sums * sums) {
    for (int i = 0; i < blocks; ++i) {
        const __m128i * sixteens = reinterpret_cast<const __m128i *>(y[i].bsums);
        _mm_storeu_si128(
            reinterpret_cast<__m128i *>(sums[i].pairs),
            _mm_hadd_epi16(_mm_loadu_si128(sixteens), _mm_loadu_si128(sixteens + 1)));
    }
}

#ifdef STILLROOM_WIDE

template <int COLUMNS> static inline void stillroom_soon(const void * values) {
    if (COLUMNS > 1 || !STILLROOM_ZEN_4) {
        _mm_prefetch(static_cast<const char *>(values) + STILLROOM_SOON, _MM_HINT_T0);
    }
}

// The scales of two parts of eight rows, as sums of both are packed: of each row two of the first part, then two of the second.
static inline __m512i stillroom_scales_of_sums(const uint8_t * scales) {
    const __m512i to_rows = _mm512_set_epi16(
        15, 15, 14, 14, 7, 7, 6, 6, 13, 13, 12, 12, 5, 5, 4, 4, 11, 11, 10, 10, 3, 3, 2, 2, 9, 9, 8, 8, 1, 1, 0, 0);
    return _mm512_permutexvar_epi16(to_rows, _mm512_castsi256_si512(_mm256_cvtepu8_epi16(
        _mm_load_si128(reinterpret_cast<const __m128i *>(scales)))));
}

// The mins of two parts of eight rows, of each row both in 32 bits.
static inline __m256i stillroom_in_pairs_of(const uint8_t * mins) {
    const __m256i in_pairs = _mm256_set_epi16(15, 7, 14, 6, 13, 5, 12, 4, 11, 3, 10, 2, 9, 1, 8, 0);
    return _mm256_permutexvar_epi16(
        in_pairs, _mm256_cvtepu8_epi16(_mm_load_si128(reinterpret_cast<const __m128i *>(mins))));
}

template <int COLUMNS>
static void stillroom_eight_q4_K(
        const int blocks, const block_q4_Kx8 * x, const block_q8_K * y, const stillroom_column_sums * column_sums,
        float * s, const size_t bs) {
    const __m512i low = _mm512_set1_epi8(0x0F);
    const __m512i of_rows = _mm512_castsi256_si512(_mm256_set_epi32(13, 12, 9, 8, 5, 4, 1, 0));
    __m256 products[COLUMNS], offsets[COLUMNS];
    for (int c = 0; c < COLUMNS; ++c) {
        products[c] = offsets[c] = _mm256_setzero_ps();
    }
    for (int i = 0; i < blocks; ++i) {
        if (COLUMNS <= 4) {
            stillroom_fetch<COLUMNS>(x + i);
        }
        alignas(64) uint8_t scales[8][8], mins[8][8];
        stillroom_scales(x[i], scales, mins);
        __m512i sums[COLUMNS];
        for (int c = 0; c < COLUMNS; ++c) {
            sums[c] = _mm512_setzero_si512();
        }
        for (int pair = 0; pair < 4; ++pair) {
            const __m512i scale = stillroom_scales_of_sums(scales[2*pair]);
            __m512i first[4], second[4];
            for (int t = 0; t < 4; ++t) {
                const uint8_t * both = x[i].qs + 256*pair + 64*t;
                if (COLUMNS > 4) {
                    stillroom_soon<COLUMNS>(both);
                }
                const __m512i nibbles = _mm512_loadu_si512(both);
                first[t] = _mm512_and_si512(nibbles, low);
                second[t] = _mm512_and_si512(_mm512_srli_epi16(nibbles, 4), low);
            }
            for (int c = 0; c < COLUMNS; ++c) {
                const int8_t * column = y[c*blocks + i].qs + 64*pair;
                __m512i a = _mm512_setzero_si512(), b = _mm512_setzero_si512();
                for (int t = 0; t < 4; ++t) {
                    a = _mm512_dpbusd_epi32(a, first[t], _mm512_set1_epi64(stillroom_quad(column + 8*t)));
                    b = _mm512_dpbusd_epi32(b, second[t], _mm512_set1_epi64(stillroom_quad(column + 32 + 8*t)));
                }
                sums[c] = _mm512_dpwssd_epi32(sums[c], _mm512_packs_epi32(a, b), scale);
            }
        }
        __m256i min[4];
        for (int pair = 0; pair < 4; ++pair) {
            min[pair] = stillroom_in_pairs_of(mins[2*pair]);
        }
        const __m256 d = stillroom_halves(x[i].d), dmin = stillroom_halves(x[i].dmin);
        for (int c = 0; c < COLUMNS; ++c) {
            const __m512i both = _mm512_add_epi32(sums[c], _mm512_shuffle_epi32(sums[c], _MM_PERM_BADC));
            const __m256i sum = _mm512_castsi512_si256(_mm512_permutexvar_epi32(of_rows, both));
            const int32_t * pairs = column_sums[c*blocks + i].pairs;
            __m256i offset = _mm256_setzero_si256();
            for (int pair = 0; pair < 4; ++pair) {
                offset = _mm256_dpwssd_epi32(offset, min[pair], _mm256_set1_epi32(pairs[pair]));
            }
            const __m256 scale = _mm256_set1_ps(y[c*blocks + i].d);
            products[c] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum), _mm256_mul_ps(d, scale), products[c]);
            offsets[c] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(offset), _mm256_mul_ps(dmin, scale), offsets[c]);
        }
    }
    for (int c = 0; c < COLUMNS; ++c) {
        _mm256_storeu_ps(s + c*bs, _mm256_sub_ps(products[c], offsets[c]));
    }
}

// A block of two times eight rows, unpacked for columns one after the other.
struct stillroom_unpacked_q4_K {
    __m512i weights[2][4][8];  // of two parts each, eight values of each row
    __m512i scales[2][4];
    __m512i pairs[4];  // of all rows the mins of two parts in 32 bits
    __m512 d, dmin;

    inline void unpack(const block_q4_Kx8 * first, const block_q4_Kx8 * second) {
        const __m512i low = _mm512_set1_epi8(0x0F);
        __m256i min[2][4];
        for (int k = 0; k < 2; ++k) {
            const block_q4_Kx8 & x = k == 0 ? *first : *second;
            alignas(64) uint8_t scale[8][8], mins[8][8];
            stillroom_scales(x, scale, mins);
            for (int pair = 0; pair < 4; ++pair) {
                for (int t = 0; t < 4; ++t) {
                    const __m512i nibbles = _mm512_loadu_si512(x.qs + 256*pair + 64*t);
                    weights[k][pair][t] = _mm512_and_si512(nibbles, low);
                    weights[k][pair][4 + t] = _mm512_and_si512(_mm512_srli_epi16(nibbles, 4), low);
                }
                scales[k][pair] = stillroom_scales_of_sums(scale[2*pair]);
                min[k][pair] = stillroom_in_pairs_of(mins[2*pair]);
            }
        }
        for (int pair = 0; pair < 4; ++pair) {
            pairs[pair] = _mm512_inserti64x4(_mm512_castsi256_si512(min[0][pair]), min[1][pair], 1);
        }
        d = _mm512_insertf32x8(_mm512_castps256_ps512(stillroom_halves(first->d)), stillroom_halves(second->d), 1);
        dmin = _mm512_insertf32x8(
            _mm512_castps256_ps512(stillroom_halves(first->dmin)), stillroom_halves(second->dmin), 1);
    }
};

template <int COLUMNS>
STILLROOM_APART static void stillroom_add_q4_K(
        const stillroom_unpacked_q4_K & x, const int blocks, const block_q8_K * y, const stillroom_column_sums * column_sums,
        __m512 * products, __m512 * offsets) {
    // Of sixteen rows in two registers the first of two sums each.
    const __m512i of_rows = _mm512_set_epi32(29, 28, 25, 24, 21, 20, 17, 16, 13, 12, 9, 8, 5, 4, 1, 0);
    __m512i sums[COLUMNS][2];
    for (int c = 0; c < COLUMNS; ++c) {
        sums[c][0] = sums[c][1] = _mm512_setzero_si512();
    }
    for (int pair = 0; pair < 4; ++pair) {
        __m512i weights[2][8];
        for (int k = 0; k < 2; ++k) {
            for (int t = 0; t < 8; ++t) {
                weights[k][t] = x.weights[k][pair][t];
            }
        }
        STILLROOM_UNROLLED  // sums stay in registers
        for (int c = 0; c < COLUMNS; ++c) {
            const int8_t * column = y[(int64_t) c*blocks].qs + 64*pair;
            __m512i parts[2][2];  // of each eight
            for (int part = 0; part < 2; ++part) {
                parts[0][part] = parts[1][part] = _mm512_setzero_si512();
                STILLROOM_UNROLLED
                for (int t = 0; t < 4; ++t) {
                    __m512i eight = _mm512_set1_epi64(stillroom_quad(column + 32*part + 8*t));
                    STILLROOM_IN_REGISTER(eight);
                    for (int k = 0; k < 2; ++k) {
                        parts[k][part] = _mm512_dpbusd_epi32(parts[k][part], weights[k][4*part + t], eight);
                    }
                }
            }
            for (int k = 0; k < 2; ++k) {
                sums[c][k] = _mm512_dpwssd_epi32(
                    sums[c][k], _mm512_packs_epi32(parts[k][0], parts[k][1]), x.scales[k][pair]);
            }
        }
    }
    for (int c = 0; c < COLUMNS; ++c) {
        for (int k = 0; k < 2; ++k) {
            sums[c][k] = _mm512_add_epi32(sums[c][k], _mm512_shuffle_epi32(sums[c][k], _MM_PERM_BADC));
        }
        const __m512i sum = _mm512_permutex2var_epi32(sums[c][0], of_rows, sums[c][1]);
        __m512i offset = _mm512_setzero_si512();
        for (int pair = 0; pair < 4; ++pair) {
            offset = _mm512_dpwssd_epi32(
                offset, x.pairs[pair], _mm512_set1_epi32(column_sums[(int64_t) c*blocks].pairs[pair]));
        }
        const __m512 scale = _mm512_set1_ps(y[(int64_t) c*blocks].d);
        products[c] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), _mm512_mul_ps(x.d, scale), products[c]);
        offsets[c] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(offset), _mm512_mul_ps(x.dmin, scale), offsets[c]);
    }
}

// Two times eight rows with many columns: a block is unpacked once for all, of which there are at most STILLROOM_UNPACKED, and
// the next one fetched meanwhile.
static void stillroom_sixteen_q4_K(
        const int blocks, const block_q4_Kx8 * x, const int columns, const block_q8_K * y,
        const stillroom_column_sums * column_sums, float * s, const size_t bs) {
    const int fetched = GGML_PAD((int) sizeof(block_q4_Kx8)/((columns + 3)/4), 64);  // for each group of columns
    __m512 products[STILLROOM_UNPACKED], offsets[STILLROOM_UNPACKED];
    for (int c = 0; c < columns; ++c) {
        products[c] = offsets[c] = _mm512_setzero_ps();
    }
    for (int i = 0; i < blocks; ++i) {
        stillroom_unpacked_q4_K both;
        both.unpack(x + i, x + blocks + i);
        const block_q4_Kx8 * next = i + 1 < blocks ? x + i + 1 : x + 2*blocks;
        for (int c = 0, some; c < columns; c += some) {
            for (int k = 0; k < 2; ++k) {
                stillroom_read(reinterpret_cast<const uint8_t *>(next + k*blocks) + c/4*fetched, fetched);
            }
            const int64_t from = (int64_t) c*blocks + i;
            some = MIN(columns - c, 4);
            switch (some) {
#define CASE(count) \
    case count: stillroom_add_q4_K<count>(both, blocks, y + from, column_sums + from, products + c, offsets + c); break;
                CASE(1) CASE(2) CASE(3) CASE(4)
#undef CASE
            }
        }
    }
    for (int c = 0; c < columns; ++c) {
        _mm512_storeu_ps(s + c*bs, _mm512_sub_ps(products[c], offsets[c]));
    }
}

#else

// With sixteen registers the compiler has to be told what stays in one, and that sums are added to where they lie.

// Adds what a block comes to: `halves` are four rows each, two partial sums of a row beside each other.
template <int COLUMNS>
static inline void stillroom_add_eight_q4_K(
        const int blocks, const block_q4_Kx8 & x, const uint8_t (*mins)[8], const block_q8_K * y,
        const stillroom_column_sums * column_sums, const __m256i (*halves)[COLUMNS], __m256 * products, __m256 * offsets) {
    const __m128i in_pairs = _mm_setr_epi8(0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15);
    __m256i min[4];
    for (int pair = 0; pair < 4; ++pair) {
        min[pair] = _mm256_cvtepu8_epi16(
            _mm_shuffle_epi8(_mm_load_si128(reinterpret_cast<const __m128i *>(mins[2*pair])), in_pairs));
    }
    const __m256 d = stillroom_halves(x.d), dmin = stillroom_halves(x.dmin);
    for (int c = 0; c < COLUMNS; ++c) {
        const __m256i sum = _mm256_permute4x64_epi64(_mm256_hadd_epi32(halves[0][c], halves[1][c]), 0xD8);
        const int32_t * pairs = column_sums[c*blocks].pairs;
        __m256i offset = _mm256_setzero_si256();
        for (int pair = 0; pair < 4; ++pair) {
            offset = _mm256_add_epi32(offset, _mm256_madd_epi16(min[pair], _mm256_set1_epi32(pairs[pair])));
        }
        const __m256 scale = _mm256_set1_ps(y[c*blocks].d);
        products[c] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum), _mm256_mul_ps(d, scale), products[c]);
        offsets[c] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(offset), _mm256_mul_ps(dmin, scale), offsets[c]);
    }
}

// One or two columns: each weight is read once, and each value of a column for all rows.
template <int COLUMNS>
static void stillroom_few_q4_K(
        const int blocks, const block_q4_Kx8 * x, const block_q8_K * y, const stillroom_column_sums * column_sums,
        float * s, const size_t bs) {
    const __m256i low = _mm256_set1_epi8(0x0F);
    // From the scales of eight rows, those of four of them, in 16 bits and each four times.
    const __m256i of_rows[2] = {
        _mm256_setr_epi64x(0x8000800080008000, 0x8001800180018001, 0x8002800280028002, 0x8003800380038003),
        _mm256_setr_epi64x(0x8004800480048004, 0x8005800580058005, 0x8006800680068006, 0x8007800780078007)};
    __m256 products[COLUMNS], offsets[COLUMNS];
    for (int c = 0; c < COLUMNS; ++c) {
        products[c] = offsets[c] = _mm256_setzero_ps();
    }
    for (int i = 0; i < blocks; ++i) {
        stillroom_fetch(x + i);
        alignas(32) uint8_t scales[8][8], mins[8][8];
        stillroom_scales(x[i], scales, mins);
        __m256i halves[2][COLUMNS];  // of four rows each, two partial sums of a row beside each other
        for (int c = 0; c < COLUMNS; ++c) {
            halves[0][c] = halves[1][c] = _mm256_setzero_si256();
        }
        for (int pair = 0; pair < 4; ++pair) {
            __m256i twos[2][2][COLUMNS];  // of a part and of four rows: at most 8 times 15 times 127
            for (int t = 0; t < 4; ++t) {
                for (int half = 0; half < 2; ++half) {
                    __m256i nibbles = _mm256_loadu_si256(
                        reinterpret_cast<const __m256i *>(x[i].qs + 256*pair + 64*t + 32*half));
                    STILLROOM_IN_REGISTER(nibbles);
                    const __m256i first = _mm256_and_si256(nibbles, low);
                    const __m256i second = _mm256_and_si256(_mm256_srli_epi16(nibbles, 4), low);
                    for (int c = 0; c < COLUMNS; ++c) {
                        const int8_t * column = y[c*blocks + i].qs + 64*pair + 8*t;
                        const __m256i a = _mm256_maddubs_epi16(first, _mm256_set1_epi64x(stillroom_quad(column)));
                        const __m256i b = _mm256_maddubs_epi16(second, _mm256_set1_epi64x(stillroom_quad(column + 32)));
                        twos[0][half][c] = t == 0 ? a : _mm256_add_epi16(twos[0][half][c], a);
                        twos[1][half][c] = t == 0 ? b : _mm256_add_epi16(twos[1][half][c], b);
                        if (COLUMNS == 1) {
                            STILLROOM_IN_REGISTER(twos[0][half][c]);
                            STILLROOM_IN_REGISTER(twos[1][half][c]);
                        }
                    }
                }
            }
            for (int part = 0; part < 2; ++part) {
                const __m256i rows = stillroom_repeated<8>(reinterpret_cast<const int8_t *>(scales[2*pair + part]));
                for (int half = 0; half < 2; ++half) {
                    const __m256i scale = _mm256_shuffle_epi8(rows, of_rows[half]);
                    for (int c = 0; c < COLUMNS; ++c) {
                        halves[half][c] = _mm256_add_epi32(
                            halves[half][c], _mm256_madd_epi16(twos[part][half][c], scale));
                        if (COLUMNS == 1) {
                            STILLROOM_IN_REGISTER(halves[half][c]);
                        }
                    }
                }
            }
        }
        stillroom_add_eight_q4_K<COLUMNS>(blocks, x[i], mins, y + i, column_sums + i, halves, products, offsets);
    }
    for (int c = 0; c < COLUMNS; ++c) {
        _mm256_storeu_ps(s + c*bs, _mm256_sub_ps(products[c], offsets[c]));
    }
}

template <int COLUMNS>
static void stillroom_eight_q4_K(
        const int blocks, const block_q4_Kx8 * x, const block_q8_K * y, const stillroom_column_sums * column_sums,
        float * s, const size_t bs) {
    const __m256i low = _mm256_set1_epi8(0x0F);
    __m256 products[COLUMNS], offsets[COLUMNS];
    for (int c = 0; c < COLUMNS; ++c) {
        products[c] = offsets[c] = _mm256_setzero_ps();
    }
    for (int i = 0; i < blocks; ++i) {
        stillroom_fetch(x + i);
        alignas(32) uint8_t scales[8][8], mins[8][8];
        stillroom_scales(x[i], scales, mins);
        __m256i halves[2][COLUMNS];  // of four rows each, two partial sums of a row beside each other
        for (int half = 0; half < 2; ++half) {
            __m256i sums[COLUMNS];
            for (int c = 0; c < COLUMNS; ++c) {
                sums[c] = _mm256_setzero_si256();
            }
            for (int part = 0; part < 8; ++part) {
                // The scale of each row four times.
                const __m256i scale = _mm256_cvtepu8_epi16(_mm_shuffle_epi8(
                    _mm_loadl_epi64(reinterpret_cast<const __m128i *>(scales[part])),
                    half ? _mm_set_epi8(7, 7, 7, 7, 6, 6, 6, 6, 5, 5, 5, 5, 4, 4, 4, 4)
                         : _mm_set_epi8(3, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0)));
                __m256i values[4];
                for (int t = 0; t < 4; ++t) {
                    const __m256i nibbles = _mm256_loadu_si256(
                        reinterpret_cast<const __m256i *>(x[i].qs + 256*(part/2) + 64*t + 32*half));
                    values[t] = _mm256_and_si256(part%2 ? _mm256_srli_epi16(nibbles, 4) : nibbles, low);
                }
                for (int c = 0; c < COLUMNS; ++c) {
                    const int8_t * column = y[c*blocks + i].qs + 32*part;
                    __m256i sum = _mm256_setzero_si256();  // at most 8 times 15 times 127
                    for (int t = 0; t < 4; ++t) {
                        sum = _mm256_add_epi16(
                            sum, _mm256_maddubs_epi16(values[t], _mm256_set1_epi64x(stillroom_quad(column + 8*t))));
                    }
                    sums[c] = _mm256_add_epi32(sums[c], _mm256_madd_epi16(sum, scale));
                }
            }
            for (int c = 0; c < COLUMNS; ++c) {
                halves[half][c] = sums[c];
            }
        }
        stillroom_add_eight_q4_K<COLUMNS>(blocks, x[i], mins, y + i, column_sums + i, halves, products, offsets);
    }
    for (int c = 0; c < COLUMNS; ++c) {
        _mm256_storeu_ps(s + c*bs, _mm256_sub_ps(products[c], offsets[c]));
    }
}

// A block of 256 values of some rows, unpacked for columns one after the other: a register has the same so many values of each
// row. A scale stands beside itself as often as its row has sums of 16 bits; `pairs` are what is multiplied with the sums
// of a column's values, those of two parts in 32 bits.
struct stillroom_plane {
    __m256i weights[64];
    __m256i scales[16];
    __m256i pairs[8];
    __m256 d, dmin;
};

// The products of PLANES with the same columns, times the scales of PART values each, added as integers. A register has VALUES
// of each row, and TOGETHER of them are added in 16 bits: 127 times their weights, which are positive, unless they are SIGNED;
// then the column takes over their sign.
template <int PLANES, int COLUMNS, int VALUES, int PART, int TOGETHER, bool SIGNED = false>
static inline void stillroom_multiply_planes(
        const stillroom_plane * planes, const int8_t * values, const int64_t next, __m256i (*sums)[COLUMNS]) {
    for (int p = 0; p < PLANES; ++p) {
        for (int c = 0; c < COLUMNS; ++c) {
            sums[p][c] = _mm256_setzero_si256();
        }
    }
    for (int first = 0; first < QK_K/VALUES; first += TOGETHER) {
        // Some weights stay in registers for one column after the other.
        __m256i weights[PLANES][TOGETHER], sizes[PLANES][TOGETHER];
        for (int p = 0; p < PLANES; ++p) {
            for (int t = 0; t < TOGETHER; ++t) {
                weights[p][t] = planes[p].weights[first + t];
                STILLROOM_IN_REGISTER(weights[p][t]);
                sizes[p][t] = _mm256_abs_epi8(weights[p][t]);
            }
        }
        for (int c = 0; c < COLUMNS; ++c) {
            __m256i twos[PLANES];
            for (int t = 0; t < TOGETHER; ++t) {
                const __m256i some = stillroom_repeated<VALUES>(values + c*next + VALUES*(first + t));
                for (int p = 0; p < PLANES; ++p) {
                    const __m256i two = SIGNED
                        ? _mm256_maddubs_epi16(sizes[p][t], _mm256_sign_epi8(some, weights[p][t]))
                        : _mm256_maddubs_epi16(weights[p][t], some);
                    twos[p] = t == 0 ? two : _mm256_add_epi16(twos[p], two);
                }
            }
            for (int p = 0; p < PLANES; ++p) {
                if (TOGETHER > 2) {
                    STILLROOM_IN_MEMORY(sums[p][c]);
                }
                sums[p][c] = _mm256_add_epi32(
                    sums[p][c], _mm256_madd_epi16(twos[p], planes[p].scales[VALUES*first/PART]));
                if (TOGETHER > 2) {
                    STILLROOM_IN_MEMORY(sums[p][c]);
                }
            }
        }
    }
}

// What a plane's pairs come to with the sums of a column.
template <int PAIRS>
static inline __m256i stillroom_multiply_pairs(const stillroom_plane & plane, const int32_t * column) {
    __m256i sum = _mm256_setzero_si256();
    for (int pair = 0; pair < PAIRS; ++pair) {
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(plane.pairs[pair], _mm256_set1_epi32(column[pair])));
    }
    return sum;
}

// Four rows in each of two planes.
static inline void stillroom_unpack_q4_K(const block_q4_Kx8 & x, stillroom_plane * halves) {
    const __m256i low = _mm256_set1_epi8(0x0F);
    alignas(32) uint8_t scales[8][8], mins[8][8];
    stillroom_scales(x, scales, mins);
    for (int part = 0; part < 8; ++part) {
        const __m128i rows = _mm_loadl_epi64(reinterpret_cast<const __m128i *>(scales[part]));
        for (int half = 0; half < 2; ++half) {
            // The scale of each row four times.
            halves[half].scales[part] = _mm256_cvtepu8_epi16(_mm_shuffle_epi8(
                rows, half ? _mm_set_epi8(7, 7, 7, 7, 6, 6, 6, 6, 5, 5, 5, 5, 4, 4, 4, 4)
                           : _mm_set_epi8(3, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0)));
        }
    }
    for (int pair = 0; pair < 4; ++pair) {
        for (int t = 0; t < 4; ++t) {
            for (int half = 0; half < 2; ++half) {
                const __m256i nibbles = _mm256_loadu_si256(
                    reinterpret_cast<const __m256i *>(x.qs + 256*pair + 64*t + 32*half));
                halves[half].weights[8*pair + t] = _mm256_and_si256(nibbles, low);
                halves[half].weights[8*pair + 4 + t] = _mm256_and_si256(_mm256_srli_epi16(nibbles, 4), low);
            }
        }
        halves[0].pairs[pair] = _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(
            _mm_loadl_epi64(reinterpret_cast<const __m128i *>(mins[2*pair])),
            _mm_loadl_epi64(reinterpret_cast<const __m128i *>(mins[2*pair + 1]))));
    }
    halves[0].d = stillroom_halves(x.d);
    halves[0].dmin = stillroom_halves(x.dmin);
}

template <int COLUMNS>
STILLROOM_APART static void stillroom_add_q4_K(
        const stillroom_plane * halves, const int blocks, const block_q8_K * y, const stillroom_column_sums * column_sums,
        __m256 * products, __m256 * offsets) {
    __m256i sums[2][COLUMNS];  // two partial sums of a row beside each other
    stillroom_multiply_planes<2, COLUMNS, 8, 32, 4>(halves, y->qs, (int64_t) blocks*sizeof(block_q8_K), sums);
    for (int c = 0; c < COLUMNS; ++c) {
        const __m256i sum = _mm256_permute4x64_epi64(_mm256_hadd_epi32(sums[0][c], sums[1][c]), 0xD8);
        const __m256i offset = stillroom_multiply_pairs<4>(halves[0], column_sums[(int64_t) c*blocks].pairs);
        const __m256 scale = _mm256_set1_ps(y[(int64_t) c*blocks].d);
        products[c] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum), _mm256_mul_ps(halves[0].d, scale), products[c]);
        offsets[c] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(offset), _mm256_mul_ps(halves[0].dmin, scale), offsets[c]);
    }
}

// A block is unpacked once for all columns, of which there are at most STILLROOM_UNPACKED.
static void stillroom_unpacked_q4_K(
        const int blocks, const block_q4_Kx8 * x, const int columns, const block_q8_K * y,
        const stillroom_column_sums * column_sums, float * s, const size_t bs) {
    __m256 products[STILLROOM_UNPACKED], offsets[STILLROOM_UNPACKED];
    for (int c = 0; c < columns; ++c) {
        products[c] = offsets[c] = _mm256_setzero_ps();
    }
    for (int i = 0; i < blocks; ++i) {
        stillroom_fetch(x + i);
        stillroom_plane halves[2];
        stillroom_unpack_q4_K(x[i], halves);
        for (int c = 0, some; c < columns; c += some) {
            const int64_t at = (int64_t) c*blocks + i;
            some = MIN(columns - c, STILLROOM_GROUP);
            switch (some) {
#define CASE(count) \
    case count: stillroom_add_q4_K<count>(halves, blocks, y + at, column_sums + at, products + c, offsets + c); break;
                CASE(1) CASE(2) CASE(3) CASE(4)
#undef CASE
            }
        }
    }
    for (int c = 0; c < columns; ++c) {
        _mm256_storeu_ps(s + c*bs, _mm256_sub_ps(products[c], offsets[c]));
    }
}

#endif

// Of two columns and a block of 32 values, twice each: what the 8 that are added to each weight come to, and the scale.
struct stillroom_two_columns {
    int32_t less[4];
    float d[4];
};

// Of columns in pairs, block by block; a last one alone is its own pair.
static void stillroom_pair_columns(
        const int columns, const int blocks, const block_q8_0 * y, stillroom_two_columns * pairs) {
    const __m256i eights = _mm256_set1_epi8(8);
    const __m256i ones = _mm256_set1_epi16(1);
    for (int c = 0; c < columns + columns%2; ++c) {
        const block_q8_0 * column = y + (int64_t) MIN(c, columns - 1)*blocks;
        for (int i = 0; i < blocks; ++i) {
            const __m256i sums = _mm256_madd_epi16(ones, _mm256_maddubs_epi16(
                eights, _mm256_loadu_si256(reinterpret_cast<const __m256i *>(column[i].qs))));
            __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
            sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4E));
            sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xB1));
            stillroom_two_columns & two = pairs[(int64_t) c/2*blocks + i];
            two.less[c%2*2] = two.less[c%2*2 + 1] = -_mm_cvtsi128_si32(sum);
            two.d[c%2*2] = two.d[c%2*2 + 1] = GGML_CPU_FP16_TO_FP32(column[i].d);
        }
    }
}

#ifdef STILLROOM_WIDE

template <int COLUMNS>
static void stillroom_eight_q4_0(
        const int blocks, const block_q4_0x8 * x, const block_q8_0 * y, const stillroom_two_columns * pairs,
        float * s, const size_t bs) {
    static constexpr int PAIRS = (COLUMNS + 1)/2;
    const __m512i low = _mm512_set1_epi8(0x0F), ones = _mm512_set1_epi16(1);
    const __m512i twice = _mm512_set_epi32(7, 6, 7, 6, 5, 4, 5, 4, 3, 2, 3, 2, 1, 0, 1, 0);
    const __m512i apart = _mm512_set_epi32(15, 14, 11, 10, 7, 6, 3, 2, 13, 12, 9, 8, 5, 4, 1, 0);
    __m512 sums[PAIRS];
    for (int p = 0; p < PAIRS; ++p) {
        sums[p] = _mm512_setzero_ps();
    }
    for (int i = 0; i < blocks; ++i) {
        __m512i values[4];  // 8 more than they are, and so from 0 to 15
        for (int t = 0; t < 2; ++t) {
            stillroom_soon<COLUMNS>(x[i].qs + 64*t);
            const __m512i nibbles = _mm512_xor_si512(_mm512_loadu_si512(x[i].qs + 64*t), _mm512_set1_epi8(-0x78));
            values[t] = _mm512_and_si512(nibbles, low);
            values[t + 2] = _mm512_and_si512(_mm512_srli_epi16(nibbles, 4), low);
        }
        const __m512 d = _mm512_permutexvar_ps(twice, _mm512_castps256_ps512(stillroom_halves(x[i].d)));
        for (int p = 0; p < PAIRS; ++p) {
            const int8_t * first = y[(int64_t) 2*p*blocks + i].qs;
            __m512i a = _mm512_setzero_si512(), b = _mm512_setzero_si512();
            for (int t = 0; t < 4; ++t) {
                a = _mm512_dpbusd_epi32(a, values[t], _mm512_set1_epi64(stillroom_quad(first + 8*t)));
                if (2*p + 1 < COLUMNS) {
                    const int8_t * second = y[(int64_t) (2*p + 1)*blocks + i].qs;
                    b = _mm512_dpbusd_epi32(b, values[t], _mm512_set1_epi64(stillroom_quad(second + 8*t)));
                }
            }
            const stillroom_two_columns & two = pairs[(int64_t) p*blocks + i];
            const __m512i less = _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i *>(two.less)));
            const __m512i products = _mm512_dpwssd_epi32(less, _mm512_packs_epi32(a, b), ones);
            const __m512 scale = _mm512_mul_ps(d, _mm512_broadcast_f32x4(_mm_loadu_ps(two.d)));
            sums[p] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(products), scale, sums[p]);
        }
    }
    for (int c = 0; c < COLUMNS; ++c) {
        const __m512 both = _mm512_permutexvar_ps(apart, sums[c/2]);
        _mm256_storeu_ps(s + c*bs, c%2 ? _mm512_extractf32x8_ps(both, 1) : _mm512_castps512_ps256(both));
    }
}

// SETS times sixteen rows with COLUMNS of some columns, COUNT blocks of 32 values: a register of weights has the same four of
// each row, eight of them are a block, and those of the next rows lie `next` bytes further. A column's values are loaded
// once for all rows. `d` has STILLROOM_AT_ONCE for each sixteen rows.
template <int SETS, int COLUMNS, typename Columns>
STILLROOM_APART static void stillroom_add_thirty_twos(
        const int count, const uint8_t * weights, const int64_t next, const __m512 * d, const Columns & y, float * totals) {
    __m512 sums[COLUMNS][SETS];
    for (int c = 0; c < COLUMNS; ++c) {
        for (int k = 0; k < SETS; ++k) {
            sums[c][k] = _mm512_load_ps(totals + 16*(SETS*c + k));
        }
    }
    for (int i = 0; i < count; ++i) {
        __m512i lines[SETS][8];
        for (int k = 0; k < SETS; ++k) {
            for (int t = 0; t < 8; ++t) {
                lines[k][t] = _mm512_loadu_si512(weights + k*next + 64*(8*i + t));
            }
        }
        STILLROOM_UNROLLED  // sums stay in registers
        for (int c = 0; c < COLUMNS; ++c) {
            const int8_t * column = y.values(c, i);
            __m512i products[SETS];
            products[0] = _mm512_set1_epi32(y.less(c, i));
            for (int k = 1; k < SETS; ++k) {
                products[k] = products[0];
            }
            STILLROOM_UNROLLED
            for (int t = 0; t < 8; ++t) {
                int32_t values;
                memcpy(&values, column + 4*t, sizeof(values));
                __m512i four = _mm512_set1_epi32(values);
                STILLROOM_IN_REGISTER(four);
                for (int k = 0; k < SETS; ++k) {
                    products[k] = _mm512_dpbusd_epi32(products[k], lines[k][t], four);
                }
            }
            const __m512 scale = _mm512_set1_ps(y.scale(c, i));
            for (int k = 0; k < SETS; ++k) {
                sums[c][k] = _mm512_fmadd_ps(
                    _mm512_cvtepi32_ps(products[k]), _mm512_mul_ps(d[k*STILLROOM_AT_ONCE + i], scale), sums[c][k]);
            }
        }
    }
    for (int c = 0; c < COLUMNS; ++c) {
        for (int k = 0; k < SETS; ++k) {
            _mm512_store_ps(totals + 16*(SETS*c + k), sums[c][k]);
        }
    }
}

// The same with many columns, STILLROOM_UNPACKED at most, while the weights that come next are fetched: of STREAMS `bytes`,
// each `apart` behind the one before.
template <int SETS, int STREAMS, typename Columns>
static void stillroom_thirty_twos(
        const int count, const uint8_t * weights, const int64_t next, const __m512 * d, const int columns, const Columns & y,
        float * totals, const uint8_t * coming, const int64_t apart, const int bytes) {
    const int fetched = GGML_PAD(bytes/((columns + 3)/4), 64);  // for each group of columns
    for (int c = 0, some; c < columns; c += some, coming += fetched) {
        for (int k = 0; k < STREAMS; ++k) {
            stillroom_read(coming + k*apart, fetched);
        }
        some = MIN(columns - c, 4);
        float * to = totals + 16*SETS*c;
        switch (some) {
#define CASE(number) \
    case number: stillroom_add_thirty_twos<SETS, number>(count, weights, next, d, y.from(c), to); break;
            CASE(1) CASE(2) CASE(3) CASE(4)
#undef CASE
        }
    }
}

// Columns of block_q8_0, from one of their blocks on, and of each block what the 8 that are added to each weight come to, and
// the scale.
struct stillroom_noted_columns {
    const int blocks;
    const block_q8_0 * y;
    const int32_t * of_less;
    const float * of_scales;

    const int8_t * values(const int c, const int i) const { return y[(int64_t) c*blocks + i].qs; }
    int32_t less(const int c, const int i) const { return of_less[(int64_t) c*blocks + i]; }
    float scale(const int c, const int i) const { return of_scales[(int64_t) c*blocks + i]; }
    stillroom_noted_columns from(const int c) const { return at((int64_t) c*blocks); }
    stillroom_noted_columns at(const int64_t i) const { return {blocks, y + i, of_less + i, of_scales + i}; }
};

// Both of all blocks of some columns.
static void stillroom_note_columns(const int64_t all, const block_q8_0 * y, int32_t * less, float * scales) {
    const __m256i signs = _mm256_set1_epi8(-128);
    int64_t i = 0;
    for (; i + 4 <= all; i += 4) {
        __m256i sums[4];  // of eight values each, 128 more than they are
        for (int t = 0; t < 4; ++t) {
            const __m256i values = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(y[i + t].qs));
            sums[t] = _mm256_sad_epu8(_mm256_xor_si256(values, signs), _mm256_setzero_si256());
        }
        const __m256i halves = _mm256_hadd_epi32(
            _mm256_packs_epi32(sums[0], sums[1]), _mm256_packs_epi32(sums[2], sums[3]));
        const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(halves), _mm256_extracti128_si256(halves, 1));
        _mm_storeu_si128(
            reinterpret_cast<__m128i *>(less + i),
            _mm_sub_epi32(_mm_set1_epi32(8*32*128), _mm_slli_epi32(four, 3)));
        _mm_storeu_ps(
            scales + i, _mm_cvtph_ps(_mm_setr_epi16(y[i].d, y[i + 1].d, y[i + 2].d, y[i + 3].d, 0, 0, 0, 0)));
    }
    for (; i < all; ++i) {
        int sum = 0;
        for (const int8_t value : y[i].qs) {
            sum += value;
        }
        less[i] = -8*sum;
        scales[i] = GGML_CPU_FP16_TO_FP32(y[i].d);
    }
}

// SETS times two times eight rows with many columns: some blocks are unpacked once for all.
template <int SETS>
static void stillroom_unpacked_q4_0(
        const int blocks, const block_q4_0x8 * x, const int columns, const stillroom_noted_columns & y, float * s,
        const size_t bs) {
    const __m512i low = _mm512_set1_epi8(0x0F);
    const __m512i fours = _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
    const __m512i others = _mm512_add_epi32(fours, _mm512_set1_epi32(1));
    // The results themselves lie far apart, many of them in few sets of the first cache.
    alignas(64) float totals[STILLROOM_UNPACKED*SETS*16];
    memset(totals, 0, columns*SETS*16*sizeof(float));
    alignas(64) uint8_t weights[SETS][STILLROOM_AT_ONCE][8][64];
    __m512 d[SETS][STILLROOM_AT_ONCE];
    for (int first = 0, count; first < blocks; first += count) {
        count = MIN(blocks - first, STILLROOM_AT_ONCE);
        for (int k = 0; k < SETS; ++k) {
            const block_q4_0x8 * a = x + (int64_t) 2*k*blocks + first, * b = a + blocks;
            for (int i = 0; i < count; ++i) {
                for (int t = 0; t < 2; ++t) {
                    const __m512i more = _mm512_set1_epi8(-0x78);  // values from 0 to 15
                    const __m512i one = _mm512_xor_si512(_mm512_loadu_si512(a[i].qs + 64*t), more);
                    const __m512i two = _mm512_xor_si512(_mm512_loadu_si512(b[i].qs + 64*t), more);
                    for (int half = 0; half < 2; ++half) {
                        const __m512i both = _mm512_permutex2var_epi32(one, half ? others : fours, two);
                        _mm512_store_si512(weights[k][i][2*t + half], _mm512_and_si512(both, low));
                        _mm512_store_si512(
                            weights[k][i][4 + 2*t + half], _mm512_and_si512(_mm512_srli_epi16(both, 4), low));
                    }
                }
                d[k][i] = _mm512_insertf32x8(
                    _mm512_castps256_ps512(stillroom_halves(a[i].d)), stillroom_halves(b[i].d), 1);
            }
        }
        const block_q4_0x8 * coming = x + (first + count < blocks ? first + count : (int64_t) 2*SETS*blocks);
        stillroom_thirty_twos<SETS, 2*SETS>(
            count, weights[0][0][0], sizeof(weights[0]), d[0], columns, y.at(first), totals,
            reinterpret_cast<const uint8_t *>(coming), blocks*(int64_t) sizeof(block_q4_0x8),
            STILLROOM_AT_ONCE*(int) sizeof(block_q4_0x8));
    }
    for (int c = 0; c < columns; ++c) {
        memcpy(s + c*bs, totals + c*SETS*16, SETS*16*sizeof(float));
    }
}

#else

template <int COLUMNS>
static void stillroom_eight_q4_0(
        const int blocks, const block_q4_0x8 * x, const block_q8_0 * y, const stillroom_two_columns * pairs,
        float * s, const size_t bs) {
    const __m256i low = _mm256_set1_epi8(0x0F), ones = _mm256_set1_epi16(1);
    __m256 sums[COLUMNS];
    for (int c = 0; c < COLUMNS; ++c) {
        sums[c] = _mm256_setzero_ps();
    }
    for (int i = 0; i < blocks; ++i) {
        stillroom_fetch(x + i);
        __m256i halves[2][COLUMNS];  // of four rows each, two partial sums of a row beside each other
        for (int half = 0; half < 2; ++half) {
            __m256i values[4];  // 8 more than they are, and so from 0 to 15
            for (int t = 0; t < 2; ++t) {
                const __m256i nibbles = _mm256_xor_si256(
                    _mm256_loadu_si256(reinterpret_cast<const __m256i *>(x[i].qs + 64*t + 32*half)),
                    _mm256_set1_epi8(-0x78));
                values[t] = _mm256_and_si256(nibbles, low);
                values[t + 2] = _mm256_and_si256(_mm256_srli_epi16(nibbles, 4), low);
            }
            for (int c = 0; c < COLUMNS; ++c) {
                const int8_t * column = y[(int64_t) c*blocks + i].qs;
                __m256i sum = _mm256_setzero_si256();  // at most 8 times 15 times 127
                for (int t = 0; t < 4; ++t) {
                    sum = _mm256_add_epi16(
                        sum, _mm256_maddubs_epi16(values[t], _mm256_set1_epi64x(stillroom_quad(column + 8*t))));
                }
                halves[half][c] = _mm256_madd_epi16(sum, ones);
            }
        }
        const __m256 d = stillroom_halves(x[i].d);
        for (int c = 0; c < COLUMNS; ++c) {
            const stillroom_two_columns & two = pairs[(int64_t) c/2*blocks + i];
            const __m256i products = _mm256_add_epi32(
                _mm256_set1_epi32(two.less[c%2*2]),
                _mm256_permute4x64_epi64(_mm256_hadd_epi32(halves[0][c], halves[1][c]), 0xD8));
            const __m256 scale = _mm256_mul_ps(d, _mm256_set1_ps(two.d[c%2*2]));
            sums[c] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(products), scale, sums[c]);
        }
    }
    for (int c = 0; c < COLUMNS; ++c) {
        _mm256_storeu_ps(s + c*bs, sums[c]);
    }
}

#endif

#ifdef STILLROOM_TILES

// Two times eight rows of Q4_K with columns that fill tiles.
struct stillroom_tiled_q4_K {
    static constexpr int TOTALS = 2;  // products, and what the mins take off

    static __m128i both(const uint8_t * first, const uint8_t * second) {
        return _mm_unpacklo_epi64(
            _mm_loadl_epi64(reinterpret_cast<const __m128i *>(first)),
            _mm_loadl_epi64(reinterpret_cast<const __m128i *>(second)));
    }

    static void unpack_tiles(const uint8_t * rows, const int blocks, const int i, stillroom_tiled_block & to) {
        const block_q4_Kx8 * x = reinterpret_cast<const block_q4_Kx8 *>(rows) + i;
        const __m512i low = _mm512_set1_epi8(0x0F);
        const __m512i fours = _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
        const __m512i others = _mm512_add_epi32(fours, _mm512_set1_epi32(1));
        alignas(64) uint8_t scales[2][8][8], mins[2][8][8];
        stillroom_fetch(x);
        stillroom_fetch(x + blocks);
        stillroom_scales(x[0], scales[0], mins[0]);
        stillroom_scales(x[blocks], scales[1], mins[1]);
        for (int pair = 0; pair < 4; ++pair) {
            const __m512i scale[2] = {
                stillroom_each_twice(both(scales[0][2*pair], scales[1][2*pair])),
                stillroom_each_twice(both(scales[0][2*pair + 1], scales[1][2*pair + 1]))};
            for (int t = 0; t < 4; ++t) {
                const __m512i first = _mm512_loadu_si512(x[0].qs + 256*pair + 64*t);
                const __m512i second = _mm512_loadu_si512(x[blocks].qs + 256*pair + 64*t);
                for (int half = 0; half < 2; ++half) {
                    const __m512i four = _mm512_permutex2var_epi32(first, half ? others : fours, second);
                    const int line = 16*pair + 2*t + half;
                    to.put(line, _mm512_and_si512(four, low), scale[0]);
                    to.put(line + 8, _mm512_and_si512(_mm512_srli_epi16(four, 4), low), scale[1]);
                }
            }
            const __m128i a = both(mins[0][2*pair], mins[1][2*pair]), b = both(mins[0][2*pair + 1], mins[1][2*pair + 1]);
            to.pairs[pair] = _mm512_cvtepu8_epi16(_mm256_set_m128i(_mm_unpackhi_epi8(a, b), _mm_unpacklo_epi8(a, b)));
        }
        to.d = _mm512_insertf32x8(_mm512_castps256_ps512(stillroom_halves(x[0].d)), stillroom_halves(x[blocks].d), 1);
        to.dmin =
            _mm512_insertf32x8(_mm512_castps256_ps512(stillroom_halves(x[0].dmin)), stillroom_halves(x[blocks].dmin), 1);
    }

    static inline void add_tiles(
            const __m512i sum, const stillroom_tiled_block & x, const int32_t * pairs, const float of_column,
            float * totals) {
        __m512i offset = _mm512_setzero_si512();
        for (int pair = 0; pair < 4; ++pair) {
            offset = _mm512_dpwssd_epi32(offset, x.pairs[pair], _mm512_set1_epi32(pairs[pair]));
        }
        const __m512 scale = _mm512_set1_ps(of_column);
        _mm512_store_ps(
            totals, _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), _mm512_mul_ps(x.d, scale), _mm512_load_ps(totals)));
        _mm512_store_ps(
            totals + STILLROOM_TILE,
            _mm512_fmadd_ps(
                _mm512_cvtepi32_ps(offset), _mm512_mul_ps(x.dmin, scale), _mm512_load_ps(totals + STILLROOM_TILE)));
    }

    static inline __m512 of_tiles(const float * totals) {
        return _mm512_sub_ps(_mm512_load_ps(totals), _mm512_load_ps(totals + STILLROOM_TILE));
    }
};

// The columns that fill tiles, in a work memory of at least their bytes as blocks (block_q8_K).
static stillroom_tiled_columns stillroom_tiled_in(char * work, const int64_t n, const int64_t columns) {
    const int64_t blocks = columns*(n/QK_K);
    return {
        reinterpret_cast<const int8_t *>(work), columns, reinterpret_cast<const int32_t *>(work + columns*n),
        reinterpret_cast<const float *>(work + columns*n + blocks*sizeof(stillroom_column_sums))};
}

// One of these columns into its place.
static void stillroom_place_q8_K(
        const block_q8_K * y, const int64_t n, const int64_t columns, const int64_t column, char * work) {
    const int64_t blocks = n/QK_K, all = columns*blocks;
    auto * pairs = reinterpret_cast<stillroom_column_sums *>(work + columns*n) + column;
    float * scales = reinterpret_cast<float *>(work + columns*n + all*sizeof(stillroom_column_sums)) + column;
    for (int64_t i = 0; i < blocks; ++i) {
        stillroom_place_column<QK_K, STILLROOM_TILE_BYTES>(
            y[i].qs, QK_K, column, columns, reinterpret_cast<int8_t *>(work) + i*columns*QK_K);
        stillroom_sum_columns(1, y + i, pairs + i*columns);
        scales[i*columns] = y[i].d;
    }
}

#endif

// One product for each number of columns: a constant, so that the sums stay in registers.
#ifdef STILLROOM_WIDE
#define STILLROOM_COUNTS(CASE) \
    CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(STILLROOM_GROUP)
#else
#define STILLROOM_COUNTS(CASE) CASE(1) CASE(2) CASE(3) CASE(4)
#endif

static inline int stillroom_some(const int columns) {
    return columns >= STILLROOM_GROUP ? STILLROOM_GROUP : MIN(columns, 8);
}

static void stillroom_columns_q4_K(
        const int blocks, const int rows, const block_q4_Kx8 * x, const int columns, const block_q8_K * y, float * s,
        const size_t bs) {
    static thread_local std::vector<stillroom_column_sums> sums;
    sums.resize((size_t) columns*blocks);
    stillroom_sum_columns(columns*blocks, y, sums.data());
#ifdef STILLROOM_WIDE
    for (int c = 0, some; c < columns; c += some) {
        const int64_t from = (int64_t) c*blocks;
        if (columns - c >= STILLROOM_FEWEST_UNPACKED && rows%16 == 0) {
            some = MIN(columns - c, STILLROOM_UNPACKED);
            for (int r = 0; r < rows; r += 16) {
                stillroom_sixteen_q4_K(
                    blocks, x + (int64_t) r/8*blocks, some, y + from, sums.data() + from, s + c*bs + r, bs);
            }
            continue;
        }
        some = stillroom_some(columns - c);
        for (int r = 0; r < rows; r += 8) {
            const block_q4_Kx8 * eight = x + (int64_t) r/8*blocks;
            switch (some) {
#define CASE(count) \
    case count: stillroom_eight_q4_K<count>(blocks, eight, y + from, sums.data() + from, s + c*bs + r, bs); break;
                STILLROOM_COUNTS(CASE)
#undef CASE
            }
        }
    }
#else
    for (int c = 0, some; c < columns; c += some) {
        some = MIN(columns - c, STILLROOM_UNPACKED);
        const int64_t from = (int64_t) c*blocks;
        for (int r = 0; r < rows; r += 8) {
            const block_q4_Kx8 * eight = x + (int64_t) r/8*blocks;
            switch (some) {
#define CASE(product, count) \
    case count: product<count>(blocks, eight, y + from, sums.data() + from, s + c*bs + r, bs); break;
                CASE(stillroom_few_q4_K, 1) CASE(stillroom_few_q4_K, 2)
                CASE(stillroom_eight_q4_K, 3) CASE(stillroom_eight_q4_K, 4)
#undef CASE
                default:
                    stillroom_unpacked_q4_K(blocks, eight, some, y + from, sums.data() + from, s + c*bs + r, bs);
            }
        }
    }
#endif
}

static void stillroom_columns_q4_0(
        const int blocks, const int rows, const block_q4_0x8 * x, const int columns, const block_q8_0 * y, float * s,
        const size_t bs) {
    static thread_local std::vector<stillroom_two_columns> pairs;
    pairs.resize((size_t) (STILLROOM_GROUP + 1)/2*blocks);
#ifdef STILLROOM_WIDE
    static thread_local std::vector<int32_t> less;
    static thread_local std::vector<float> scales;
#endif
    for (int c = 0, some; c < columns; c += some) {
#ifdef STILLROOM_WIDE
        if (columns - c >= STILLROOM_FEWEST_UNPACKED && rows%16 == 0) {
            some = MIN(columns - c, STILLROOM_UNPACKED);
            const int64_t all = (int64_t) some*blocks;
            less.resize(all);
            scales.resize(all);
            const stillroom_noted_columns many = {blocks, y + (int64_t) c*blocks, less.data(), scales.data()};
            stillroom_note_columns(all, many.y, less.data(), scales.data());
            int r = 0;
            for (; r + 32 <= rows; r += 32) {
                stillroom_unpacked_q4_0<2>(blocks, x + (int64_t) r/8*blocks, some, many, s + c*bs + r, bs);
            }
            if (r < rows) {
                stillroom_unpacked_q4_0<1>(blocks, x + (int64_t) r/8*blocks, some, many, s + c*bs + r, bs);
            }
            continue;
        }
#endif
        some = stillroom_some(columns - c);
        const block_q8_0 * first = y + (int64_t) c*blocks;
        stillroom_pair_columns(some, blocks, first, pairs.data());
        for (int r = 0; r < rows; r += 8) {
            const block_q4_0x8 * eight = x + (int64_t) r/8*blocks;
            switch (some) {
#define CASE(count) \
    case count: stillroom_eight_q4_0<count>(blocks, eight, first, pairs.data(), s + c*bs + r, bs); break;
                STILLROOM_COUNTS(CASE)
#undef CASE
            }
        }
    }
}

// The products of `rows` rows in eights (block_q4_Kx8 or block_q4_0x8) with `columns` columns of `n` values, one behind
// the other (block_q8_K or block_q8_0); those of a column stand one after the other in `s`, those of the next column
// `bs` floats further.
extern "C" void stillroom_repacked_columns(
    enum ggml_type type, int n, int rows, const void * x, int columns, const void * y, float * s, size_t bs);

static void stillroom_columns_in_eights(
        const enum ggml_type type, const int n, const int rows, const void * x, const int columns, const void * y,
        float * s, const size_t bs) {
    if (type == GGML_TYPE_Q4_K) {
        stillroom_columns_q4_K(
            n/QK_K, rows, static_cast<const block_q4_Kx8 *>(x), columns, static_cast<const block_q8_K *>(y), s, bs);
    } else {
        stillroom_columns_q4_0(
            n/QK4_0, rows, static_cast<const block_q4_0x8 *>(x), columns, static_cast<const block_q8_0 *>(y), s, bs);
    }
}

void stillroom_repacked_columns(
        const enum ggml_type type, const int n, const int rows, const void * x, const int columns, const void * y,
        float * s, const size_t bs) {
    int64_t tiled = 0;
#ifdef STILLROOM_TILES
    if (type == GGML_TYPE_Q4_K && rows%STILLROOM_TILE == 0) {
        tiled = stillroom_tiled(columns, QK_K);
        std::vector<char> work(tiled*ggml_row_size(GGML_TYPE_Q8_K, n));
        for (int64_t column = 0; column < tiled; ++column) {
            stillroom_place_q8_K(
                static_cast<const block_q8_K *>(y) + column*(n/QK_K), n, tiled, column, work.data());
        }
        stillroom_rows_in_tiles<stillroom_tiled_q4_K>(
            n/QK_K, rows, static_cast<const uint8_t *>(x), 2*(n/QK_K)*sizeof(block_q4_Kx8), tiled,
            stillroom_tiled_in(work.data(), n, tiled), s, bs);
    }
#endif
    const ggml_type column_type = type == GGML_TYPE_Q4_K ? GGML_TYPE_Q8_K : GGML_TYPE_Q8_0;
    stillroom_columns_in_eights(
        type, n, rows, x, columns - tiled, static_cast<const char *>(y) + tiled*ggml_row_size(column_type, n),
        s + tiled*bs, bs);
}

// The product of weights whose rows lie in eights; false where llama.cpp's own has to be made.
static bool stillroom_mul_mat_repacked(const ggml_compute_params * params, ggml_tensor * dst) {
    const ggml_tensor * src0 = dst->src[0];
    const ggml_tensor * src1 = dst->src[1];
    const int64_t values = src0->ne[0], rows = src0->ne[1], columns = src1->ne[1];
    if (params->use_ref || src0->ne[2]*src0->ne[3] != 1 || src1->ne[2]*src1->ne[3] != 1 ||
        src1->nb[0] != sizeof(float)) {
        return false;
    }
    const ggml_type column_type = src0->type == GGML_TYPE_Q4_K ? GGML_TYPE_Q8_K : GGML_TYPE_Q8_0;
    const size_t column_bytes = ggml_row_size(column_type, values);
    const ggml_from_float_t quantise = stillroom_quantiser(column_type);
    char * quantised = static_cast<char *>(params->wdata);
    int64_t tiled = 0;  // of the columns, the first
    int64_t least = 8;
#ifdef STILLROOM_TILES
    if (src0->type == GGML_TYPE_Q4_K && rows%STILLROOM_TILE == 0) {
        tiled = stillroom_tiled(columns, QK_K);
        least = STILLROOM_TILE;
    }
    static thread_local std::vector<char> column_of_blocks;
    column_of_blocks.resize(column_bytes);
#endif
    for (int64_t column = params->ith; column < columns; column += params->nth) {
        const float * from = reinterpret_cast<const float *>(static_cast<const char *>(src1->data) + column*src1->nb[1]);
#ifdef STILLROOM_TILES
        if (column < tiled) {
            quantise(from, column_of_blocks.data(), values);
            stillroom_place_q8_K(
                reinterpret_cast<const block_q8_K *>(column_of_blocks.data()), values, tiled, column, quantised);
            continue;
        }
#endif
        quantise(from, quantised + column*column_bytes, values);
    }
    if (params->ith == 0) {
        ggml_threadpool_chunk_set(params->threadpool, params->nth);
    }
    ggml_barrier(params->threadpool);

    stillroom_shares share(rows, params->nth, least);
    for (int turn = params->ith; share.take(turn); turn = ggml_threadpool_chunk_add(params->threadpool, 1)) {
        for (int64_t done = 0; done < share.rows; done += share.at_a_time(done)) {
            const int64_t first = share.first + done, some = share.at_a_time(done), bs = dst->nb[1]/sizeof(float);
            const char * weights = static_cast<const char *>(src0->data) + first*src0->nb[1];
            float * to = static_cast<float *>(dst->data) + first;
#ifdef STILLROOM_TILES
            if (tiled > 0) {
                stillroom_rows_in_tiles<stillroom_tiled_q4_K>(
                    values/QK_K, some, reinterpret_cast<const uint8_t *>(weights), STILLROOM_TILE*src0->nb[1], tiled,
                    stillroom_tiled_in(quantised, values, tiled), to, bs);
            }
#endif
            if (tiled < columns) {
                stillroom_columns_in_eights(
                    src0->type, values, some, weights, columns - tiled, quantised + tiled*column_bytes, to + tiled*bs, bs);
            }
        }
    }
    return true;
}

#else

static bool stillroom_mul_mat_repacked(const ggml_compute_params *, ggml_tensor *) {
    return false;
}

#endif
