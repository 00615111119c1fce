// Included by ggml-cpu/repack.cpp: rows of Q8_0, Q6_K, Q5_K, Q3_K and IQ4_XS weights that lie in one another, in sixteens of
// Q4_1 and Q4_0, too.
//
// llama.cpp multiplies such rows one by one on x86-64 and adds across registers for each. Here a register holds four
// values of each of sixteen rows, with AVX2 of eight, so that nothing is added across and a row is unpacked once for a group
// of columns, a block of 256 values for up to 64: many of them are multiplied with several such groups of rows at a time, since
// what an instruction loads limits them, not what it multiplies.
//
// Each result is, one column or a thousand: the integer product of each part of a row that has a scale of its own, which
// is exact, times its scale (exact too but with blocks of 32), added by fused multiplications in the order of the parts; where
// blocks have 256 values within a block first, with Q5_K the mins then, and the blocks, times the column's scale, last.
// With Q4_1 a block's least value, times the column's sum, is added behind the block's product.
// With AVX2 alone, and with AMX (amx_products.h), the parts of such a block, times their scales, are added as integers,
// and rounded times d.

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__) && \
    defined(__AVX512VNNI__)
#define STILLROOM_LANES 16
#elif defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#define STILLROOM_LANES 8
#ifndef __AVXVNNI__
#define STILLROOM_PLANES
#endif
#endif

#ifdef STILLROOM_LANES

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <thread>

namespace ggml::cpu::repack {

// Each row has 32 bits of a register.
static constexpr int STILLROOM_ROWS = STILLROOM_LANES;
static constexpr int STILLROOM_LINE = 4*STILLROOM_ROWS;  // four values of each

#if STILLROOM_LANES == 16

static constexpr int STILLROOM_MOST_COLUMNS = 16;
using stillroom_ints = __m512i;
using stillroom_floats = __m512;

static inline stillroom_ints stillroom_load(const void * bytes) { return _mm512_loadu_si512(bytes); }
static inline stillroom_ints stillroom_int8(const char value) { return _mm512_set1_epi8(value); }
static inline stillroom_ints stillroom_int32(const int32_t value) { return _mm512_set1_epi32(value); }
static inline stillroom_ints stillroom_and(stillroom_ints a, stillroom_ints b) { return _mm512_and_si512(a, b); }
static inline stillroom_ints stillroom_or(stillroom_ints a, stillroom_ints b) { return _mm512_or_si512(a, b); }
static inline stillroom_ints stillroom_left(stillroom_ints a, int bits) { return _mm512_slli_epi16(a, bits); }
static inline stillroom_ints stillroom_right(stillroom_ints a, int bits) { return _mm512_srli_epi16(a, bits); }
static inline stillroom_ints stillroom_right_by(stillroom_ints a, __m128i bits) { return _mm512_srl_epi16(a, bits); }
static inline stillroom_ints stillroom_left_32(stillroom_ints a, int bits) { return _mm512_slli_epi32(a, bits); }
static inline stillroom_ints stillroom_right_32(stillroom_ints a, int bits) { return _mm512_srli_epi32(a, bits); }
static inline stillroom_ints stillroom_minus(stillroom_ints a, stillroom_ints b) { return _mm512_sub_epi32(a, b); }
static inline stillroom_ints stillroom_table(__m128i a) { return _mm512_broadcast_i32x4(a); }
static inline stillroom_ints stillroom_look_up(stillroom_ints table, stillroom_ints at) {
    return _mm512_shuffle_epi8(table, at);
}
static inline stillroom_floats stillroom_float(const float value) { return _mm512_set1_ps(value); }
static inline stillroom_floats stillroom_times(stillroom_floats a, stillroom_floats b) { return _mm512_mul_ps(a, b); }
static inline stillroom_floats stillroom_fused(stillroom_floats a, stillroom_floats b, stillroom_floats sum) {
    return _mm512_fmadd_ps(a, b, sum);
}
static inline stillroom_floats stillroom_floats_of(stillroom_ints a) { return _mm512_cvtepi32_ps(a); }
static inline void stillroom_store(float * to, stillroom_floats a) { _mm512_storeu_ps(to, a); }

// A value of each row, as a file has it.
static inline __m128i stillroom_bytes(const uint8_t * rows) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i *>(rows));
}
static inline stillroom_ints stillroom_unsigned(__m128i bytes) { return _mm512_cvtepu8_epi32(bytes); }
static inline stillroom_ints stillroom_signed(__m128i bytes) { return _mm512_cvtepi8_epi32(bytes); }
static inline stillroom_ints stillroom_unsigned_16(const uint8_t * rows) {
    return _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(rows)));
}
static inline stillroom_floats stillroom_halves(const uint8_t * rows) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(rows)));
}
static inline stillroom_ints stillroom_side_by_side(__m128i first, __m128i second) {
    return _mm512_cvtepu8_epi16(
        _mm256_set_m128i(_mm_unpackhi_epi8(first, second), _mm_unpacklo_epi8(first, second)));
}
static inline stillroom_ints stillroom_add_pairs(stillroom_ints sum, stillroom_ints a, stillroom_ints b) {
    return _mm512_dpwssd_epi32(sum, a, b);
}
static inline stillroom_ints stillroom_add_fours(stillroom_ints sum, stillroom_ints weights, stillroom_ints four) {
    return _mm512_dpbusd_epi32(sum, weights, four);
}

#else

static constexpr int STILLROOM_MOST_COLUMNS = 8;
using stillroom_ints = __m256i;
using stillroom_floats = __m256;

static inline stillroom_ints stillroom_load(const void * bytes) {
    return _mm256_loadu_si256(static_cast<const __m256i *>(bytes));
}
static inline stillroom_ints stillroom_int8(const char value) { return _mm256_set1_epi8(value); }
static inline stillroom_ints stillroom_int32(const int32_t value) { return _mm256_set1_epi32(value); }
static inline stillroom_ints stillroom_and(stillroom_ints a, stillroom_ints b) { return _mm256_and_si256(a, b); }
static inline stillroom_ints stillroom_or(stillroom_ints a, stillroom_ints b) { return _mm256_or_si256(a, b); }
static inline stillroom_ints stillroom_left(stillroom_ints a, int bits) { return _mm256_slli_epi16(a, bits); }
static inline stillroom_ints stillroom_right(stillroom_ints a, int bits) { return _mm256_srli_epi16(a, bits); }
static inline stillroom_ints stillroom_right_by(stillroom_ints a, __m128i bits) { return _mm256_srl_epi16(a, bits); }
static inline stillroom_ints stillroom_left_32(stillroom_ints a, int bits) { return _mm256_slli_epi32(a, bits); }
static inline stillroom_ints stillroom_right_32(stillroom_ints a, int bits) { return _mm256_srli_epi32(a, bits); }
static inline stillroom_ints stillroom_minus(stillroom_ints a, stillroom_ints b) { return _mm256_sub_epi32(a, b); }
static inline stillroom_ints stillroom_table(__m128i a) { return _mm256_broadcastsi128_si256(a); }
static inline stillroom_ints stillroom_look_up(stillroom_ints table, stillroom_ints at) {
    return _mm256_shuffle_epi8(table, at);
}
static inline stillroom_floats stillroom_float(const float value) { return _mm256_set1_ps(value); }
static inline stillroom_floats stillroom_times(stillroom_floats a, stillroom_floats b) { return _mm256_mul_ps(a, b); }
static inline stillroom_floats stillroom_fused(stillroom_floats a, stillroom_floats b, stillroom_floats sum) {
    return _mm256_fmadd_ps(a, b, sum);
}
static inline stillroom_floats stillroom_floats_of(stillroom_ints a) { return _mm256_cvtepi32_ps(a); }
static inline void stillroom_store(float * to, stillroom_floats a) { _mm256_storeu_ps(to, a); }

static inline __m128i stillroom_bytes(const uint8_t * rows) {
    return _mm_loadl_epi64(reinterpret_cast<const __m128i *>(rows));
}
static inline stillroom_ints stillroom_unsigned(__m128i bytes) { return _mm256_cvtepu8_epi32(bytes); }
static inline stillroom_ints stillroom_signed(__m128i bytes) { return _mm256_cvtepi8_epi32(bytes); }
static inline stillroom_ints stillroom_unsigned_16(const uint8_t * rows) {
    return _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i *>(rows)));
}
static inline stillroom_floats stillroom_halves(const uint8_t * rows) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i *>(rows)));
}
static inline stillroom_ints stillroom_side_by_side(__m128i first, __m128i second) {
    return _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(first, second));
}
static inline stillroom_ints stillroom_add_pairs(stillroom_ints sum, stillroom_ints a, stillroom_ints b) {
    return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
}

#ifdef __AVXVNNI__
static inline stillroom_ints stillroom_add_fours(stillroom_ints sum, stillroom_ints weights, stillroom_ints four) {
    return _mm256_dpbusd_avx_epi32(sum, weights, four);
}
#endif

#endif

// A weight of 8 bits is multiplied with this added, which makes it positive, where an instruction multiplies such weights with
// signed columns; what that comes to with a column is subtracted. Otherwise the column takes over the weight's sign.
#ifdef STILLROOM_PLANES
static constexpr int STILLROOM_ADDED = 0;  // sums of two would be cut off at 16 bits
#else
static constexpr int STILLROOM_ADDED = 128;
#endif

// Columns in the work memory, of `n` values each. `less` has the sum of the values of a part times what is added to each
// weight, negative; where a product takes them pair by pair (see `stillroom_prepare_pairs`) the sums of two parts.
struct stillroom_columns {
    int8_t * values;   // [column][n]
    int32_t * less;    // [column][n/PART]
    float * scales;    // [column][n/BLOCK]

    stillroom_columns from(const int64_t value, const int64_t part, const int64_t block) const {
        return {values + value, less + part, scales + block};
    }
};

static inline stillroom_ints stillroom_four(const int8_t * values) {
    int32_t four;
    memcpy(&four, values, sizeof(four));
    return stillroom_int32(four);
}

#ifndef STILLROOM_PLANES

// The products of the rows' next FOURS*4 weights with the values of each column, which lie `next` bytes further than those
// of the one before: begins with `start(column)` and hands each to `use(column, product)`.
template <int COLUMNS, int FOURS, typename Start, typename Use>
static inline void stillroom_products(
        const stillroom_ints * weights, const int8_t * values, const int64_t next, const Start & start, const Use & use) {
    for (int c = 0; c < COLUMNS; ++c) {
        stillroom_ints sum = start(c);
        for (int t = 0; t < FOURS; ++t) {
            sum = stillroom_add_fours(sum, weights[t], stillroom_four(values + c*next + 4*t));
        }
        use(c, sum);
    }
}

#else

// With so many columns at most, the parts of a block have each their own code, in which shifts are constants.
static constexpr int STILLROOM_FEW = 2;

// The integers of each scale, twice in its 32 bits.
static inline __m256i stillroom_twice(const __m256i scales) {
    return _mm256_blend_epi16(scales, _mm256_slli_epi32(scales, 16), 0xAA);
}

// The bytes of eight rows for two parts, one behind the other.
static inline __m128i stillroom_two_parts(const uint8_t * rows) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i *>(rows));
}

template <bool SIGNED> static inline __m256i stillroom_widened(const __m128i bytes) {
    return SIGNED ? _mm256_cvtepi8_epi16(bytes) : _mm256_cvtepu8_epi16(bytes);
}

// The scales of two parts: those of each twice in the 32 bits of their rows.
template <bool SIGNED> static inline void stillroom_each_twice(const __m128i two, __m256i * scales) {
    scales[0] = stillroom_widened<SIGNED>(_mm_unpacklo_epi8(two, two));
    scales[1] = stillroom_widened<SIGNED>(_mm_unpackhi_epi8(two, two));
}

// What two parts have of a row in its 32 bits.
template <bool SIGNED> static inline __m256i stillroom_in_pairs(const __m128i two) {
    return stillroom_widened<SIGNED>(_mm_unpacklo_epi8(two, _mm_srli_si128(two, 8)));
}

static inline __m256i stillroom_shifted(const __m256i a, const int left) {
    return left < 0 ? _mm256_srli_epi16(a, -left) : _mm256_slli_epi16(a, left);
}

// A block's sum for eight rows and one column is added to `s`.
template <typename Type>
static inline void stillroom_add_sum(
        const __m256i sum, const stillroom_plane & plane, const stillroom_columns & y, const int64_t of_block, float * s) {
    static constexpr int PAIRS = QK_K/Type::PART;
    const __m256i less =
        Type::SIGNED ? _mm256_setzero_si256() : stillroom_multiply_pairs<PAIRS>(plane, y.less + of_block*PAIRS);
    const __m256 scale = _mm256_set1_ps(y.scales[of_block]);
    _mm256_storeu_ps(s, _mm256_fmadd_ps(Type::in_block(sum, less, plane), scale, _mm256_loadu_ps(s)));
}

