// Included by ggml-cpu/repack.cpp: products of blocks of 256 weights with many columns by AMX, for the K types.
//
// One instruction adds 64 products for each of sixteen rows and sixteen columns: integers, so that their order does not
// matter. A weight times the integer scale of its part has 14 bits at most, 64 times one byte and another. These two are
// made once for all columns, and a block's sum is 64 times what the first bytes come to, and the others: the same integer
// as where each part is added by itself.

#if defined(__AMX_TILE__) && defined(__AMX_INT8__) && defined(__AVX512F__) && defined(__AVX512BW__) && \
    defined(__AVX512DQ__) && defined(__AVX512VL__) && defined(__AVX512VNNI__)
#define STILLROOM_TILES

#include "amx/amx.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <vector>

static constexpr int STILLROOM_TILE = 16;        // rows, and columns
static constexpr int STILLROOM_TILE_BYTES = 64;  // of each
static constexpr int64_t STILLROOM_IN_TILES = 512;  // columns at most that a block is unpacked once for

// Linux has to be asked for them once; llama.cpp does so where it makes buffers of its own for AMX.
static bool stillroom_has_tiles() {
    static const bool found = ggml_backend_amx_buffer_type() != nullptr;
    return found;
}

// So many of some columns fill tiles. Blocks of 256 values, which are unpacked for tiles, want two times sixteen at least.
static inline int64_t stillroom_tiled(const int64_t columns, const int block) {
    const int64_t least = block == QK_K ? 2*STILLROOM_TILE : STILLROOM_TILE;
    return columns >= least && stillroom_has_tiles() ? columns - columns%STILLROOM_TILE : 0;
}

// Sums in the first four tiles, sixteen columns of BYTES in the fifth, as many of sixteen rows in the others.
template <int BYTES> static inline void stillroom_shape_tiles() {
    alignas(64) static const struct {
        uint8_t palette = 1, start = 0, reserved[14] = {};
        uint16_t row_bytes[16] = {64, 64, 64, 64, BYTES, 64, 64, 64};
        uint8_t rows[16] = {16, 16, 16, 16, 16, BYTES/4, BYTES/4, BYTES/4};
    } shapes;
    _tile_loadconfig(&shapes);
}

// What was written before is in memory when tiles are loaded: compilers need not know that these read it.
static inline void stillroom_before_tiles() {
    std::atomic_signal_fence(std::memory_order_seq_cst);
}

// A column of n values into its place among those that fill tiles, [n/VALUES][column/16][VALUES/BYTES][16 columns][BYTES].
template <int VALUES, int BYTES>
static inline void stillroom_place_column(
        const int8_t * values, const int64_t n, const int64_t column, const int64_t columns, int8_t * to) {
    to += column/STILLROOM_TILE*STILLROOM_TILE*VALUES + column%STILLROOM_TILE*BYTES;
    for (int64_t k = 0; k < n; k += VALUES) {
        for (int64_t part = 0; part < VALUES; part += BYTES) {
            memcpy(to + k*columns + part*STILLROOM_TILE, values + k + part, BYTES);
        }
    }
}

// Columns that fill tiles, with the sums of a column's values, of each two parts of 32, two in 32 bits.
struct stillroom_tiled_columns {
    const int8_t * values;  // as they are placed, `all` of them
    int64_t all;
    const int32_t * pairs;  // [block][column][4]
    const float * scales;   // [block][column]
};

// A block of sixteen rows: each weight times its scale, in its two bytes; four of each row in a line.
struct stillroom_tiled_block {
    alignas(64) int8_t high[QK_K/4][STILLROOM_TILE_BYTES];
    alignas(64) int8_t low[QK_K/4][STILLROOM_TILE_BYTES];
    __m512 d, dmin;
    __m512i pairs[4];  // the mins of 64 values, of each row two in 32 bits