// Eight rows of blocks of 256 values with a few columns.
template <typename Type, int COLUMNS>
static void stillroom_multiply_fused(
        const int blocks, const uint8_t * x, const stillroom_columns & y, float * s, const size_t bs) {
    const int64_t next = (int64_t) blocks*QK_K;
    for (int c = 0; c < COLUMNS; ++c) {
        _mm256_storeu_ps(s + c*bs, _mm256_setzero_ps());
    }
    for (int i = 0; i < blocks; ++i) {
        stillroom_plane plane;
        Type::unpack_scales(x, blocks, i, &plane);
        __m256i sums[COLUMNS];
        for (int c = 0; c < COLUMNS; ++c) {
            sums[c] = _mm256_setzero_si256();
        }
        const int8_t * values = y.values + (int64_t) i*QK_K;
        Type::template each_four<COLUMNS>(x, blocks, i, [&](const int line, const __m256i * weights) {
            const __m256i scale = plane.scales[4*line/Type::SCALED];
            for (int t = 0; t < Type::LINES; t += Type::TOGETHER) {
                const __m256i size = Type::SIGNED ? _mm256_abs_epi8(weights[t]) : weights[t];
                for (int c = 0; c < COLUMNS; ++c) {
                    const int8_t * four = values + c*next + 4*(line + t);
                    const __m256i first = stillroom_four(four);
                    __m256i twos = _mm256_maddubs_epi16(
                        size, Type::SIGNED ? _mm256_sign_epi8(first, weights[t]) : first);
                    for (int k = 1; k < Type::TOGETHER; ++k) {
                        twos = _mm256_add_epi16(
                            twos, _mm256_maddubs_epi16(weights[t + k], stillroom_four(four + 4*k)));
                    }
                    sums[c] = stillroom_add_pairs(sums[c], twos, scale);
                }
            }
        });
        for (int c = 0; c < COLUMNS; ++c) {
            stillroom_add_sum<Type>(sums[c], plane, y, (int64_t) c*blocks + i, s + c*bs);
        }
    }
}

// Planes of eight rows with COLUMNS of some columns, one block of them.
template <typename Type, int PLANES, int COLUMNS>
STILLROOM_APART static void stillroom_add_block(
        const stillroom_plane * planes, const int blocks, const int i, const stillroom_columns & y, float * totals) {
    __m256i sums[PLANES][COLUMNS];
    stillroom_multiply_planes<PLANES, COLUMNS, 4, Type::SCALED, Type::TOGETHER, Type::SIGNED>(
        planes, y.values + (int64_t) i*QK_K, (int64_t) blocks*QK_K, sums);
    for (int c = 0; c < COLUMNS; ++c) {
        for (int p = 0; p < PLANES; ++p) {
            stillroom_add_sum<Type>(
                sums[p][c], planes[p], y, (int64_t) c*blocks + i, totals + STILLROOM_ROWS*(PLANES*c + p));
        }
    }
}

// PLANES times eight rows with many columns: a block is unpacked once for all.
template <typename Type, int PLANES>
static void stillroom_multiply_unpacked(
        const int blocks, const uint8_t * x, const int columns, const stillroom_columns & y, float * s, const size_t bs) {
    const int64_t n = (int64_t) blocks*QK_K, bytes = blocks*sizeof(typename Type::block);
    // The results themselves lie far apart, many of them in few sets of the first cache.
    alignas(32) float totals[STILLROOM_UNPACKED*PLANES*STILLROOM_ROWS] = {};
    for (int i = 0; i < blocks; ++i) {
        stillroom_plane planes[PLANES];
        for (int p = 0; p < PLANES; ++p) {
            const uint8_t * rows = x + p*STILLROOM_ROWS*bytes;
            Type::unpack_scales(rows, blocks, i, planes + p);
            Type::template each_four<STILLROOM_UNPACKED>(rows, blocks, i, [&](const int line, const __m256i * weights) {
                for (int t = 0; t < Type::LINES; ++t) {
                    planes[p].weights[line + t] = weights[t];
                }
            });
        }
        for (int64_t c = 0, some; c < columns; c += some) {
            some = std::min<int64_t>(columns - c, 4);
            const stillroom_columns group = y.from(c*n, c*(n/Type::PART), c*blocks);
            float * to = totals + STILLROOM_ROWS*PLANES*c;
            switch (some) {
#define CASE(count) \
    case count: stillroom_add_block<Type, PLANES, count>(planes, blocks, i, group, to); break;
                CASE(1) CASE(2) CASE(3) CASE(4)
#undef CASE
            }
        }
    }
    for (int c = 0; c < columns; ++c) {
        memcpy(s + c*bs, totals + STILLROOM_ROWS*PLANES*c, STILLROOM_ROWS*PLANES*sizeof(float));
    }
}

// Rows of blocks of 256 values with all columns.
template <typename Type>
static void stillroom_multiply_blocks(
        const int blocks, const int rows, const uint8_t * x, const int columns, const stillroom_columns & y, float * s,
        const size_t bs) {
    const int64_t n = (int64_t) blocks*QK_K, bytes = blocks*sizeof(typename Type::block);
    for (int64_t c = 0, some; c < columns; c += some) {
        some = std::min<int64_t>(columns - c, STILLROOM_UNPACKED);
        const stillroom_columns group = y.from(c*n, c*(n/Type::PART), c*blocks);
        for (int64_t row = 0; row < rows; row += STILLROOM_ROWS) {
            const uint8_t * from = x + row*bytes;
            float * to = s + c*bs + row;
            switch (some) {
#define CASE(count) case count: stillroom_multiply_fused<Type, count>(blocks, from, group, to, bs); break;
                CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8)
#undef CASE
                default:
                    if (rows - row > STILLROOM_ROWS) {
                        stillroom_multiply_unpacked<Type, 2>(blocks, from, some, group, to, bs);
                        row += STILLROOM_ROWS;
                    } else {
                        stillroom_multiply_unpacked<Type, 1>(blocks, from, some, group, to, bs);
                    }
            }
        }
    }
}

#endif

#if STILLROOM_LANES == 16

// A block's product with a column, which is block `at` of all columns, added to what the blocks before it come to.
template <bool MINS>
static inline stillroom_floats stillroom_scaled(
        const stillroom_ints product, const stillroom_floats d, const uint8_t * halves, const stillroom_columns & y,
        const int64_t at, const stillroom_floats before) {
    const stillroom_floats scale = stillroom_times(d, stillroom_float(y.scales[at]));
    const stillroom_floats sum = stillroom_fused(stillroom_floats_of(product), scale, before);
    if (!MINS) {
        return sum;
    }
    const stillroom_floats column = _mm512_castsi512_ps(stillroom_int32(y.less[at]));
    return stillroom_fused(stillroom_halves(halves + STILLROOM_ROWS*sizeof(ggml_half)), column, sum);
}

#endif

#ifndef STILLROOM_PLANES

// The sum of the parts of a block, times their scales: integers where AMX adds them so for many columns.
#ifdef STILLROOM_TILES
using stillroom_parts = stillroom_ints;
static inline stillroom_parts stillroom_no_parts() { return _mm512_setzero_si512(); }
static inline stillroom_ints stillroom_part_scale(stillroom_floats, stillroom_ints scale) { return scale; }
static inline stillroom_parts stillroom_add_part(stillroom_ints product, stillroom_ints scale, stillroom_parts before) {
    return _mm512_add_epi32(before, _mm512_mullo_epi32(product, scale));
}
static inline stillroom_floats stillroom_of_parts(stillroom_parts sum, stillroom_floats d) {
    return stillroom_times(stillroom_floats_of(sum), d);
}
#else
using stillroom_parts = stillroom_floats;
static inline stillroom_parts stillroom_no_parts() { return stillroom_float(0); }
static inline stillroom_floats stillroom_part_scale(stillroom_floats d, stillroom_ints scale) {
    return stillroom_times(d, stillroom_floats_of(scale));
}
static inline stillroom_parts stillroom_add_part(stillroom_ints product, stillroom_floats scale, stillroom_parts before) {
    return stillroom_fused(stillroom_floats_of(product), scale, before);
}
static inline stillroom_floats stillroom_of_parts(stillroom_parts sum, stillroom_floats) { return sum; }
#endif

// What the mins of a block come to with a column, added to the block's sum.
static inline stillroom_floats stillroom_with_mins(
        const stillroom_ints * mins, const stillroom_floats dmin, const int32_t * pairs, const stillroom_floats sum) {
    stillroom_ints less = stillroom_int32(0);
    for (int pair = 0; pair < 4; ++pair) {
        less = stillroom_add_pairs(less, mins[pair], stillroom_int32(pairs[pair]));
    }
    return stillroom_fused(stillroom_floats_of(less), dmin, sum);
}

#endif

#ifdef STILLROOM_TILES

// What tiles of the types with blocks of 256 values have in common.
template <bool MINS> struct stillroom_in_tiles {
    static constexpr int TOTALS = 1;
    static constexpr bool WITH_MINS = MINS;

    static inline void add_tiles(
            const stillroom_ints sum, const stillroom_tiled_block & x, const int32_t * pairs, const float of_column,
            float * totals) {
        stillroom_floats in_block = stillroom_of_parts(sum, x.d);
        if (WITH_MINS) {
            in_block = stillroom_with_mins(x.pairs, x.dmin, pairs, in_block);
        }
        _mm512_store_ps(totals, stillroom_fused(in_block, stillroom_float(of_column), _mm512_load_ps(totals)));
    }

    static inline stillroom_floats of_tiles(const float * totals) { return _mm512_load_ps(totals); }
};

// Bases of the types below, nothing where there are no tiles.
using stillroom_tiles = stillroom_in_tiles<false>;
using stillroom_tiles_with_mins = stillroom_in_tiles<true>;

#else

struct stillroom_tiles {};
struct stillroom_tiles_with_mins {};

#endif

#if STILLROOM_LANES == 16

// A block of sixteen rows, unpacked for columns one after the other.
struct stillroom_unpacked {
    stillroom_ints weights[64];
    decltype(stillroom_part_scale(stillroom_floats(), stillroom_ints())) scales[16];  // of each part
    stillroom_floats d, dmin;  // dmin is negative: what mins come to is added
    stillroom_ints pairs[4];  // the mins of 64 values, of each row two in 32 bits
};

// SETS times sixteen rows with COLUMNS of some columns, one block of them. A column's values are loaded once for all sets.
template <typename Type, int SETS, int COLUMNS>
STILLROOM_APART static void stillroom_add_block(
        const stillroom_unpacked * x, const int blocks, const stillroom_columns & y, float * totals) {
    static constexpr int FOURS = Type::SCALED/4;
    const int64_t next = (int64_t) blocks*QK_K;
    stillroom_parts sums[COLUMNS][SETS];
    for (int c = 0; c < COLUMNS; ++c) {
        for (int k = 0; k < SETS; ++k) {
            sums[c][k] = stillroom_no_parts();
        }
    }
    for (int part = 0; part < QK_K/Type::SCALED; ++part) {
        stillroom_ints weights[SETS][FOURS];
        for (int k = 0; k < SETS; ++k) {
            for (int t = 0; t < FOURS; ++t) {
                weights[k][t] = x[k].weights[FOURS*part + t];
            }
        }
        STILLROOM_UNROLLED  // sums stay in registers
        for (int c = 0; c < COLUMNS; ++c) {
            stillroom_ints products[SETS];
            products[0] = stillroom_int32(Type::ADDED > 0 ? y.less[c*(next/Type::SCALED) + part] : 0);
            for (int k = 1; k < SETS; ++k) {
                products[k] = products[0];
            }
            STILLROOM_UNROLLED
            for (int t = 0; t < FOURS; ++t) {
                stillroom_ints four = stillroom_four(y.values + c*next + 4*(FOURS*part + t));
                STILLROOM_IN_REGISTER(four);
                for (int k = 0; k < SETS; ++k) {
                    products[k] = stillroom_add_fours(products[k], weights[k][t], four);
                }
            }
            for (int k = 0; k < SETS; ++k) {
                sums[c][k] = stillroom_add_part(products[k], x[k].scales[part], sums[c][k]);
            }
        }
    }
    for (int c = 0; c < COLUMNS; ++c) {
        const int64_t of_block = (int64_t) c*blocks;
        for (int k = 0; k < SETS; ++k) {
            stillroom_floats sum = stillroom_of_parts(sums[c][k], x[k].d);
            if (Type::MINS) {
                sum = stillroom_with_mins(x[k].pairs, x[k].dmin, y.less + 4*of_block, sum);
            }
            float * to = totals + (c*SETS + k)*STILLROOM_ROWS;
            stillroom_store(to, stillroom_fused(sum, stillroom_float(y.scales[of_block]), _mm512_load_ps(to)));
        }
    }
}

// SETS times sixteen rows with many columns: a block is unpacked once for all, and the next one fetched meanwhile.
template <typename Type, int SETS>
static void stillroom_multiply_unpacked(
        const int blocks, const uint8_t * x, const int columns, const stillroom_columns & y, float * s, const size_t bs) {
    const int64_t n = (int64_t) blocks*QK_K, bytes = STILLROOM_ROWS*blocks*(int64_t) sizeof(typename Type::block);
    const int fetched = GGML_PAD(Type::BYTES/((columns + 3)/4), 64);  // for each group of columns
    // The results themselves lie far apart, many of them in few sets of the first cache.
    alignas(64) float totals[STILLROOM_UNPACKED*SETS*STILLROOM_ROWS];
    memset(totals, 0, columns*SETS*STILLROOM_ROWS*sizeof(float));
    stillroom_unpacked sets[SETS];
    for (int i = 0; i < blocks; ++i) {
        for (int k = 0; k < SETS; ++k) {
            Type::unpack_block(x + k*bytes, blocks, i, sets[k]);
        }
        const uint8_t * next = i + 1 < blocks ? x + Type::values_at(blocks, i + 1) : x + SETS*bytes;
        for (int c = 0, some; c < columns; c += some, next += fetched) {
            some = std::min(columns - c, 4);
            for (int k = 0; k < SETS; ++k) {
                stillroom_read(next + k*bytes, fetched);
            }
            const stillroom_columns group =
                y.from(c*n + i*QK_K, (c*n + i*QK_K)/Type::PART, (int64_t) c*blocks + i);
            float * to = totals + c*SETS*STILLROOM_ROWS;
            switch (some) {
#define CASE(count) case count: stillroom_add_block<Type, SETS, count>(sets, blocks, group, to); break;
                CASE(1) CASE(2) CASE(3) CASE(4)
#undef CASE
            }
        }
    }
    for (int c = 0; c < columns; ++c) {
        memcpy(s + c*bs, totals + c*SETS*STILLROOM_ROWS, SETS*STILLROOM_ROWS*sizeof(float));
    }
}

// All rows with STILLROOM_UNPACKED columns at most.
template <typename Type>
static void stillroom_rows_unpacked(
        const int blocks, const int rows, const uint8_t * x, const int columns, const stillroom_columns & y, float * s,
        const size_t bs) {
    const int64_t bytes = blocks*sizeof(typename Type::block);
    int64_t row = 0;
    for (; row + 4*STILLROOM_ROWS <= rows; row += 4*STILLROOM_ROWS) {
        stillroom_multiply_unpacked<Type, 4>(blocks, x + row*bytes, columns, y, s + row, bs);
    }
    for (; row + 2*STILLROOM_ROWS <= rows; row += 2*STILLROOM_ROWS) {
        stillroom_multiply_unpacked<Type, 2>(blocks, x + row*bytes, columns, y, s + row, bs);
    }
    if (row < rows) {
        stillroom_multiply_unpacked<Type, 1>(blocks, x + row*bytes, columns, y, s + row, bs);
    }
}

#endif

#if STILLROOM_LANES == 16

// Columns in blocks of 32 values, from one of their blocks on.
struct stillroom_columns_of_32 {
    const int blocks;
    const stillroom_columns y;

    const int8_t * values(const int c, const int i) const { return y.values + 32*((int64_t) c*blocks + i); }
    int32_t less(const int c, const int i) const { return y.less[(int64_t) c*blocks + i]; }
    float scale(const int c, const int i) const { return y.scales[(int64_t) c*blocks + i]; }
    stillroom_columns_of_32 from(const int c) const { return at(c*blocks); }
    stillroom_columns_of_32 at(const int i) const { return {blocks, y.from(32*(int64_t) i, i, i)}; }
};

#endif

// Rows in blocks that have so many scales in 16 bits, eight blocks at a time (the last may be fewer): these of each, and behind
// them all else of each, so that memory is read in one stream.
template <typename Block, int WITH_HALVES> struct stillroom_eight_blocks {
    static constexpr int HALVES = WITH_HALVES*STILLROOM_ROWS*(int) sizeof(ggml_half);
    static constexpr int BYTES = STILLROOM_ROWS*(int) sizeof(Block) - HALVES;

    static int64_t halves_at(const int i) { return first(i)*(int64_t) BYTES + i*(int64_t) HALVES; }
    static int64_t values_at(const int blocks, const int i) {
        return std::min(blocks, first(i) + STILLROOM_AT_ONCE)*(int64_t) HALVES + i*(int64_t) BYTES;
    }
    static int first(const int i) { return i & -STILLROOM_AT_ONCE; }

    // Calls `use` with the place of each block, where its scales are and where its values.
    template <int COLUMNS = STILLROOM_GROUP, typename Use>
    static inline void each(const int blocks, const uint8_t * x, const Use & use) {
        for (int begin = 0; begin < blocks; begin += STILLROOM_AT_ONCE) {
            const int count = blocks - begin < STILLROOM_AT_ONCE ? blocks - begin : STILLROOM_AT_ONCE;
            const uint8_t * halves = x;
            stillroom_ahead<COLUMNS>(halves, STILLROOM_AT_ONCE*HALVES);
            x += count*HALVES;
            for (int i = begin; i < begin + count; ++i, halves += HALVES, x += BYTES) {
                stillroom_ahead<COLUMNS>(x, BYTES);
                use(i, halves, x);
            }
        }
    }
};

// Scales, [block][row]; values, [block][8][row][4].
struct stillroom_q8_0 : stillroom_eight_blocks<block_q8_0, 1> {
    using block = block_q8_0;
    static constexpr int BLOCK = QK8_0, PART = QK8_0, ADDED = STILLROOM_ADDED;
    static constexpr ggml_type COLUMN_TYPE = GGML_TYPE_Q8_0;
    static constexpr bool MINS = false;

#ifdef STILLROOM_TILES

    // Sixteen rows with nothing added: [block][8][row][4].
    static void unpack_lines(const int blocks, const uint8_t * x, uint8_t * out) {
        each(blocks, x, [&](const int, const uint8_t *, const uint8_t * values) {
            for (int t = 0; t < 8; ++t, out += STILLROOM_LINE) {
                const stillroom_ints line = stillroom_load(values + t*STILLROOM_LINE);
                _mm512_store_si512(out, _mm512_xor_si512(line, stillroom_int8(-128)));
            }
        });
    }

#endif

    static void repack(const block * rows, const int blocks, uint8_t * out) {
        for (int i = 0; i < blocks; ++i) {
            uint8_t * halves = out + halves_at(i), * to = out + values_at(blocks, i);
            for (int row = 0; row < STILLROOM_ROWS; ++row) {
                const block & from = rows[(int64_t) row*blocks + i];
                memcpy(halves + row*sizeof(ggml_half), &from.d, sizeof(ggml_half));
                for (int four = 0; four < 8; ++four) {
                    uint32_t bytes;
                    memcpy(&bytes, from.qs + 4*four, sizeof(bytes));
                    bytes ^= ADDED*0x01010101u;
                    memcpy(to + four*STILLROOM_LINE + 4*row, &bytes, sizeof(bytes));
                }
            }
        }
    }

    static void prepare(const char * quantised, const int blocks, int8_t * values, int32_t * less, float * scales) {
        const block_q8_0 * column = reinterpret_cast<const block_q8_0 *>(quantised);
        for (int i = 0; i < blocks; ++i) {
            int sum = 0;
            for (int k = 0; k < QK8_0; ++k) {
                sum += column[i].qs[k];
            }
            memcpy(values + i*QK8_0, column[i].qs, QK8_0);
            less[i] = -ADDED*sum;
            scales[i] = GGML_CPU_FP16_TO_FP32(column[i].d);
        }
    }

#ifdef STILLROOM_PLANES

    template <int COLUMNS>
    static void multiply(const int blocks, const uint8_t * x, const stillroom_columns & y, float * s, const size_t bs) {
        const int64_t next = (int64_t) blocks*BLOCK;
        const __m256i ones = _mm256_set1_epi16(1);
        __m256 totals[COLUMNS];
        for (int c = 0; c < COLUMNS; ++c) {
            totals[c] = _mm256_setzero_ps();
        }
        each<COLUMNS>(blocks, x, [&](const int i, const uint8_t * halves, const uint8_t * qs) {
            __m256i sums[COLUMNS];
            STILLROOM_UNROLLED
            for (int t = 0; t < 8; ++t) {
                // Few registers: some weights at a time for all columns, not a column at a time for all weights.
                __m256i weights = stillroom_load(qs + t*STILLROOM_LINE);
                STILLROOM_IN_REGISTER(weights);
                const __m256i sizes = _mm256_abs_epi8(weights);
                for (int c = 0; c < COLUMNS; ++c) {
                    const __m256i four = stillroom_four(y.values + c*next + i*BLOCK + 4*t);
                    const __m256i twos = _mm256_maddubs_epi16(sizes, _mm256_sign_epi8(four, weights));
                    const __m256i fours = _mm256_madd_epi16(twos, ones);
                    sums[c] = t == 0 ? fours : _mm256_add_epi32(sums[c], fours);
                }
            }
            const __m256 d = stillroom_halves(halves);
            for (int c = 0; c < COLUMNS; ++c) {
                const __m256 scale = _mm256_mul_ps(d, _mm256_set1_ps(y.scales[(int64_t) c*blocks + i]));
                totals[c] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums[c]), scale, totals[c]);
            }
        });
        for (int c = 0; c < COLUMNS; ++c) {
            _mm256_storeu_ps(s + c*bs, totals[c]);
        }
    }

#else

    template <int COLUMNS>
    static void multiply(const int blocks, const uint8_t * x, const stillroom_columns & y, float * s, const size_t bs) {
        stillroom_floats sums[COLUMNS];
        for (int c = 0; c < COLUMNS; ++c) {
            sums[c] = stillroom_float(0);
        }
        each<COLUMNS>(blocks, x, [&](const int i, const uint8_t * halves, const uint8_t * qs) {
            stillroom_ints weights[8];
            for (int t = 0; t < 8; ++t) {
                weights[t] = stillroom_load(qs + t*STILLROOM_LINE);
            }
            const stillroom_floats d = stillroom_halves(halves);
            stillroom_products<COLUMNS, 8>(
                weights, y.values + i*BLOCK, (int64_t) blocks*BLOCK,
                [&](const int c) { return stillroom_int32(y.less[c*blocks + i]); },
                [&](const int c, const stillroom_ints product) {
                    const stillroom_floats scale = stillroom_times(d, stillroom_float(y.scales[c*blocks + i]));
                    sums[c] = stillroom_fused(stillroom_floats_of(product), scale, sums[c]);
                });
        });
        for (int c = 0; c < COLUMNS; ++c) {
            stillroom_store(s + c*bs, sums[c]);
        }
    }

#if STILLROOM_LANES == 16

    // SETS times sixteen rows with many columns.
    template <int SETS>
    static void multiply_many(
            const int blocks, const uint8_t * x, const int columns, const stillroom_columns & y, float * s, const size_t bs) {
        const int64_t bytes = STILLROOM_ROWS*blocks*(int64_t) sizeof(block);
        // The results themselves lie far apart, many of them in few sets of the first cache.
        alignas(64) float totals[STILLROOM_UNPACKED*SETS*STILLROOM_ROWS];
        memset(totals, 0, columns*SETS*STILLROOM_ROWS*sizeof(float));
        for (int first = 0, count; first < blocks; first += count) {
            count = std::min(blocks - first, STILLROOM_AT_ONCE);
            __m512 d[SETS][STILLROOM_AT_ONCE];
            for (int k = 0; k < SETS; ++k) {
                for (int i = 0; i < count; ++i) {
                    d[k][i] = stillroom_halves(x + k*bytes + halves_at(first + i));
                }
            }
            const uint8_t * weights = x + values_at(blocks, first);
            const uint8_t * coming = first + count < blocks ? x + halves_at(first + count) : x + SETS*bytes;
            stillroom_thirty_twos<SETS, SETS>(
                count, weights, bytes, d[0], columns, stillroom_columns_of_32{blocks, y}.at(first), totals, coming, bytes,
                (int) halves_at(STILLROOM_AT_ONCE));
        }
        for (int c = 0; c < columns; ++c) {
            memcpy(s + c*bs, totals + c*SETS*STILLROOM_ROWS, SETS*STILLROOM_ROWS*sizeof(float));
        }
    }

#endif

#endif
};

#if STILLROOM_LANES == 16