    // Four weights of each row, times the scale that stands twice in the row's 32 bits.
    inline void put(const int line, const __m512i weights, const __m512i scales) {
        const __m512i even = _mm512_mullo_epi16(_mm512_srai_epi16(_mm512_slli_epi16(weights, 8), 8), scales);
        const __m512i odd = _mm512_mullo_epi16(_mm512_srai_epi16(weights, 8), scales);
        const __m512i first = _mm512_set1_epi16(0x00FF);
        _mm512_store_si512(
            high[line],
            _mm512_ternarylogic_epi32(first, _mm512_srai_epi16(even, 6), _mm512_slli_epi16(odd, 2), 0xCA));
        _mm512_store_si512(
            low[line],
            _mm512_and_si512(
                _mm512_ternarylogic_epi32(first, even, _mm512_slli_epi16(odd, 8), 0xCA), _mm512_set1_epi8(63)));
    }
};

// Sixteen bytes, each twice in 32 bits.
static inline __m512i stillroom_each_twice(const __m128i bytes) {
    return _mm512_cvtepi8_epi16(_mm256_set_m128i(_mm_unpackhi_epi8(bytes, bytes), _mm_unpacklo_epi8(bytes, bytes)));
}

// What one or two times sixteen rows and sixteen columns come to: of the high bytes, and of the low ones.
using stillroom_tile_sums = int32_t[2][STILLROOM_TILE][STILLROOM_TILE];

// A quarter of a block of SETS times sixteen rows with sixteen columns, from value AT*4 on.
template <int SETS, int AT>
static inline void stillroom_add_quarter(const stillroom_tiled_block * x, const int8_t * columns) {
    const int8_t * values = columns + 4*AT*STILLROOM_TILE;
    for (int column = 0; column < STILLROOM_TILE; ++column) {  // of the columns that come next
        _mm_prefetch(reinterpret_cast<const char *>(values + (QK_K + 4*column)*STILLROOM_TILE), _MM_HINT_T0);
    }
    _tile_loadd(4, values, STILLROOM_TILE_BYTES);
    _tile_loadd(5, x[0].high[AT], STILLROOM_TILE_BYTES);
    _tile_dpbssd(0, 4, 5);
    _tile_loadd(6, x[0].low[AT], STILLROOM_TILE_BYTES);
    _tile_dpbssd(1, 4, 6);
    if (SETS == 2) {
        _tile_loadd(7, x[1].high[AT], STILLROOM_TILE_BYTES);
        _tile_dpbssd(2, 4, 7);
        _tile_loadd(5, x[1].low[AT], STILLROOM_TILE_BYTES);
        _tile_dpbssd(3, 4, 5);
    }
}

// A block of SETS times sixteen rows with sixteen columns; after each quarter of it `meanwhile` does what needs no tiles.
template <int SETS, typename Meanwhile>
static inline void stillroom_multiply_block(
        const stillroom_tiled_block * x, const int8_t * columns, stillroom_tile_sums * sums, const Meanwhile & meanwhile) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    stillroom_add_quarter<SETS, 0>(x, columns);
    meanwhile(0);
    stillroom_add_quarter<SETS, 16>(x, columns);
    meanwhile(1);
    stillroom_add_quarter<SETS, 32>(x, columns);
    meanwhile(2);
    stillroom_add_quarter<SETS, 48>(x, columns);
    meanwhile(3);
    _tile_stored(0, sums[0][0], STILLROOM_TILE_BYTES);
    _tile_stored(1, sums[0][1], STILLROOM_TILE_BYTES);
    if (SETS == 2) {
        _tile_stored(2, sums[SETS - 1][0], STILLROOM_TILE_BYTES);
        _tile_stored(3, sums[SETS - 1][1], STILLROOM_TILE_BYTES);
    }
}