// d, with Q4_1 d and the least value, [block][1 or 2][row]; values, [block][4][row][4]: a byte holds what lies 16 values apart.
// The sum of a column's block, times its scale, stands in `less` with Q4_1, as a float.
template <typename Block, bool WITH_MINS> struct stillroom_q4 : stillroom_eight_blocks<Block, WITH_MINS ? 2 : 1> {
    using blocks_of_rows = typename stillroom_q4::stillroom_eight_blocks;
    using blocks_of_rows::halves_at;
    using blocks_of_rows::values_at;
    using block = Block;
    static constexpr int BLOCK = QK4_0, PART = QK4_0, ADDED = WITH_MINS ? 0 : 8;
    static constexpr ggml_type COLUMN_TYPE = WITH_MINS ? GGML_TYPE_Q8_1 : GGML_TYPE_Q8_0;
    static constexpr bool MINS = WITH_MINS;

    static void repack(const block * rows, const int blocks, uint8_t * out) {
        for (int i = 0; i < blocks; ++i) {
            uint8_t * to_halves = out + halves_at(i), * values = out + values_at(blocks, i);
            for (int row = 0; row < STILLROOM_ROWS; ++row) {
                const block & from = rows[(int64_t) row*blocks + i];
                ggml_half halves[2];
                memcpy(halves, &from, sizeof(block) - sizeof(from.qs));
                for (int half = 0; half < 1 + MINS; ++half) {
                    memcpy(to_halves + (half*STILLROOM_ROWS + row)*sizeof(ggml_half), halves + half, sizeof(ggml_half));
                }
                for (int four = 0; four < 4; ++four) {
                    memcpy(values + four*STILLROOM_LINE + 4*row, from.qs + 4*four, 4);
                }
            }
        }
    }

    static void prepare(const char * quantised, const int blocks, int8_t * values, int32_t * less, float * scales) {
        using column_block = std::conditional_t<MINS, block_q8_1, block_q8_0>;
        const auto * column = reinterpret_cast<const column_block *>(quantised);
        for (int i = 0; i < blocks; ++i) {
            memcpy(values + i*BLOCK, column[i].qs, BLOCK);
            ggml_half halves[2];  // the scale, and the sum
            memcpy(halves, column + i, sizeof(column_block) - BLOCK);
            scales[i] = GGML_CPU_FP16_TO_FP32(halves[0]);
            if constexpr (MINS) {
                const float sum = GGML_CPU_FP16_TO_FP32(halves[1]);
                memcpy(less + i, &sum, sizeof(sum));
            } else {
                int sum = 0;
                for (int k = 0; k < BLOCK; ++k) {
                    sum += column[i].qs[k];
                }
                less[i] = -ADDED*sum;
            }
        }
    }

    static inline void unpack(const uint8_t * packed, stillroom_ints * weights) {
        for (int t = 0; t < 4; ++t) {
            const stillroom_ints both = stillroom_load(packed + t*STILLROOM_LINE);
            weights[t] = stillroom_and(both, stillroom_int8(0x0F));
            weights[t + 4] = stillroom_and(stillroom_right(both, 4), stillroom_int8(0x0F));
        }
    }

#ifdef STILLROOM_TILES

    // Sixteen rows unpacked, with nothing added: [block][8][row][4].
    static void unpack_lines(const int blocks, const uint8_t * x, uint8_t * out) {
        blocks_of_rows::each(blocks, x, [&](const int, const uint8_t *, const uint8_t * values) {
            stillroom_ints weights[8];
            unpack(values, weights);
            for (int t = 0; t < 8; ++t, out += STILLROOM_LINE) {
                _mm512_store_si512(out, _mm512_sub_epi8(weights[t], stillroom_int8(ADDED)));
            }
        });
    }

#endif

    template <int COLUMNS>
    static void multiply(const int blocks, const uint8_t * x, const stillroom_columns & y, float * s, const size_t bs) {
        stillroom_floats sums[COLUMNS];
        for (int c = 0; c < COLUMNS; ++c) {
            sums[c] = stillroom_float(0);
        }
        blocks_of_rows::template each<COLUMNS>(blocks, x, [&](const int i, const uint8_t * halves, const uint8_t * values) {
            stillroom_ints weights[8];
            unpack(values, weights);
            const stillroom_floats d = stillroom_halves(halves);
            stillroom_products<COLUMNS, 8>(
                weights, y.values + i*BLOCK, (int64_t) blocks*BLOCK,
                [&](const int c) { return stillroom_int32(MINS ? 0 : y.less[c*blocks + i]); },
                [&](const int c, const stillroom_ints product) {
                    sums[c] = stillroom_scaled<MINS>(product, d, halves, y, c*blocks + i, sums[c]);
                });
        });
        for (int c = 0; c < COLUMNS; ++c) {
            stillroom_store(s + c*bs, sums[c]);
        }
    }
};

using stillroom_q4_0 = stillroom_q4<block_q4_0, false>;
using stillroom_q4_1 = stillroom_q4<block_q4_1, true>;

#endif

// A column whose values are summed by VALUES, 16 or 32, for weights that get `ADDED` added.
template <int VALUES, int ADDED>
static void stillroom_prepare_less(
        const char * quantised, const int blocks, int8_t * values, int32_t * less, float * scales) {
    const block_q8_K * column = reinterpret_cast<const block_q8_K *>(quantised);
    for (int i = 0; i < blocks; ++i) {
        memcpy(values + i*QK_K, column[i].qs, QK_K);
        for (int part = 0; part < QK_K/VALUES; ++part) {
            const int16_t * sums = column[i].bsums + part*(VALUES/16);
            less[QK_K/VALUES*i + part] = -ADDED*(VALUES == 16 ? sums[0] : sums[0] + sums[1]);
        }
        scales[i] = column[i].d;
    }
}

// A column with the sums of VALUES values each, 16 or 32, two in 32 bits.
template <int VALUES>
static void stillroom_prepare_pairs(
        const char * quantised, const int blocks, int8_t * values, int32_t * sums, float * scales) {
    const block_q8_K * column = reinterpret_cast<const block_q8_K *>(quantised);
    for (int i = 0; i < blocks; ++i) {
        memcpy(values + i*QK_K, column[i].qs, QK_K);
        const __m128i * sixteens = reinterpret_cast<const __m128i *>(column[i].bsums);
        if (VALUES == 16) {
            memcpy(sums + 8*i, sixteens, 32);
        } else {
            _mm_storeu_si128(
                reinterpret_cast<__m128i *>(sums + 4*i),
                _mm_hadd_epi16(_mm_loadu_si128(sixteens), _mm_loadu_si128(sixteens + 1)));
        }
        scales[i] = column[i].d;
    }
}

// d, [block][row]; then of each block: scales, [16][row]; of each 64 values the high two bits, [4][row][4],
// and the low four, [8][row][4]. Of sixteen fours of values, those 4 apart share high bits and those 8 apart low ones.
struct stillroom_q6_K : stillroom_tiles, stillroom_eight_blocks<block_q6_K, 1> {
    using block = block_q6_K;
#ifdef STILLROOM_PLANES
    static constexpr int BLOCK = QK_K, PART = 32, SCALED = 16, TOGETHER = 2, LINES = 2;
    static constexpr bool SIGNED = false;
#else
    static constexpr int BLOCK = QK_K, PART = 16, SCALED = 16, ADDED = 32;
    static constexpr bool MINS = false;
#endif
    static constexpr ggml_type COLUMN_TYPE = GGML_TYPE_Q8_K;
    static constexpr int HIGH = 16*STILLROOM_ROWS, CHUNK = 12*STILLROOM_LINE;

    static void repack(const block * rows, const int blocks, uint8_t * out) {
        for (int i = 0; i < blocks; ++i) {
            uint8_t * halves = out + halves_at(i), * to = out + values_at(blocks, i);
            for (int row = 0; row < STILLROOM_ROWS; ++row) {
                const block & from = rows[(int64_t) row*blocks + i];
                memcpy(halves + row*sizeof(ggml_half), &from.d, sizeof(ggml_half));
                for (int part = 0; part < 16; ++part) {
                    to[part*STILLROOM_ROWS + row] = (uint8_t) from.scales[part];
                }
                uint8_t values[QK_K];
                for (int k = 0; k < QK_K; k += 32) {
                    const int half = k/128, quarter = k%128/32;
                    for (int l = 0; l < 32; ++l) {
                        const int low = from.ql[64*half + 32*(quarter%2) + l] >> (quarter/2*4) & 15;
                        values[k + l] = (uint8_t) (low | (from.qh[32*half + l] >> 2*quarter & 3) << 4);
                    }
                }
                for (int chunk = 0; chunk < 4; ++chunk) {
                    const uint8_t * v = values + 64*chunk;
                    uint8_t packed[48];
                    for (int k = 0; k < 16; ++k) {
                        packed[k] = (uint8_t) (
                            v[k] >> 4 | v[k + 16] >> 4 << 2 | v[k + 32] >> 4 << 4 | v[k + 48] >> 4 << 6);
                    }
                    for (int k = 0; k < 32; ++k) {
                        packed[16 + k] = (uint8_t) ((v[k] & 15) | v[k + 32] << 4);
                    }
                    for (int four = 0; four < 12; ++four) {
                        memcpy(to + HIGH + chunk*CHUNK + four*STILLROOM_LINE + 4*row, packed + 4*four, 4);
                    }
                }
            }
        }
    }

    // Four values of each row in that quarter of 64.
    static inline stillroom_ints weights_of(const uint8_t * low, const uint8_t * high, const int part, const int t) {
        const stillroom_ints four = stillroom_load(low + (4*(part%2) + t)*STILLROOM_LINE);
        const stillroom_ints two = stillroom_load(high + t*STILLROOM_LINE);
        return stillroom_or(
            stillroom_and(part < 2 ? four : stillroom_right(four, 4), stillroom_int8(0x0F)),
            stillroom_and(
                part < 2 ? stillroom_left(two, 4 - 2*part) : stillroom_right(two, 2*part - 4), stillroom_int8(0x30)));
    }

#ifdef STILLROOM_PLANES

    static void prepare(const char * quantised, const int blocks, int8_t * values, int32_t * sums, float * scales) {
        stillroom_prepare_pairs<16>(quantised, blocks, values, sums, scales);
    }

    template <int COLUMNS, typename Use>
    static inline void each_four(const uint8_t * x, const int blocks, const int i, const Use & use) {
        const uint8_t * rows = x + values_at(blocks, i);
        stillroom_ahead<COLUMNS>(rows, BYTES);
        const __m256i four_bits = _mm256_set1_epi8(0x0F), two_bits = _mm256_set1_epi8(0x30);
        for (int chunk = 0; chunk < 4; ++chunk) {
            STILLROOM_UNROLLED
            for (int t = 0; t < 4; t += 2) {
                const uint8_t * high = rows + HIGH + chunk*CHUNK + t*STILLROOM_LINE, * low = high + 4*STILLROOM_LINE;
                const __m256i two[2] = {stillroom_load(high), stillroom_load(high + STILLROOM_LINE)};
                STILLROOM_UNROLLED
                for (int odd = 0; odd < 2; ++odd) {
                    const uint8_t * of_parts = low + 4*odd*STILLROOM_LINE;
                    const __m256i four[2] = {stillroom_load(of_parts), stillroom_load(of_parts + STILLROOM_LINE)};
                    STILLROOM_UNROLLED
                    for (int half = 0; half < 2; ++half) {
                        __m256i weights[2];
                        for (int k = 0; k < 2; ++k) {
                            weights[k] = _mm256_or_si256(
                                _mm256_and_si256(half == 0 ? four[k] : _mm256_srli_epi16(four[k], 4), four_bits),
                                _mm256_and_si256(stillroom_shifted(two[k], 4 - 2*odd - 4*half), two_bits));
                        }
                        use(16*chunk + 4*odd + 8*half + t, weights);
                    }
                }
            }
        }
    }

    static inline void unpack_scales(const uint8_t * x, const int blocks, const int i, stillroom_plane * plane) {
        const uint8_t * rows = x + values_at(blocks, i);
        for (int part = 0; part < 16; part += 2) {
            const __m128i two = stillroom_two_parts(rows + part*STILLROOM_ROWS);
            stillroom_each_twice<true>(two, plane->scales + part);
            plane->pairs[part/2] = stillroom_in_pairs<true>(two);
        }
        plane->d = stillroom_halves(x + halves_at(i));
    }

    // 32 is added to each weight.
    static inline __m256 in_block(const __m256i sum, const __m256i less, const stillroom_plane & plane) {
        return stillroom_times(stillroom_floats_of(stillroom_minus(sum, stillroom_left_32(less, 5))), plane.d);
    }

#else

    static void prepare(const char * quantised, const int blocks, int8_t * values, int32_t * less, float * scales) {
        stillroom_prepare_less<16, ADDED>(quantised, blocks, values, less, scales);
    }

    template <int COLUMNS>
    static void multiply(const int blocks, const uint8_t * x, const stillroom_columns & y, float * s, const size_t bs) {
        stillroom_floats sums[COLUMNS];
        for (int c = 0; c < COLUMNS; ++c) {
            sums[c] = stillroom_float(0);
        }
        for (int i = 0; i < blocks; ++i) {
            const uint8_t * block_of_rows = x + values_at(blocks, i);
            const stillroom_floats d = stillroom_halves(x + halves_at(i));
            stillroom_parts in_block[COLUMNS];
            for (int c = 0; c < COLUMNS; ++c) {
                in_block[c] = stillroom_no_parts();
            }
            stillroom_ahead<COLUMNS>(block_of_rows, HIGH);
            for (int chunk = 0; chunk < 4; ++chunk) {
                const uint8_t * high = block_of_rows + HIGH + chunk*CHUNK;
                const uint8_t * low = high + 4*STILLROOM_LINE;
                stillroom_ahead<COLUMNS>(high, CHUNK);
                for (int part = 0; part < 4; ++part) {
                    stillroom_ints weights[4];
                    for (int t = 0; t < 4; ++t) {
                        weights[t] = weights_of(low, high, part, t);
                    }
                    const __m128i scales = stillroom_bytes(block_of_rows + (4*chunk + part)*STILLROOM_ROWS);
                    const auto scale = stillroom_part_scale(d, stillroom_signed(scales));
                    stillroom_products<COLUMNS, 4>(
                        weights, y.values + i*BLOCK + 64*chunk + 16*part, (int64_t) blocks*BLOCK,
                        [&](const int c) { return stillroom_int32(y.less[((int64_t) c*blocks + i)*16 + 4*chunk + part]); },
                        [&](const int c, const stillroom_ints product) {
                            in_block[c] = stillroom_add_part(product, scale, in_block[c]);
                        });
                }
            }
            for (int c = 0; c < COLUMNS; ++c) {
                sums[c] = stillroom_fused(
                    stillroom_of_parts(in_block[c], d), stillroom_float(y.scales[(int64_t) c*blocks + i]), sums[c]);
            }
        }
        for (int c = 0; c < COLUMNS; ++c) {
            stillroom_store(s + c*bs, sums[c]);
        }
    }

#if STILLROOM_LANES == 16

    static inline void unpack_block(const uint8_t * x, const int blocks, const int i, stillroom_unpacked & to) {
        const uint8_t * rows = x + values_at(blocks, i);
        const stillroom_floats d = stillroom_halves(x + halves_at(i));
        for (int chunk = 0; chunk < 4; ++chunk) {
            const uint8_t * high = rows + HIGH + chunk*CHUNK;
            const uint8_t * low = high + 4*STILLROOM_LINE;
            for (int part = 0; part < 4; ++part) {
                const __m128i scales = stillroom_bytes(rows + (4*chunk + part)*STILLROOM_ROWS);
                to.scales[4*chunk + part] = stillroom_part_scale(d, stillroom_signed(scales));
                for (int t = 0; t < 4; ++t) {
                    to.weights[16*chunk + 4*part + t] = weights_of(low, high, part, t);
                }
            }
        }
        to.d = d;
    }

#endif

#ifdef STILLROOM_TILES

    static void unpack_tiles(const uint8_t * x, const int blocks, const int i, stillroom_tiled_block & to) {
        const uint8_t * rows = x + values_at(blocks, i);
        stillroom_ahead(rows, BYTES);
        for (int chunk = 0; chunk < 4; ++chunk) {
            const uint8_t * high = rows + HIGH + chunk*CHUNK;
            const uint8_t * low = high + 4*STILLROOM_LINE;
            for (int part = 0; part < 4; ++part) {
                const stillroom_ints scales =
                    stillroom_each_twice(stillroom_bytes(rows + (4*chunk + part)*STILLROOM_ROWS));
                for (int t = 0; t < 4; ++t) {
                    const stillroom_ints weights =
                        _mm512_sub_epi8(weights_of(low, high, part, t), stillroom_int8(ADDED));
                    to.put(16*chunk + 4*part + t, weights, scales);
                }
            }
        }
        to.d = stillroom_halves(x + halves_at(i));
    }

#endif

#endif
};

// d and dmin, [block][2][row]; then of each block: scales and mins as a block of one row has them, [12][row];
// the high bits, [8][row][4]; the low four, [4][8][row][4]: a byte holds what lies 32 values apart. Weights are positive as
// they are; `less` has the sums of a column's values for the mins instead, those of 32 values each, two in 32 bits.
struct stillroom_q5_K : stillroom_tiles_with_mins, stillroom_eight_blocks<block_q5_K, 2> {
    using block = block_q5_K;
    static constexpr int BLOCK = QK_K, PART = 64, SCALED = 32, ADDED = 0, TOGETHER = 4, LINES = 4;
    static constexpr bool SIGNED = false, MINS = true;
    static constexpr ggml_type COLUMN_TYPE = GGML_TYPE_Q8_K;
    static constexpr int HIGH = 12*STILLROOM_ROWS, LOW = HIGH + 32*STILLROOM_ROWS;

    static void repack(const block * rows, const int blocks, uint8_t * out) {
        for (int i = 0; i < blocks; ++i) {
            uint8_t * halves = out + halves_at(i), * to = out + values_at(blocks, i);
            for (int row = 0; row < STILLROOM_ROWS; ++row) {
                const block & from = rows[(int64_t) row*blocks + i];
                for (int half = 0; half < 2; ++half) {
                    memcpy(
                        halves + (half*STILLROOM_ROWS + row)*sizeof(ggml_half),
                        reinterpret_cast<const ggml_half *>(&from) + half, sizeof(ggml_half));
                }
                for (int k = 0; k < 12; ++k) {
                    to[k*STILLROOM_ROWS + row] = from.scales[k];
                }
                for (int four = 0; four < 8; ++four) {
                    memcpy(to + HIGH + four*STILLROOM_LINE + 4*row, from.qh + 4*four, 4);
                }
                for (int four = 0; four < 32; ++four) {
                    memcpy(to + LOW + four*STILLROOM_LINE + 4*row, from.qs + 4*four, 4);
                }
            }
        }
    }

    static void prepare(const char * quantised, const int blocks, int8_t * values, int32_t * sums, float * scales) {
        stillroom_prepare_pairs<32>(quantised, blocks, values, sums, scales);
    }

    // The scales and the mins of the rows, of each 32 values.
    static void unpack(const uint8_t * x, __m128i * scales, __m128i * mins) {
        const __m128i six = _mm_set1_epi8(0x3F), four = _mm_set1_epi8(0x0F), two = _mm_set1_epi8(0x30);
        for (int k = 0; k < 4; ++k) {
            const __m128i scale = stillroom_bytes(x + k*STILLROOM_ROWS);
            const __m128i min = stillroom_bytes(x + (4 + k)*STILLROOM_ROWS);
            const __m128i both = stillroom_bytes(x + (8 + k)*STILLROOM_ROWS);
            scales[k] = _mm_and_si128(scale, six);
            mins[k] = _mm_and_si128(min, six);
            scales[4 + k] = _mm_or_si128(
                _mm_and_si128(both, four), _mm_and_si128(_mm_srli_epi16(scale, 2), two));
            mins[4 + k] = _mm_or_si128(
                _mm_and_si128(_mm_srli_epi16(both, 4), four), _mm_and_si128(_mm_srli_epi16(min, 2), two));
        }
    }

    // Four values of each row in that part of 32; there is no case for each part, as loops over parts stay loops.
    static inline stillroom_ints weights_of(const uint8_t * rows, const int part, const int t) {
        const stillroom_ints both = stillroom_load(rows + LOW + (8*(part/2) + t)*STILLROOM_LINE);
        const stillroom_ints high = stillroom_load(rows + HIGH + t*STILLROOM_LINE);
        return stillroom_or(
            stillroom_and(stillroom_right_by(both, _mm_cvtsi32_si128(part%2*4)), stillroom_int8(0x0F)),
            stillroom_and(
                stillroom_left(stillroom_right_by(high, _mm_cvtsi32_si128(part)), 4), stillroom_int8(0x10)));
    }

#ifdef STILLROOM_PLANES

    template <int COLUMNS, typename Use>
    static inline void each_four(const uint8_t * x, const int blocks, const int i, const Use & use) {
        const uint8_t * rows = x + values_at(blocks, i);
        stillroom_ahead<COLUMNS>(rows, BYTES);
        if constexpr (COLUMNS > STILLROOM_FEW) {
            for (int part = 0; part < 8; ++part) {
                for (int half = 0; half < 8; half += 4) {
                    __m256i weights[4];
                    for (int t = 0; t < 4; ++t) {
                        weights[t] = weights_of(rows, part, half + t);
                    }
                    use(8*part + half, weights);
                }
            }
        } else {
            const __m256i four_bits = _mm256_set1_epi8(0x0F), bit = _mm256_set1_epi8(0x10);
            STILLROOM_UNROLLED
            for (int pair = 0; pair < 4; ++pair) {
                for (int half = 0; half < 8; half += 4) {
                    __m256i first[4], second[4];
                    for (int t = half; t < half + 4; ++t) {
                        const __m256i both = stillroom_load(rows + LOW + (8*pair + t)*STILLROOM_LINE);
                        const __m256i high = stillroom_load(rows + HIGH + t*STILLROOM_LINE);
                        first[t - half] = _mm256_or_si256(
                            _mm256_and_si256(both, four_bits),
                            _mm256_and_si256(stillroom_shifted(high, 4 - 2*pair), bit));
                        second[t - half] = _mm256_or_si256(
                            _mm256_and_si256(_mm256_srli_epi16(both, 4), four_bits),
                            _mm256_and_si256(stillroom_shifted(high, 3 - 2*pair), bit));
                    }
                    use(16*pair + half, first);
                    use(16*pair + 8 + half, second);
                }
            }
        }
    }

    static inline void unpack_scales(const uint8_t * x, const int blocks, const int i, stillroom_plane * plane) {
        const uint8_t * rows = x + values_at(blocks, i);
        const __m128i six = _mm_set1_epi8(0x3F), four = _mm_set1_epi8(0x0F), two = _mm_set1_epi8(0x30);
        for (int part = 0; part < 4; part += 2) {
            const __m128i scale = stillroom_two_parts(rows + part*STILLROOM_ROWS);
            const __m128i min = stillroom_two_parts(rows + (4 + part)*STILLROOM_ROWS);
            const __m128i both = stillroom_two_parts(rows + (8 + part)*STILLROOM_ROWS);
            stillroom_each_twice<false>(_mm_and_si128(scale, six), plane->scales + part);
            stillroom_each_twice<false>(
                _mm_or_si128(_mm_and_si128(both, four), _mm_and_si128(_mm_srli_epi16(scale, 2), two)),
                plane->scales + 4 + part);
            plane->pairs[part/2] = stillroom_in_pairs<false>(_mm_and_si128(min, six));
            plane->pairs[2 + part/2] = stillroom_in_pairs<false>(_mm_or_si128(
                _mm_and_si128(_mm_srli_epi16(both, 4), four), _mm_and_si128(_mm_srli_epi16(min, 2), two)));
        }
        plane->d = stillroom_halves(x + halves_at(i));
        plane->dmin = stillroom_halves(x + halves_at(i) + HALVES/2);
    }

    static inline __m256 in_block(const __m256i sum, const __m256i less, const stillroom_plane & plane) {
        return _mm256_fnmadd_ps(
            stillroom_floats_of(less), plane.dmin, stillroom_times(stillroom_floats_of(sum), plane.d));
    }

#else

    template <int COLUMNS>
    static void multiply(const int blocks, const uint8_t * x, const stillroom_columns & y, float * s, const size_t bs) {
        stillroom_floats sums[COLUMNS];
        for (int c = 0; c < COLUMNS; ++c) {
            sums[c] = stillroom_float(0);
        }
        for (int i = 0; i < blocks; ++i) {
            const uint8_t * block_of_rows = x + values_at(blocks, i);
            const stillroom_floats d = stillroom_halves(x + halves_at(i));
            const stillroom_floats dmin =
                stillroom_times(stillroom_float(-1), stillroom_halves(x + halves_at(i) + HALVES/2));
            __m128i scales[8], mins[8];
            unpack(block_of_rows, scales, mins);
            stillroom_parts in_block[COLUMNS];
            for (int c = 0; c < COLUMNS; ++c) {
                in_block[c] = stillroom_no_parts();
            }
            stillroom_ahead<COLUMNS>(block_of_rows, LOW);
            for (int part = 0; part < 8; ++part) {
                if (part%2 == 0) {
                    stillroom_ahead<COLUMNS>(block_of_rows + LOW + 4*part*STILLROOM_LINE, 8*STILLROOM_LINE);
                }
                stillroom_ints weights[8];
                for (int t = 0; t < 8; ++t) {
                    weights[t] = weights_of(block_of_rows, part, t);
                }
                const auto scale = stillroom_part_scale(d, stillroom_unsigned(scales[part]));
                stillroom_products<COLUMNS, 8>(
                    weights, y.values + i*BLOCK + 32*part, (int64_t) blocks*BLOCK,
                    [](int) { return stillroom_int32(0); },
                    [&](const int c, const stillroom_ints product) {
                        in_block[c] = stillroom_add_part(product, scale, in_block[c]);
                    });
            }
            stillroom_ints pairs[4];  // the mins of 64 values, of each row two in 32 bits
            for (int pair = 0; pair < 4; ++pair) {
                pairs[pair] = stillroom_side_by_side(mins[2*pair], mins[2*pair + 1]);
            }
            for (int c = 0; c < COLUMNS; ++c) {
                const int64_t of_block = (int64_t) c*blocks + i;
                const stillroom_floats sum =
                    stillroom_with_mins(pairs, dmin, y.less + 4*of_block, stillroom_of_parts(in_block[c], d));
                sums[c] = stillroom_fused(sum, stillroom_float(y.scales[of_block]), sums[c]);
            }
        }
        for (int c = 0; c < COLUMNS; ++c) {
            stillroom_store(s + c*bs, sums[c]);
        }
    }

#if STILLROOM_LANES == 16

    static inline void unpack_block(const uint8_t * x, const int blocks, const int i, stillroom_unpacked & to) {
        const uint8_t * rows = x + values_at(blocks, i);
        const stillroom_floats d = stillroom_halves(x + halves_at(i));
        __m128i scales[8], mins[8];
        unpack(rows, scales, mins);
        for (int part = 0; part < 8; ++part) {
            to.scales[part] = stillroom_part_scale(d, stillroom_unsigned(scales[part]));
            for (int t = 0; t < 8; ++t) {
                to.weights[8*part + t] = weights_of(rows, part, t);
            }
        }
        for (int pair = 0; pair < 4; ++pair) {
            to.pairs[pair] = stillroom_side_by_side(mins[2*pair], mins[2*pair + 1]);
        }
        to.d = d;
        to.dmin = stillroom_times(stillroom_float(-1), stillroom_halves(x + halves_at(i) + HALVES/2));
    }

#endif

#ifdef STILLROOM_TILES