// SETS times sixteen rows with columns that fill tiles. A Type unpacks a block of sixteen rows, adds a block's sum for them
// and one column to TOTALS registers, and says what these come to; sixteen rows take `bytes`.
template <typename Type, int SETS>
static void stillroom_multiply_in_tiles(
        const int blocks, const uint8_t * x, const int64_t bytes, const int64_t columns, const stillroom_tiled_columns & y,
        float * s, const size_t bs) {
    static constexpr int64_t TOTALS = Type::TOTALS*STILLROOM_TILE;  // of sixteen rows and a column
    struct room {
        stillroom_tiled_block rows[SETS];
        stillroom_tile_sums sums[2][SETS];
    };
    static thread_local std::vector<char> kept;  // not on the stack, which not every system aligns
    kept.resize(sizeof(room) + columns*SETS*TOTALS*sizeof(float) + 64);
    room & here = *reinterpret_cast<room *>(GGML_PAD(reinterpret_cast<intptr_t>(kept.data()), 64));
    float * const totals = reinterpret_cast<float *>(&here + 1);
    std::fill_n(totals, columns*SETS*TOTALS, 0.0f);
    for (int i = 0; i < blocks; ++i) {
        for (int set = 0; set < SETS; ++set) {
            Type::unpack_tiles(x + set*bytes, blocks, i, here.rows[set]);
        }
        stillroom_before_tiles();
        const int8_t * const values = y.values + i*y.all*QK_K;
        const auto sums_of = [&](const int64_t c) { return here.sums[c/STILLROOM_TILE%2]; };
        // A quarter of what sixteen columns from c on come to.
        const auto add = [&](const int64_t c, const int quarter) {
            const stillroom_tile_sums * const sums = sums_of(c);
            for (int column = 4*quarter; column < 4*quarter + 4; ++column) {
                const int64_t at = i*y.all + c + column;
                for (int set = 0; set < SETS; ++set) {
                    const __m512i sum = _mm512_add_epi32(
                        _mm512_slli_epi32(_mm512_load_si512(sums[set][0][column]), 6),
                        _mm512_load_si512(sums[set][1][column]));
                    Type::add_tiles(
                        sum, here.rows[set], y.pairs + 4*at, y.scales[at], totals + ((c + column)*SETS + set)*TOTALS);
                }
            }
        };
        stillroom_multiply_block<SETS>(here.rows, values, sums_of(0), [](int) {});
        for (int64_t c = STILLROOM_TILE; c < columns; c += STILLROOM_TILE) {
            stillroom_multiply_block<SETS>(
                here.rows, values + c*QK_K, sums_of(c), [&](const int quarter) { add(c - STILLROOM_TILE, quarter); });
        }
        for (int quarter = 0; quarter < 4; ++quarter) {
            add(columns - STILLROOM_TILE, quarter);
        }
    }
    for (int64_t column = 0; column < columns; ++column) {
        for (int set = 0; set < SETS; ++set) {
            _mm512_storeu_ps(
                s + column*bs + set*STILLROOM_TILE, Type::of_tiles(totals + (column*SETS + set)*TOTALS));
        }
    }
}

// All rows, in sixteens, with columns that fill tiles.
template <typename Type>
static void stillroom_rows_in_tiles(
        const int blocks, const int rows, const uint8_t * x, const int64_t bytes, const int64_t columns,
        const stillroom_tiled_columns & y, float * s, const size_t bs) {
    stillroom_shape_tiles<STILLROOM_TILE_BYTES>();
    for (int64_t c = 0, some; c < columns; c += some) {
        some = std::min(columns - c, STILLROOM_IN_TILES);
        const stillroom_tiled_columns group = {
            y.values + c*QK_K, y.all, y.pairs + 4*c, y.scales + c};
        int row = 0;
        for (; row + 2*STILLROOM_TILE <= rows; row += 2*STILLROOM_TILE) {
            stillroom_multiply_in_tiles<Type, 2>(
                blocks, x + row/STILLROOM_TILE*bytes, bytes, some, group, s + c*bs + row, bs);
        }
        if (row < rows) {
            stillroom_multiply_in_tiles<Type, 1>(
                blocks, x + row/STILLROOM_TILE*bytes, bytes, some, group, s + c*bs + row, bs);
        }
    }
    _tile_release();
}

#else

static inline int64_t stillroom_tiled(int64_t, int) {
    return 0;
}

#endif