    static void unpack_tiles(const uint8_t * x, const int blocks, const int i, stillroom_tiled_block & to) {
        const uint8_t * rows = x + values_at(blocks, i);
        stillroom_ahead(rows, BYTES);
        __m128i scales[8], mins[8];
        unpack(rows, scales, mins);
        for (int part = 0; part < 8; ++part) {
            const stillroom_ints scale = stillroom_each_twice(scales[part]);
            for (int t = 0; t < 8; ++t) {
                to.put(8*part + t, weights_of(rows, part, t), scale);
            }
        }
        for (int pair = 0; pair < 4; ++pair) {
            to.pairs[pair] = stillroom_side_by_side(mins[2*pair], mins[2*pair + 1]);
        }
        to.d = stillroom_halves(x + halves_at(i));
        to.dmin = stillroom_times(stillroom_float(-1), stillroom_halves(x + halves_at(i) + HALVES/2));
    }

#endif

#endif
};

// d, [block][row]; then of each block as a block of one row has them: scales, [12][row]; the high bits,
// [8][row][4]; the low two, [2][8][row][4]: a byte holds what lies 32 values apart, and a high bit less is 4 less.
struct stillroom_q3_K : stillroom_tiles, stillroom_eight_blocks<block_q3_K, 1> {
    using block = block_q3_K;
#ifdef STILLROOM_PLANES
    static constexpr int BLOCK = QK_K, PART = 32, SCALED = 16, TOGETHER = 4, LINES = 4;
    static constexpr bool SIGNED = false;
#else
    static constexpr int BLOCK = QK_K, PART = 16, SCALED = 16, ADDED = 4;
    static constexpr bool MINS = false;
#endif
    static constexpr ggml_type COLUMN_TYPE = GGML_TYPE_Q8_K;
    static constexpr int HIGH = 12*STILLROOM_ROWS, LOW = HIGH + 8*STILLROOM_LINE;

    static void repack(const block * rows, const int blocks, uint8_t * out) {
        for (int i = 0; i < blocks; ++i) {
            uint8_t * halves = out + halves_at(i), * to = out + values_at(blocks, i);
            for (int row = 0; row < STILLROOM_ROWS; ++row) {
                const block & from = rows[(int64_t) row*blocks + i];
                memcpy(halves + row*sizeof(ggml_half), &from.d, sizeof(ggml_half));
                for (int k = 0; k < 12; ++k) {
                    to[k*STILLROOM_ROWS + row] = from.scales[k];
                }
                for (int four = 0; four < 8; ++four) {
                    memcpy(to + HIGH + four*STILLROOM_LINE + 4*row, from.hmask + 4*four, 4);
                }
                for (int four = 0; four < 16; ++four) {
                    memcpy(to + LOW + four*STILLROOM_LINE + 4*row, from.qs + 4*four, 4);
                }
            }
        }
    }

    // The scales of the rows, of each 16 values.
    static void unpack(const uint8_t * x, __m128i * scales) {
        const __m128i four = _mm_set1_epi8(0x0F), two = _mm_set1_epi8(0x30), less = _mm_set1_epi8(32);
        for (int k = 0; k < 16; ++k) {
            const __m128i low = stillroom_bytes(x + k%8*STILLROOM_ROWS), high = stillroom_bytes(x + (8 + k%4)*STILLROOM_ROWS);
            const __m128i both = _mm_or_si128(
                _mm_and_si128(k < 8 ? low : _mm_srli_epi16(low, 4), four),
                _mm_and_si128(k < 8 ? _mm_slli_epi16(high, 4 - k/4*2) : _mm_srli_epi16(high, k/4*2 - 4), two));
            scales[k] = _mm_sub_epi8(both, less);
        }
    }

    // Four values of each row in that part of 16; there is no case for each part, as loops over parts stay loops.
    static inline stillroom_ints weights_of(const uint8_t * rows, const int part, const int t) {
        const int group = part/2, half = part%2;  // of 32 values, of which `part` is one half
        const stillroom_ints low = stillroom_load(rows + LOW + (8*(group/4) + 4*half + t)*STILLROOM_LINE);
        const stillroom_ints high = stillroom_load(rows + HIGH + (4*half + t)*STILLROOM_LINE);
        return stillroom_or(
            stillroom_and(stillroom_right_by(low, _mm_cvtsi32_si128(group%4*2)), stillroom_int8(0x03)),
            stillroom_and(
                stillroom_left(stillroom_right_by(high, _mm_cvtsi32_si128(group)), 2), stillroom_int8(0x04)));
    }

#ifdef STILLROOM_PLANES

    static void prepare(const char * quantised, const int blocks, int8_t * values, int32_t * sums, float * scales) {
        stillroom_prepare_pairs<16>(quantised, blocks, values, sums, scales);
    }

    template <int COLUMNS, typename Use>
    static inline void each_four(const uint8_t * x, const int blocks, const int i, const Use & use) {
        const uint8_t * rows = x + values_at(blocks, i);
        stillroom_ahead<COLUMNS>(rows, BYTES);
        if constexpr (COLUMNS > STILLROOM_FEW) {
            for (int part = 0; part < 16; part += 2) {
                for (int half = 0; half < 2; ++half) {
                    __m256i weights[4];
                    for (int t = 0; t < 4; ++t) {
                        weights[t] = weights_of(rows, part + half, t);
                    }
                    use(4*(part + half), weights);
                }
            }
        } else {
            const __m256i two_bits = _mm256_set1_epi8(0x03), bit = _mm256_set1_epi8(0x04);
            STILLROOM_UNROLLED
            for (int group = 0; group < 8; ++group) {  // of 32 values
                for (int half = 0; half < 8; half += 4) {
                    __m256i weights[4];
                    for (int t = half; t < half + 4; ++t) {
                        const __m256i low = stillroom_load(rows + LOW + (8*(group/4) + t)*STILLROOM_LINE);
                        const __m256i high = stillroom_load(rows + HIGH + t*STILLROOM_LINE);
                        weights[t - half] = _mm256_or_si256(
                            _mm256_and_si256(_mm256_srli_epi16(low, group%4*2), two_bits),
                            _mm256_and_si256(stillroom_shifted(high, 2 - group), bit));
                    }
                    use(8*group + half, weights);
                }
            }
        }
    }

    static inline void unpack_scales(const uint8_t * x, const int blocks, const int i, stillroom_plane * plane) {
        const uint8_t * rows = x + values_at(blocks, i);
        const __m128i four = _mm_set1_epi8(0x0F), two = _mm_set1_epi8(0x30), less = _mm_set1_epi8(32);
        STILLROOM_UNROLLED
        for (int part = 0; part < 16; part += 2) {
            const __m128i low = stillroom_two_parts(rows + part%8*STILLROOM_ROWS);
            const __m128i high = stillroom_two_parts(rows + (8 + part%4)*STILLROOM_ROWS);
            const __m128i scale = _mm_sub_epi8(_mm_or_si128(
                _mm_and_si128(part < 8 ? low : _mm_srli_epi16(low, 4), four),
                _mm_and_si128(part < 8 ? _mm_slli_epi16(high, 4 - part/4*2) : _mm_srli_epi16(high, part/4*2 - 4), two)),
                less);
            stillroom_each_twice<true>(scale, plane->scales + part);
            plane->pairs[part/2] = stillroom_in_pairs<true>(scale);
        }
        plane->d = stillroom_halves(x + halves_at(i));
    }

    // 4 is added to each weight.
    static inline __m256 in_block(const __m256i sum, const __m256i less, const stillroom_plane & plane) {
        return stillroom_times(stillroom_floats_of(stillroom_minus(sum, stillroom_left_32(less, 2))), plane.d);
    }

#else

    static void prepare(const char * quantised, const int blocks, int8_t * values, int32_t * less, float * scales) {
        stillroom_prepare_less<16, ADDED>(quantised, blocks, values, less, scales);
    }

    template <int COLUMNS>
    static void multiply(const int blocks, const uint8_t * x, const stillroom_columns & y, float * s, const size_t bs) {
        stillroom_floats sums[COLUMNS];
        for (int c = 0; c < COLUMNS; ++c) {
            sums[c] = stillroom_float(0);
        }
        for (int i = 0; i < blocks; ++i) {
            const uint8_t * block_of_rows = x + values_at(blocks, i);
            const stillroom_floats d = stillroom_halves(x + halves_at(i));
            __m128i scales[16];
            unpack(block_of_rows, scales);
            stillroom_parts in_block[COLUMNS];
            for (int c = 0; c < COLUMNS; ++c) {
                in_block[c] = stillroom_no_parts();
            }
            stillroom_ahead<COLUMNS>(block_of_rows, BYTES);
            for (int part = 0; part < 16; ++part) {
                stillroom_ints weights[4];
                for (int t = 0; t < 4; ++t) {
                    weights[t] = weights_of(block_of_rows, part, t);
                }
                const auto scale = stillroom_part_scale(d, stillroom_signed(scales[part]));
                stillroom_products<COLUMNS, 4>(
                    weights, y.values + i*BLOCK + 16*part, (int64_t) blocks*BLOCK,
                    [&](const int c) { return stillroom_int32(y.less[((int64_t) c*blocks + i)*16 + part]); },
                    [&](const int c, const stillroom_ints product) {
                        in_block[c] = stillroom_add_part(product, scale, in_block[c]);
                    });
            }
            for (int c = 0; c < COLUMNS; ++c) {
                sums[c] = stillroom_fused(
                    stillroom_of_parts(in_block[c], d), stillroom_float(y.scales[(int64_t) c*blocks + i]), sums[c]);
            }
        }
        for (int c = 0; c < COLUMNS; ++c) {
            stillroom_store(s + c*bs, sums[c]);
        }
    }

#if STILLROOM_LANES == 16

    static inline void unpack_block(const uint8_t * x, const int blocks, const int i, stillroom_unpacked & to) {
        const uint8_t * rows = x + values_at(blocks, i);
        const stillroom_floats d = stillroom_halves(x + halves_at(i));
        __m128i scales[16];
        unpack(rows, scales);
        for (int part = 0; part < 16; ++part) {
            to.scales[part] = stillroom_part_scale(d, stillroom_signed(scales[part]));
            for (int t = 0; t < 4; ++t) {
                to.weights[4*part + t] = weights_of(rows, part, t);
            }
        }
        to.d = d;
    }

#endif

#ifdef STILLROOM_TILES

    static void unpack_tiles(const uint8_t * x, const int blocks, const int i, stillroom_tiled_block & to) {
        const uint8_t * rows = x + values_at(blocks, i);
        stillroom_ahead(rows, BYTES);
        __m128i scales[16];
        unpack(rows, scales);
        for (int part = 0; part < 16; ++part) {
            const stillroom_ints scale = stillroom_each_twice(scales[part]);
            for (int t = 0; t < 4; ++t) {
                to.put(4*part + t, _mm512_sub_epi8(weights_of(rows, part, t), stillroom_int8(ADDED)), scale);
            }
        }
        to.d = stillroom_halves(x + halves_at(i));
    }

#endif

#endif
};

// d, [block][row]; then of each block: the high bits of scales, [row], the low ones, [4][row], and the weights
// as places in the type's table, [8][4][row][4], of which a byte holds two that lie 16 values apart.
struct stillroom_iq4_xs : stillroom_tiles, stillroom_eight_blocks<block_iq4_xs, 1> {
    using block = block_iq4_xs;
#ifdef STILLROOM_PLANES
    static constexpr int BLOCK = QK_K, PART = 64, SCALED = 32, TOGETHER = 1, LINES = 4;
    static constexpr bool SIGNED = true;
#else
    static constexpr int BLOCK = QK_K, PART = 32, SCALED = 32, ADDED = STILLROOM_ADDED;
    static constexpr bool MINS = false;
#endif
    static constexpr ggml_type COLUMN_TYPE = GGML_TYPE_Q8_K;
    static constexpr int LOW = 2*STILLROOM_ROWS, PLACES = LOW + 4*STILLROOM_ROWS;

    static void repack(const block * rows, const int blocks, uint8_t * out) {
        for (int i = 0; i < blocks; ++i) {
            uint8_t * halves = out + halves_at(i), * to = out + values_at(blocks, i);
            for (int row = 0; row < STILLROOM_ROWS; ++row) {
                const block & from = rows[(int64_t) row*blocks + i];
                memcpy(halves + row*sizeof(ggml_half), &from.d, sizeof(ggml_half));
                memcpy(to + row*sizeof(from.scales_h), &from.scales_h, sizeof(from.scales_h));
                for (int k = 0; k < 4; ++k) {
                    to[LOW + k*STILLROOM_ROWS + row] = from.scales_l[k];
                }
                for (int four = 0; four < 32; ++four) {
                    memcpy(to + PLACES + four*STILLROOM_LINE + 4*row, from.qs + 4*four, 4);
                }
            }
        }
    }

    // The scale of each row in that part of 32.
    static inline stillroom_ints scale_of(const uint8_t * rows, const stillroom_ints high, const int part) {
        const stillroom_ints low = stillroom_unsigned(stillroom_bytes(rows + LOW + part/2*STILLROOM_ROWS));
        const stillroom_ints integer = stillroom_or(
            stillroom_and(stillroom_right_32(low, part%2*4), stillroom_int32(15)),
            stillroom_and(stillroom_left_32(stillroom_right_32(high, 2*part), 4), stillroom_int32(0x30)));
        return stillroom_minus(integer, stillroom_int32(32));
    }

#ifdef STILLROOM_PLANES

    static void prepare(const char * quantised, const int blocks, int8_t * values, int32_t * sums, float * scales) {
        stillroom_prepare_pairs<32>(quantised, blocks, values, sums, scales);
    }

    template <int COLUMNS, typename Use>
    static inline void each_four(const uint8_t * x, const int blocks, const int i, const Use & use) {
        const uint8_t * rows = x + values_at(blocks, i);
        const __m256i four_bits = stillroom_int8(0x0F);
        const __m256i table = stillroom_table(_mm_loadu_si128(reinterpret_cast<const __m128i *>(kvalues_iq4nl)));
        stillroom_ahead<COLUMNS>(rows, BYTES);
        for (int part = 0; part < 8; ++part) {
            __m256i first[4], second[4];
            for (int t = 0; t < 4; ++t) {
                const __m256i both = stillroom_load(rows + PLACES + (4*part + t)*STILLROOM_LINE);
                first[t] = stillroom_look_up(table, stillroom_and(both, four_bits));
                second[t] = stillroom_look_up(table, stillroom_and(stillroom_right(both, 4), four_bits));
            }
            use(8*part, first);
            use(8*part + 4, second);
        }
    }

    static inline void unpack_scales(const uint8_t * x, const int blocks, const int i, stillroom_plane * plane) {
        const uint8_t * rows = x + values_at(blocks, i);
        const __m256i high = stillroom_unsigned_16(rows);
        for (int part = 0; part < 8; ++part) {
            plane->scales[part] = stillroom_twice(scale_of(rows, high, part));
        }
        plane->d = stillroom_halves(x + halves_at(i));
    }

    static inline __m256 in_block(const __m256i sum, const __m256i, const stillroom_plane & plane) {
        return stillroom_times(stillroom_floats_of(sum), plane.d);
    }

#else

    // The weights by their places, with what is added to them.
    static inline stillroom_ints table_of_sums() {
        return stillroom_table(_mm_xor_si128(
            _mm_loadu_si128(reinterpret_cast<const __m128i *>(kvalues_iq4nl)), _mm_set1_epi8(-ADDED)));
    }

    // A part of 32.
    static inline void unpack(const uint8_t * places, const stillroom_ints table, stillroom_ints * weights) {
        const stillroom_ints four_bits = stillroom_int8(0x0F);
        for (int t = 0; t < 4; ++t) {
            const stillroom_ints both = stillroom_load(places + t*STILLROOM_LINE);
            weights[t] = stillroom_look_up(table, stillroom_and(both, four_bits));
            weights[t + 4] = stillroom_look_up(table, stillroom_and(stillroom_right(both, 4), four_bits));
        }
    }

    static void prepare(const char * quantised, const int blocks, int8_t * values, int32_t * less, float * scales) {
        stillroom_prepare_less<32, ADDED>(quantised, blocks, values, less, scales);
    }

    template <int COLUMNS>
    static void multiply(const int blocks, const uint8_t * x, const stillroom_columns & y, float * s, const size_t bs) {
        const stillroom_ints table = table_of_sums();
        stillroom_floats sums[COLUMNS];
        for (int c = 0; c < COLUMNS; ++c) {
            sums[c] = stillroom_float(0);
        }
        for (int i = 0; i < blocks; ++i) {
            const uint8_t * block_of_rows = x + values_at(blocks, i);
            const stillroom_floats d = stillroom_halves(x + halves_at(i));
            const stillroom_ints high_scales = stillroom_unsigned_16(block_of_rows);
            stillroom_parts in_block[COLUMNS];
            for (int c = 0; c < COLUMNS; ++c) {
                in_block[c] = stillroom_no_parts();
            }
            stillroom_ahead<COLUMNS>(block_of_rows, PLACES);
            for (int part = 0; part < 8; ++part) {
                const uint8_t * places = block_of_rows + PLACES + 4*part*STILLROOM_LINE;
                stillroom_ahead<COLUMNS>(places, 4*STILLROOM_LINE);
                stillroom_ints weights[8];
                unpack(places, table, weights);
                const auto scale = stillroom_part_scale(d, scale_of(block_of_rows, high_scales, part));
                stillroom_products<COLUMNS, 8>(
                    weights, y.values + i*BLOCK + 32*part, (int64_t) blocks*BLOCK,
                    [&](const int c) { return stillroom_int32(y.less[((int64_t) c*blocks + i)*8 + part]); },
                    [&](const int c, const stillroom_ints product) {
                        in_block[c] = stillroom_add_part(product, scale, in_block[c]);
                    });
            }
            for (int c = 0; c < COLUMNS; ++c) {
                sums[c] = stillroom_fused(
                    stillroom_of_parts(in_block[c], d), stillroom_float(y.scales[(int64_t) c*blocks + i]), sums[c]);
            }
        }
        for (int c = 0; c < COLUMNS; ++c) {
            stillroom_store(s + c*bs, sums[c]);
        }
    }

#if STILLROOM_LANES == 16

    static inline void unpack_block(const uint8_t * x, const int blocks, const int i, stillroom_unpacked & to) {
        const uint8_t * rows = x + values_at(blocks, i);
        const stillroom_floats d = stillroom_halves(x + halves_at(i));
        const stillroom_ints high_scales = stillroom_unsigned_16(rows);
        const stillroom_ints table = table_of_sums();
        for (int part = 0; part < 8; ++part) {
            to.scales[part] = stillroom_part_scale(d, scale_of(rows, high_scales, part));
            unpack(rows + PLACES + 4*part*STILLROOM_LINE, table, to.weights + 8*part);
        }
        to.d = d;
    }

#endif

#ifdef STILLROOM_TILES

    static void unpack_tiles(const uint8_t * x, const int blocks, const int i, stillroom_tiled_block & to) {
        const uint8_t * rows = x + values_at(blocks, i);
        stillroom_ahead(rows, BYTES);
        const stillroom_ints high = stillroom_unsigned_16(rows), four_bits = stillroom_int8(0x0F);
        const stillroom_ints table = stillroom_table(_mm_loadu_si128(reinterpret_cast<const __m128i *>(kvalues_iq4nl)));
        for (int part = 0; part < 8; ++part) {
            const stillroom_ints one = scale_of(rows, high, part);
            const stillroom_ints scale = stillroom_or(
                stillroom_and(one, stillroom_int32(0xFFFF)), stillroom_left_32(one, 16));
            for (int t = 0; t < 4; ++t) {
                const stillroom_ints both = stillroom_load(rows + PLACES + (4*part + t)*STILLROOM_LINE);
                to.put(8*part + t, stillroom_look_up(table, stillroom_and(both, four_bits)), scale);
                to.put(8*part + 4 + t, stillroom_look_up(table, stillroom_and(stillroom_right(both, 4), four_bits)), scale);
            }
        }
        to.d = stillroom_halves(x + halves_at(i));
    }

#endif

#endif
};

#ifdef STILLROOM_TILES

// Blocks of 32 values, sixteen columns with sixteen rows: the products of a block are scaled while those of the next are added.
// Where something is added to each weight, lines are unsigned and come from memory.
template <typename Type, bool ADDED>
static void stillroom_multiply_tiles(
        const int blocks, const uint8_t * lines, const uint8_t * x, const stillroom_columns & y, float * s,
        const size_t bs) {
    static constexpr int COLUMNS = STILLROOM_TILE;
    alignas(64) int32_t products[2][COLUMNS][STILLROOM_ROWS];
    stillroom_floats sums[COLUMNS];
    for (int c = 0; c < COLUMNS; ++c) {
        sums[c] = stillroom_float(0);
    }
    for (int i = 0; i <= blocks; ++i) {
        if (i < blocks) {
            const uint8_t * weights =
                ADDED ? x + Type::values_at(blocks, i) : lines + (int64_t) i*(Type::BLOCK*STILLROOM_ROWS);
            _tile_zero(0);
            _tile_loadd(4, y.values + i*(Type::BLOCK*STILLROOM_TILE), Type::BLOCK);
            _tile_loadd(5, weights, STILLROOM_LINE);
            if (ADDED) {
                stillroom_ahead(weights, Type::BLOCK*STILLROOM_ROWS);
                _tile_dpbsud(0, 4, 5);
            } else {
                _tile_dpbssd(0, 4, 5);
            }
            _tile_stored(0, products[i%2], STILLROOM_LINE);
        }
        if (i > 0) {
            const uint8_t * halves = x + Type::halves_at(i - 1);
            const stillroom_floats d = stillroom_halves(halves);
            for (int c = 0; c < COLUMNS; ++c) {
                const int64_t at = (int64_t) c*blocks + i - 1;
                stillroom_ints product = stillroom_load(products[(i - 1)%2][c]);
                if (ADDED) {
                    product = _mm512_add_epi32(product, stillroom_int32(y.less[at]));
                }
                sums[c] = stillroom_scaled<Type::MINS>(product, d, halves, y, at, sums[c]);
            }
        }
    }
    for (int c = 0; c < COLUMNS; ++c) {
        stillroom_store(s + c*bs, sums[c]);
    }
}

// So many of these columns with all rows before the next are taken: their values stay in the second cache.
static constexpr int64_t STILLROOM_SMALL_IN_TILES = 64;

// All rows with columns that fill tiles.
template <typename Type>
static void stillroom_rows_with_tiles(
        const int blocks, const int rows, const uint8_t * x, const int64_t columns, const stillroom_columns & y, float * s,
        const size_t bs) {
    if constexpr (Type::BLOCK == QK_K) {
        stillroom_rows_in_tiles<Type>(
            blocks, rows, x, STILLROOM_ROWS*blocks*(int64_t) sizeof(typename Type::block), columns,
            {y.values, columns, y.less, y.scales}, s, bs);
    } else {
        const int64_t n = (int64_t) blocks*Type::BLOCK;
        // Few columns do not pay for another copy of weights of 8 bits.
        const bool in_place = std::is_same_v<Type, stillroom_q8_0> && columns < STILLROOM_SMALL_IN_TILES;
        static thread_local std::vector<uint8_t> unpacked;
        unpacked.resize(n*STILLROOM_ROWS + 64);
        uint8_t * const lines = reinterpret_cast<uint8_t *>(GGML_PAD(reinterpret_cast<intptr_t>(unpacked.data()), 64));
        stillroom_shape_tiles<Type::BLOCK>();
        for (int64_t first = 0; first < columns; first += STILLROOM_SMALL_IN_TILES) {
            const int64_t end = std::min(columns, first + STILLROOM_SMALL_IN_TILES);
            for (int64_t row = 0; row < rows; row += STILLROOM_ROWS) {
                const uint8_t * const from = x + row*blocks*(int64_t) sizeof(typename Type::block);
                if (!in_place) {
                    Type::unpack_lines(blocks, from, lines);
                    stillroom_before_tiles();
                }
                for (int64_t c = first; c < end; c += STILLROOM_TILE) {
                    const stillroom_columns group = y.from(c*n, c*(n/Type::PART), c*blocks);
                    if (in_place) {
                        stillroom_multiply_tiles<Type, true>(blocks, nullptr, from, group, s + c*bs + row, bs);
                    } else {
                        stillroom_multiply_tiles<Type, false>(blocks, lines, from, group, s + c*bs + row, bs);
                    }
                }
            }
        }
        _tile_release();
    }
}

#endif

// The products of interleaved rows with columns: those of a column stand one after the other in `s`, those of the next
// column `bs` floats further.
template <typename Type>
static void stillroom_rows_with(
        const int blocks, const int rows, const uint8_t * x, const int columns, const stillroom_columns & y, float * s,
        const size_t bs) {
    const int64_t n = (int64_t) blocks*Type::BLOCK;
    const int64_t bytes = blocks*sizeof(typename Type::block);
    [[maybe_unused]] int64_t done = 0;
#ifdef STILLROOM_TILES
    done = stillroom_tiled(columns, Type::BLOCK);
    if (done > 0) {
        stillroom_rows_with_tiles<Type>(blocks, rows, x, done, y, s, bs);
    }
#endif
#ifdef STILLROOM_PLANES
    if constexpr (Type::BLOCK == QK_K) {
        stillroom_multiply_blocks<Type>(blocks, rows, x, columns, y, s, bs);
        return;
    } else
#endif
    for (int64_t c = done, some; c < columns; c += some) {
        const stillroom_columns group = y.from(c*n, c*(n/Type::PART), c*blocks);
#if STILLROOM_LANES == 16
        if constexpr (Type::BLOCK == QK_K) {
            if (columns - c >= STILLROOM_FEWEST_UNPACKED) {
                some = std::min<int64_t>(columns - c, STILLROOM_UNPACKED);
                stillroom_rows_unpacked<Type>(blocks, rows, x, some, group, s + c*bs, bs);
                continue;
            }
        }
        if constexpr (std::is_same_v<Type, stillroom_q8_0>) {
            if (columns - c >= STILLROOM_FEWEST_UNPACKED) {
                some = std::min<int64_t>(columns - c, STILLROOM_UNPACKED);
                int row = 0;
                for (; row + 2*STILLROOM_ROWS <= rows; row += 2*STILLROOM_ROWS) {
                    Type::template multiply_many<2>(blocks, x + row*bytes, some, group, s + c*bs + row, bs);
                }
                if (row < rows) {
                    Type::template multiply_many<1>(blocks, x + row*bytes, some, group, s + c*bs + row, bs);
                }
                continue;
            }
        }
#endif
        some = columns - c >= STILLROOM_MOST_COLUMNS ? STILLROOM_MOST_COLUMNS : std::min<int64_t>(columns - c, 8);
        for (int64_t row = 0; row < rows; row += STILLROOM_ROWS) {
            switch (some) {
#define CASE(count) \
    case count: Type::template multiply<count>(blocks, x + row*bytes, group, s + c*bs + row, bs); break;
                CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8)
#if STILLROOM_LANES == 16
                CASE(STILLROOM_MOST_COLUMNS)
#endif
#undef CASE
            }
        }
    }
}

// Rows as a file has them, one behind the other, interleaved.
template <typename Type>
static void stillroom_interleave(const int blocks, const int64_t rows, const void * from, uint8_t * to) {
    const auto * x = static_cast<const typename Type::block *>(from);
    for (int64_t row = 0; row < rows; row += STILLROOM_ROWS) {
        Type::repack(x + row*blocks, blocks, to + row*blocks*sizeof(typename Type::block));
    }
}

// A quantised column into its place: among those that fill tiles, which the first `tiled` do, or behind the one before it.
template <typename Type>
static void stillroom_place(
        const char * quantised, const int blocks, const int64_t column, [[maybe_unused]] const int64_t tiled,
        const stillroom_columns & y) {
    const int64_t n = (int64_t) blocks*Type::BLOCK;
    const stillroom_columns to = y.from(column*n, column*(n/Type::PART), column*blocks);
#ifdef STILLROOM_TILES
    if (column < tiled) {
        static thread_local std::vector<int8_t> values;
        values.resize(n);
        if constexpr (Type::BLOCK == QK_K) {
            static thread_local std::vector<int32_t> less;
            static thread_local std::vector<float> scales;
            less.resize(n/Type::PART);
            scales.resize(blocks);
            Type::prepare(quantised, blocks, values.data(), less.data(), scales.data());
            stillroom_place_column<QK_K, STILLROOM_TILE_BYTES>(values.data(), n, column, tiled, y.values);
            for (int i = 0; i < blocks; ++i) {
                y.scales[i*tiled + column] = scales[i];
                if (Type::WITH_MINS) {
                    memcpy(y.less + 4*(i*tiled + column), less.data() + 4*i, 16);
                }
            }
        } else {  // sixteen columns behind each other
            Type::prepare(quantised, blocks, values.data(), to.less, to.scales);
            stillroom_place_column<Type::BLOCK, Type::BLOCK>(
                values.data(), n, column%STILLROOM_TILE, STILLROOM_TILE,
                y.values + (column - column%STILLROOM_TILE)*n);
        }
        return;
    }
#endif
    Type::prepare(quantised, blocks, to.values, to.less, to.scales);
}

// How rows of a type are laid out and multiplied (tensor->extra). Weights of two dimensions only.
template <typename Type> class stillroom_rows : public tensor_traits_base {
    static int64_t in_lines(const int64_t bytes) { return GGML_PAD(bytes, 64); }

    static int64_t bytes_of_values(const int64_t n, const int64_t columns) { return in_lines(n*columns); }
    static int64_t bytes_of_less(const int64_t n, const int64_t columns) { return in_lines(n/Type::PART*columns*4); }
    static int64_t bytes_of_scales(const int64_t n, const int64_t columns) { return in_lines(n/Type::BLOCK*columns*4); }

    bool work_size(int, const struct ggml_tensor * op, size_t & size) override {
        if (op->op != GGML_OP_MUL_MAT) {
            return false;
        }
        const int64_t n = op->src[1]->ne[0], columns = ggml_nrows(op->src[1]);
        size = bytes_of_values(n, columns) + bytes_of_less(n, columns) + bytes_of_scales(n, columns) + 64;
        return true;
    }

    bool compute_forward(struct ggml_compute_params * params, struct ggml_tensor * op) override {
        if (op->op != GGML_OP_MUL_MAT) {
            return false;
        }
        const ggml_tensor * src0 = op->src[0];
        const ggml_tensor * src1 = op->src[1];
        GGML_ASSERT(src1->type == GGML_TYPE_F32 && src1->nb[0] == sizeof(float) && op->nb[0] == sizeof(float));
        GGML_ASSERT(src0->ne[2]*src0->ne[3] == 1);
        const int64_t n = src0->ne[0], all_rows = src0->ne[1], columns = ggml_nrows(src1);
        const int blocks = (int) (n/Type::BLOCK);
        uint8_t * work = reinterpret_cast<uint8_t *>(in_lines(reinterpret_cast<intptr_t>(params->wdata)));
        const stillroom_columns y = {
            reinterpret_cast<int8_t *>(work), reinterpret_cast<int32_t *>(work + bytes_of_values(n, columns)),
            reinterpret_cast<float *>(work + bytes_of_values(n, columns) + bytes_of_less(n, columns))};
        const auto at = [](const ggml_tensor * tensor, const int64_t column) {
            const int64_t by_2 = column/tensor->ne[1];
            return static_cast<char *>(tensor->data) + column%tensor->ne[1]*tensor->nb[1] +
                by_2%tensor->ne[2]*tensor->nb[2] + by_2/tensor->ne[2]*tensor->nb[3];
        };
        static thread_local std::vector<char> quantised;
        quantised.resize(ggml_row_size(Type::COLUMN_TYPE, n));
        const ggml_from_float_t quantise = stillroom_quantiser(Type::COLUMN_TYPE);
        for (int64_t column = params->ith; column < columns; column += params->nth) {
            quantise(reinterpret_cast<const float *>(at(src1, column)), quantised.data(), n);
            const int64_t plane = column - column%src1->ne[1];
            stillroom_place<Type>(
                quantised.data(), blocks, column - plane, stillroom_tiled(src1->ne[1], Type::BLOCK),
                y.from(plane*n, plane*(n/Type::PART), plane*blocks));
        }
        if (params->ith == 0) {
            ggml_threadpool_chunk_set(params->threadpool, params->nth);
        }
        ggml_barrier(params->threadpool);

        stillroom_shares share(all_rows, params->nth, STILLROOM_ROWS);
        for (int turn = params->ith; share.take(turn); turn = ggml_threadpool_chunk_add(params->threadpool, 1)) {
            for (int64_t done = 0; done < share.rows; done += share.at_a_time(done)) {
                const int64_t first = share.first + done;
                const uint8_t * weights = static_cast<const uint8_t *>(src0->data) + first*src0->nb[1];
                for (int64_t plane = 0; plane < columns; plane += src1->ne[1]) {
                    stillroom_rows_with<Type>(
                        blocks, (int) share.at_a_time(done), weights, (int) src1->ne[1],
                        y.from(plane*n, plane*(n/Type::PART), plane*blocks),
                        reinterpret_cast<float *>(at(op, plane)) + first, op->nb[1]/sizeof(float));
                }
            }
        }
        return true;
    }

    int repack(struct ggml_tensor * t, const void * data, size_t data_size) override {
        GGML_ASSERT(data_size == ggml_nbytes(t));
        const int blocks = (int) (t->ne[0]/Type::BLOCK);
        // The rest of a load waits for this: large weights are laid out by several threads.
        const int64_t least = (1 << 22)/(int64_t) t->nb[1] + 1;
        const int64_t workers =
            std::max<int64_t>(1, std::min({(int64_t) 4, (int64_t) std::thread::hardware_concurrency(), t->ne[1]/least}));
        const int64_t share = (t->ne[1]/STILLROOM_ROWS + workers - 1)/workers*STILLROOM_ROWS;
        std::vector<std::thread> threads;
        for (int64_t row = 0; row < t->ne[1]; row += share) {
            threads.emplace_back(
                stillroom_interleave<Type>, blocks, std::min(share, t->ne[1] - row),
                static_cast<const char *>(data) + row*t->nb[1], static_cast<uint8_t *>(t->data) + row*t->nb[1]);
        }
        for (std::thread & thread : threads) {
            thread.join();
        }
        return 0;
    }
};

template <typename Type>
static void stillroom_file_rows_with(
        const int n, const int rows, const void * x, const int columns, const char * y, float * s, const size_t bs) {
    const int blocks = n/Type::BLOCK;
    std::vector<uint8_t> packed(rows*blocks*sizeof(typename Type::block));
    std::vector<int8_t> values((size_t) columns*n);
    std::vector<int32_t> less((size_t) columns*(n/Type::PART));
    std::vector<float> scales((size_t) columns*blocks);
    stillroom_interleave<Type>(blocks, rows, x, packed.data());
    const stillroom_columns prepared = {values.data(), less.data(), scales.data()};
    for (int64_t c = 0; c < columns; ++c) {
        stillroom_place<Type>(
            y + c*ggml_row_size(Type::COLUMN_TYPE, n), blocks, c, stillroom_tiled(columns, Type::BLOCK), prepared);
    }
    stillroom_rows_with<Type>(blocks, rows, packed.data(), columns, prepared, s, bs);
}

}  // namespace ggml::cpu::repack

// The same of rows as a file has them and of quantised columns, for tests; how many rows lie in one another, and whether
// blocks of 256 are added as integers.
extern "C" void stillroom_interleaved_columns(
    enum ggml_type type, int n, int rows, const void * x, int columns, const void * y, float * s, size_t bs);
extern "C" int stillroom_interleaved_rows(void);
extern "C" bool stillroom_adds_integers(void);

int stillroom_interleaved_rows(void) {
    return ggml::cpu::repack::STILLROOM_ROWS;
}

bool stillroom_adds_integers(void) {
#if defined(STILLROOM_PLANES) || defined(STILLROOM_TILES)
    return true;
#else
    return false;
#endif
}

void stillroom_interleaved_columns(
        const enum ggml_type type, const int n, const int rows, const void * x, const int columns, const void * y,
        float * s, const size_t bs) {
    using namespace ggml::cpu::repack;
    const auto products = type == GGML_TYPE_Q8_0 ? stillroom_file_rows_with<stillroom_q8_0>
#if STILLROOM_LANES == 16
                        : type == GGML_TYPE_Q4_0 ? stillroom_file_rows_with<stillroom_q4_0>
                        : type == GGML_TYPE_Q4_1 ? stillroom_file_rows_with<stillroom_q4_1>
#endif
                        : type == GGML_TYPE_Q6_K ? stillroom_file_rows_with<stillroom_q6_K>
                        : type == GGML_TYPE_Q5_K ? stillroom_file_rows_with<stillroom_q5_K>
                        : type == GGML_TYPE_Q3_K ? stillroom_file_rows_with<stillroom_q3_K>
                                                 : stillroom_file_rows_with<stillroom_iq4_xs>;
    products(n, rows, x, columns, static_cast<const char *>(y), s, bs);
}

// The same in `models/quantisation/weights.py`.
static const size_t STILLROOM_SMALL_TABLE = (size_t) 64 << 20;

// How such weights are laid out, or null where llama.cpp decides.
static const ggml::cpu::tensor_traits * stillroom_interleaved(const struct ggml_tensor * weights) {
    static const ggml::cpu::repack::stillroom_rows<ggml::cpu::repack::stillroom_q8_0> q8_0;
#if STILLROOM_LANES == 16
    static const ggml::cpu::repack::stillroom_rows<ggml::cpu::repack::stillroom_q4_1> q4_1;
#endif
#ifdef STILLROOM_TILES
    static const ggml::cpu::repack::stillroom_rows<ggml::cpu::repack::stillroom_q4_0> q4_0;
#endif
    static const ggml::cpu::repack::stillroom_rows<ggml::cpu::repack::stillroom_q6_K> q6_K;
    static const ggml::cpu::repack::stillroom_rows<ggml::cpu::repack::stillroom_q5_K> q5_K;
    static const ggml::cpu::repack::stillroom_rows<ggml::cpu::repack::stillroom_q3_K> q3_K;
    static const ggml::cpu::repack::stillroom_rows<ggml::cpu::repack::stillroom_iq4_xs> iq4_xs;
    // Figures that are compared with those of llama.cpp's own tools are made with its own order of additions.
    const char * as_llama_cpp = getenv("STILLROOM_AS_LLAMA_CPP");
    if (as_llama_cpp != nullptr && strcmp(as_llama_cpp, "1") == 0) {
        return nullptr;
    }
    // A table of tokens that is the output matrix, too, lies in memory twice then: only a small one may.
    const bool is_table = strcmp(weights->name, "token_embd.weight") == 0;
    if (weights->ne[1]%ggml::cpu::repack::STILLROOM_ROWS != 0 || weights->ne[2]*weights->ne[3] != 1 ||
        (is_table && ggml_nbytes(weights) > STILLROOM_SMALL_TABLE)) {
        return nullptr;
    }
    switch (weights->type) {
        case GGML_TYPE_Q8_0: return &q8_0;
#if STILLROOM_LANES == 16
        case GGML_TYPE_Q4_1: return &q4_1;
#endif
#ifdef STILLROOM_TILES
        // Otherwise one row, which is what a reply consists of, is faster in eights; prompts would be faster in sixteens.
        case GGML_TYPE_Q4_0: return stillroom_has_tiles() ? &q4_0 : nullptr;
#endif
        case GGML_TYPE_Q6_K: return &q6_K;
        case GGML_TYPE_Q5_K: return &q5_K;
        case GGML_TYPE_Q3_K: return &q3_K;
        case GGML_TYPE_IQ4_XS: return &iq4_xs;
        default: return nullptr;
    }
}

#else

static const ggml::cpu::tensor_traits * stillroom_interleaved(const struct ggml_tensor *) {
    return nullptr;
}

#endif
