// Included by ggml-cpu/ops.cpp.
//
// llama.cpp goes through the keys and values once for each head and each token, one cell after the other, with an
// exponential for each and sums in f16. Here a tile of cells is converted once for all heads that share it and for
// several tokens, and multiplied in f32 with 16 (8 or 4) cells or values in a register. With many rows a register holds
// as many of them, of keys then a value each, so that nothing is added across a register.
//
// A row of the result (a token's head) is the same whatever is computed beside it and by how many threads: cells are
// taken in stretches that begin at multiples of SPAN, and the sums of stretches are put together in their order.

#include "grouped_attention.h"

#define GGML_COMMON_DECL_CPP
#include "ggml-common.h"
#include "ggml-cpu-impl.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <type_traits>

// Put into its caller, what such a function adds up would not stay in registers.
#if defined(_MSC_VER)
#define STILLROOM_APART __declspec(noinline)
#else
#define STILLROOM_APART __attribute__((noinline))
#endif

// A value that the compiler has in a register here: it neither reads it again for each use nor joins operations.
#if defined(__GNUC__)
#define STILLROOM_KEEP(where, a) asm("" : where(a))
#else
#define STILLROOM_KEEP(where, a) (void) (a)
#endif

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512DQ__)

namespace {

struct Floats {
    static constexpr int WIDTH = 16, SUMS = 16;  // SUMS: that are made at once
    static constexpr int CELLS = 8;              // of which many rows are multiplied at once
    static constexpr int LANES[WIDTH] = {0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15};  // as `sums` adds them
    using type = __m512;
    static type zero() { return _mm512_setzero_ps(); }
    static void keep(type & a) { STILLROOM_KEEP("+v", a); }
    static type all(const float value) { return _mm512_set1_ps(value); }
    static type load(const float * from) { return _mm512_loadu_ps(from); }
    static void store(float * to, const type values) { _mm512_storeu_ps(to, values); }
    static void ahead(const char * of) { _mm_prefetch(of, _MM_HINT_T1); }
    static type halves(const void * from) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *) from)); }
    static type bytes(const void * from) {
        return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *) from)));
    }
    static type mul(const type a, const type b) { return _mm512_mul_ps(a, b); }
    static type add(const type a, const type b) { return _mm512_add_ps(a, b); }
    static type sub(const type a, const type b) { return _mm512_sub_ps(a, b); }
    static type max(const type a, const type b) { return _mm512_max_ps(a, b); }
    static type fma(const type a, const type b, const type c) { return _mm512_fmadd_ps(a, b, c); }
    static float largest(const type a) { return _mm512_reduce_max_ps(a); }
    static float sum(const type a) {
        const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
        __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
        four = _mm_add_ps(four, _mm_movehl_ps(four, four));
        return _mm_cvtss_f32(_mm_add_ss(four, _mm_movehdup_ps(four)));
    }

    // The sums of sixteen registers, one behind the other.
    static type sums(const type * a) {
        type twos[8], fours[4];
        for (int i = 0; i < 8; ++i) {
            twos[i] = _mm512_add_ps(
                _mm512_unpacklo_ps(a[2*i], a[2*i + 1]), _mm512_unpackhi_ps(a[2*i], a[2*i + 1]));
        }
        for (int i = 0; i < 4; ++i) {
            const __m512d first = _mm512_castps_pd(twos[2*i]), second = _mm512_castps_pd(twos[2*i + 1]);
            fours[i] = _mm512_add_ps(
                _mm512_castpd_ps(_mm512_unpacklo_pd(first, second)), _mm512_castpd_ps(_mm512_unpackhi_pd(first, second)));
        }
        const type low = _mm512_add_ps(
            _mm512_shuffle_f32x4(fours[0], fours[1], 0x88), _mm512_shuffle_f32x4(fours[0], fours[1], 0xDD));
        const type high = _mm512_add_ps(
            _mm512_shuffle_f32x4(fours[2], fours[3], 0x88), _mm512_shuffle_f32x4(fours[2], fours[3], 0xDD));
        return _mm512_add_ps(_mm512_shuffle_f32x4(low, high, 0x88), _mm512_shuffle_f32x4(low, high, 0xDD));
    }
};

#define STILLROOM_ATTENTION

}  // namespace

#elif defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)

namespace {

struct Floats {
    static constexpr int WIDTH = 8, SUMS = 8;
    static constexpr int CELLS = 4;
    static constexpr int LANES[WIDTH] = {0, 1, 2, 3, 4, 5, 6, 7};
    using type = __m256;
    static type zero() { return _mm256_setzero_ps(); }
    static void keep(type & a) { STILLROOM_KEEP("+x", a); }
    static type all(const float value) { return _mm256_set1_ps(value); }
    static type load(const float * from) { return _mm256_loadu_ps(from); }
    static void store(float * to, const type values) { _mm256_storeu_ps(to, values); }
    static void ahead(const char * of) { _mm_prefetch(of, _MM_HINT_T1); }
    static type halves(const void * from) { return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *) from)); }
    static type bytes(const void * from) {
        return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *) from)));
    }
    static type mul(const type a, const type b) { return _mm256_mul_ps(a, b); }
    static type add(const type a, const type b) { return _mm256_add_ps(a, b); }
    static type sub(const type a, const type b) { return _mm256_sub_ps(a, b); }
    static type max(const type a, const type b) { return _mm256_max_ps(a, b); }
    static type fma(const type a, const type b, const type c) { return _mm256_fmadd_ps(a, b, c); }
    static float largest(const type a) {
        __m128 four = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
        four = _mm_max_ps(four, _mm_movehl_ps(four, four));
        return _mm_cvtss_f32(_mm_max_ss(four, _mm_movehdup_ps(four)));
    }
    static float sum(const type a) {
        __m128 four = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
        four = _mm_add_ps(four, _mm_movehl_ps(four, four));
        return _mm_cvtss_f32(_mm_add_ss(four, _mm_movehdup_ps(four)));
    }

    // The sums of eight registers, one behind the other.
    static type sums(const type * a) {
        const type low = _mm256_hadd_ps(_mm256_hadd_ps(a[0], a[1]), _mm256_hadd_ps(a[2], a[3]));
        const type high = _mm256_hadd_ps(_mm256_hadd_ps(a[4], a[5]), _mm256_hadd_ps(a[6], a[7]));
        return _mm256_add_ps(_mm256_permute2f128_ps(low, high, 0x20), _mm256_permute2f128_ps(low, high, 0x31));
    }
};

#define STILLROOM_ATTENTION

}  // namespace

// With SVE ggml_v_expf takes other registers.
#elif defined(__ARM_NEON) && defined(__aarch64__) && !defined(__ARM_FEATURE_SVE)

namespace {

struct Floats {
    static constexpr int WIDTH = 4, SUMS = 16;
    static constexpr int CELLS = 8;
    static constexpr int LANES[WIDTH] = {0, 1, 2, 3};
    using type = float32x4_t;
    static type zero() { return vdupq_n_f32(0.0f); }
    static void keep(type & a) { STILLROOM_KEEP("+w", a); }
    static type all(const float value) { return vdupq_n_f32(value); }
    static type load(const float * from) { return vld1q_f32(from); }
    static void store(float * to, const type values) { vst1q_f32(to, values); }
    static void ahead(const char * of) { __builtin_prefetch(of, 0, 2); }
    static type halves(const void * from) {
        return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16((const uint16_t *) from)));
    }
    static type bytes(const void * from) {
        uint32_t four;
        memcpy(&four, from, sizeof(four));
        const int16x8_t wide = vmovl_s8(vcreate_s8(four));
        return vcvtq_f32_s32(vmovl_s16(vget_low_s16(wide)));
    }
    static type mul(const type a, const type b) { return vmulq_f32(a, b); }
    static type add(const type a, const type b) { return vaddq_f32(a, b); }
    static type sub(const type a, const type b) { return vsubq_f32(a, b); }
    static type max(const type a, const type b) { return vmaxq_f32(a, b); }
    static type fma(const type a, const type b, const type c) { return vfmaq_f32(c, a, b); }
    static float largest(const type a) { return vmaxvq_f32(a); }
    static float sum(const type a) {
        const float32x2_t two = vadd_f32(vget_low_f32(a), vget_high_f32(a));
        return vget_lane_f32(vpadd_f32(two, two), 0);
    }

    // The sums of four registers, one behind the other.
    static type sums(const type * a) { return vpaddq_f32(vpaddq_f32(a[0], a[1]), vpaddq_f32(a[2], a[3])); }
};

#define STILLROOM_ATTENTION

}  // namespace

#endif

#ifdef STILLROOM_ATTENTION

namespace {

constexpr int CELLS = 32;    // in a tile: its keys or its values in f32 fill half of the nearest cache
constexpr int SPAN = 512;    // cells in a stretch
constexpr int ROWS = 96;     // at most, of a group: tokens times heads that share keys
constexpr int FEW_ROWS = 32; // at most, of a group, where more would leave threads without work
constexpr int MANY = 24;     // rows from which a register holds one value of several rows, not several of one
constexpr ggml_fp16_t MASKED = 0xFC00;  // minus infinity
constexpr int FEW = 64;      // rows in all, up to which stretches are work for different threads
constexpr int IN_TURN = 2;   // groups for each thread, up to which they are handed out beforehand

// Sums over a stretch of cells, or over some: what exponentials are relative to, their sum, and values times them.
template <int D> struct Sums {
    float largest[ROWS];
    float exponentials[ROWS];
    float values[ROWS][D];

    void clear(const int rows) {
        for (int row = 0; row < rows; ++row) {
            largest[row] = -INFINITY;
            exponentials[row] = 0.0f;
            memset(values[row], 0, sizeof(values[row]));
        }
    }
};

// A thread's work memory.
template <int D> struct Work {
    float cells[CELLS][D];  // keys, then values
    union {
        float weights[ROWS][CELLS];
        float by_cell[CELLS][ROWS];  // of many rows
    };
    float queries[ROWS/Floats::WIDTH][D][Floats::WIDTH];  // of many rows
    Sums<D> span;
    Sums<D> total;
};

// What the rows of a group have in common.
struct Group {
    const ggml_tensor * k;
    const ggml_tensor * v;
    const char * keys;      // of the head, cell 0
    const char * values;
    const float * queries[ROWS];
    const ggml_fp16_t * masks[ROWS];  // or null
    int rows;
    float scale;
};

template <int D> void to_floats(const ggml_type type, const char * from, float * to) {
    if (type == GGML_TYPE_F16) {
        for (int d = 0; d < D; d += Floats::WIDTH) {
            Floats::store(to + d, Floats::halves(from + d*sizeof(ggml_fp16_t)));
        }
        return;
    }
    const block_q8_0 * blocks = reinterpret_cast<const block_q8_0 *>(from);
    for (int i = 0; i < D/QK8_0; ++i) {
        const Floats::type scale = Floats::all(GGML_CPU_FP16_TO_FP32(blocks[i].d));
        for (int d = 0; d < QK8_0; d += Floats::WIDTH) {
            Floats::store(to + i*QK8_0 + d, Floats::mul(scale, Floats::bytes(blocks[i].qs + d)));
        }
    }
}

enum class Sight { None, Some, All };

// How many of these cells a row sees.
Sight sight(const ggml_fp16_t * mask, const int cells) {
    if (mask == nullptr) {
        return cells == CELLS ? Sight::All : Sight::Some;
    }
    constexpr uint64_t ALL_MASKED = MASKED*UINT64_C(0x0001000100010001);
    constexpr int FOUR = sizeof(ALL_MASKED)/sizeof(*mask);
    uint64_t seen = 0, masked = 0;
    int cell = 0;
    for (; cell + FOUR <= cells; cell += FOUR) {
        uint64_t four;
        memcpy(&four, mask + cell, sizeof(four));
        seen |= four ^ ALL_MASKED;
        masked |= four;
    }
    for (; cell < cells; ++cell) {
        seen |= mask[cell] ^ MASKED;
        masked |= mask[cell];
    }
    return seen == 0 ? Sight::None : masked == 0 && cells == CELLS ? Sight::All : Sight::Some;
}

// Scores of ROWS_HERE rows with the keys of a tile. Each is added in the same order, however many rows there are.
template <int D, int ROWS_HERE>
void score(const float * const (&queries)[ROWS_HERE], const float (*keys)[D], float * const (&scores)[ROWS_HERE]) {
    constexpr int AT_ONCE = Floats::SUMS/ROWS_HERE;
    for (int first = 0; first < CELLS; first += AT_ONCE) {
        Floats::type sums[Floats::SUMS];
        for (int i = 0; i < Floats::SUMS; ++i) {
            sums[i] = Floats::zero();
        }
        for (int d = 0; d < D; d += Floats::WIDTH) {
            Floats::type q[ROWS_HERE];
            for (int row = 0; row < ROWS_HERE; ++row) {
                q[row] = Floats::load(queries[row] + d);
            }
            for (int cell = 0; cell < AT_ONCE; ++cell) {
                const Floats::type key = Floats::load(keys[first + cell] + d);
                for (int row = 0; row < ROWS_HERE; ++row) {
                    sums[row*AT_ONCE + cell] = Floats::fma(q[row], key, sums[row*AT_ONCE + cell]);
                }
            }
        }
        float all[Floats::SUMS];
        for (int i = 0; i < Floats::SUMS; i += Floats::WIDTH) {
            Floats::store(all + i, Floats::sums(sums + i));
        }
        for (int row = 0; row < ROWS_HERE; ++row) {
            memcpy(scores[row] + first, all + row*AT_ONCE, AT_ONCE*sizeof(float));
        }
    }
}

// Values of many rows' queries, a register of rows each, in the order in which `score_rows` reads them.
template <int D>
void to_columns(const float * const * queries, const int rows, float (*columns)[D][Floats::WIDTH]) {
    constexpr int WIDTH = Floats::WIDTH, STEPS = D/WIDTH;
    for (int row = 0; row < (rows + WIDTH - 1)/WIDTH*WIDTH; ++row) {
        for (int d = 0; d < D; ++d) {
            columns[row/WIDTH][d][row%WIDTH] = row < rows ? queries[row][d%STEPS*WIDTH + Floats::LANES[d/STEPS]] : 0.0f;
        }
    }
}

// The scores that `score` gives, added in the same order, of VECTORS registers of rows.
template <int D, int VECTORS>
STILLROOM_APART void score_rows(
        const float (*columns)[D][Floats::WIDTH], const float (*keys)[D], float (*scores)[ROWS]) {
    constexpr int WIDTH = Floats::WIDTH, STEPS = D/WIDTH, CELLS_HERE = VECTORS == 1 ? 8 : Floats::CELLS;
    for (int first = 0; first < CELLS; first += CELLS_HERE) {
        Floats::type before[4][CELLS_HERE][VECTORS];  // sums over 1, 2, 4 and 8 lanes
        const float * column = columns[0][0];
        for (int lane = 0; lane < WIDTH; ++lane) {
            Floats::type sums[CELLS_HERE][VECTORS];
            for (int cell = 0; cell < CELLS_HERE; ++cell) {
                for (int i = 0; i < VECTORS; ++i) {
                    sums[cell][i] = Floats::zero();
                }
            }
            const float * key = keys[first] + Floats::LANES[lane];
            for (int step = 0; step < STEPS; ++step, key += WIDTH, column += WIDTH) {
                Floats::type queries[VECTORS];
                for (int i = 0; i < VECTORS; ++i) {
                    queries[i] = Floats::load(column + i*D*WIDTH);
                    Floats::keep(queries[i]);
                }
                for (int cell = 0; cell < CELLS_HERE; ++cell) {
                    const Floats::type value = Floats::all(key[cell*D]);
                    for (int i = 0; i < VECTORS; ++i) {
                        sums[cell][i] = Floats::fma(queries[i], value, sums[cell][i]);
                    }
                }
            }
            int level = 0;
            for (; lane >> level & 1; ++level) {
                for (int cell = 0; cell < CELLS_HERE; ++cell) {
                    for (int i = 0; i < VECTORS; ++i) {
                        sums[cell][i] = Floats::add(before[level][cell][i], sums[cell][i]);
                    }
                }
            }
            for (int cell = 0; cell < CELLS_HERE; ++cell) {
                for (int i = 0; i < VECTORS; ++i) {
                    if (lane == WIDTH - 1) {
                        Floats::store(scores[first + cell] + i*WIDTH, sums[cell][i]);
                    } else {
                        before[level][cell][i] = sums[cell][i];
                    }
                }
            }
        }
    }
}

// Exponentials of a row's scores, in their place; what the sums so far have to be multiplied with.
float weigh(float * scores, const ggml_fp16_t * masks, const float scale, float & largest, float & exponentials) {
    constexpr int WIDTH = Floats::WIDTH;
    Floats::type scaled[CELLS/WIDTH];
    Floats::type most = Floats::all(-INFINITY);
    for (int part = 0; part < CELLS/WIDTH; ++part) {
        scaled[part] = Floats::fma(
            Floats::load(scores + part*WIDTH), Floats::all(scale),
            masks == nullptr ? Floats::zero() : Floats::halves(masks + part*WIDTH));
        Floats::keep(scaled[part]);
        most = Floats::max(most, scaled[part]);
    }
    const float before = largest;
    const float most_here = Floats::largest(most);
    largest = most_here > before ? most_here : before;
    const float factor = largest > before ? expf(before - largest) : 1.0f;
    Floats::type sum = Floats::zero();
    for (int part = 0; part < CELLS/WIDTH; ++part) {
        const Floats::type weight = ggml_v_expf(Floats::sub(scaled[part], Floats::all(largest)));
        Floats::store(scores + part*WIDTH, weight);
        sum = Floats::add(sum, weight);
    }
    exponentials = std::fma(exponentials, factor, Floats::sum(sum));
    return factor;
}

// The same of a register of rows. Rows that see no cell stay as they are.
STILLROOM_APART void weigh_rows(
        float (*scores)[ROWS], const float scale, float * largest, float * exponentials, float * factors) {
    constexpr int WIDTH = Floats::WIDTH;
    const auto scaled = [&](const int cell) {
        Floats::type value = Floats::mul(Floats::load(scores[cell]), Floats::all(scale));
        Floats::keep(value);
        return value;
    };
    Floats::type most[4];
    for (int cell = 0; cell < CELLS; ++cell) {
        most[cell%4] = cell < 4 ? scaled(cell) : Floats::max(most[cell%4], scaled(cell));
    }
    float now[WIDTH];
    Floats::store(now, Floats::max(Floats::max(most[0], most[1]), Floats::max(most[2], most[3])));
    for (int row = 0; row < WIDTH; ++row) {
        factors[row] = 1.0f;
        if (now[row] > largest[row]) {
            factors[row] = expf(largest[row] - now[row]);
            largest[row] = now[row];
        }
        now[row] = largest[row] == -INFINITY ? 0.0f : largest[row];
    }
    const Floats::type relative_to = Floats::load(now);
    Floats::type sums[WIDTH];
    for (int cell = 0; cell < CELLS; ++cell) {
        const Floats::type weight = ggml_v_expf(Floats::sub(scaled(cell), relative_to));
        Floats::store(scores[cell], weight);
        sums[cell%WIDTH] = Floats::add(cell < WIDTH ? Floats::zero() : sums[cell%WIDTH], weight);
    }
    for (int count = WIDTH/2; count > 0; count /= 2) {  // as `Floats::sum`
        for (int i = 0; i < count; ++i) {
            sums[i] = Floats::add(sums[i], sums[i + count]);
        }
    }
    Floats::store(exponentials, Floats::fma(Floats::load(exponentials), Floats::load(factors), sums[0]));
}

constexpr int largest_divisor(const int of, const int most) {
    int found = std::min(of, most);
    while (of%found != 0) {
        --found;
    }
    return found;
}

// Adds a tile's values times the weights of ROWS_HERE rows.
template <int D, int ROWS_HERE, int STRIDE>
STILLROOM_APART void add_values(
        const float (*cells)[D], const float * const (&weights)[ROWS_HERE], const float (&factors)[ROWS_HERE],
        float * const (&values)[ROWS_HERE]) {
    constexpr int WIDTH = Floats::WIDTH;
    constexpr int AT_ONCE = largest_divisor(D/WIDTH, ROWS_HERE > 2 ? Floats::SUMS/4 : Floats::SUMS/2);
    for (int from = 0; from < D; from += AT_ONCE*WIDTH) {
        Floats::type sums[ROWS_HERE][AT_ONCE];
        for (int row = 0; row < ROWS_HERE; ++row) {
            for (int i = 0; i < AT_ONCE; ++i) {
                sums[row][i] = Floats::mul(Floats::load(values[row] + from + i*WIDTH), Floats::all(factors[row]));
            }
        }
        for (int cell = 0; cell < CELLS; ++cell) {
            Floats::type here[AT_ONCE];
            for (int i = 0; i < AT_ONCE; ++i) {
                here[i] = Floats::load(cells[cell] + from + i*WIDTH);
                Floats::keep(here[i]);
            }
            for (int row = 0; row < ROWS_HERE; ++row) {
                const Floats::type weight = Floats::all(weights[row][cell*STRIDE]);
                for (int i = 0; i < AT_ONCE; ++i) {
                    sums[row][i] = Floats::fma(weight, here[i], sums[row][i]);
                }
            }
        }
        for (int row = 0; row < ROWS_HERE; ++row) {
            for (int i = 0; i < AT_ONCE; ++i) {
                Floats::store(values[row] + from + i*WIDTH, sums[row][i]);
            }
        }
    }
}

// Does it with six or two rows at a time, which share what they read, and with the last alone.
template <int MOST, typename Do> void some_at_a_time(const int * rows, const int count, const Do & act) {
    int i = 0;
    for (; MOST == 6 && i + 5 < count; i += 6) {
        const int six[6] = {rows[i], rows[i + 1], rows[i + 2], rows[i + 3], rows[i + 4], rows[i + 5]};
        act(six);
    }
    for (; i + 1 < count; i += 2) {
        const int pair[2] = {rows[i], rows[i + 1]};
        act(pair);
    }
    if (i < count) {
        const int last[1] = {rows[i]};
        act(last);
    }
}

// Keys or values of a tile in f32; where the cache ends, zeros.
template <int D>
void load(const ggml_type type, const char * from, const size_t stride, const int cells, float (*to)[D]) {
    const size_t bytes = type == GGML_TYPE_F16 ? D*sizeof(ggml_fp16_t) : D/QK8_0*sizeof(block_q8_0);
    for (int cell = 0; cell < cells; ++cell) {
        // The next tile's: the processor does not see by itself where a head goes on.
        for (size_t at = 0; at < bytes; at += 64) {
            Floats::ahead(from + (cell + CELLS)*stride + at);
        }
        to_floats<D>(type, from + cell*stride, to[cell]);
    }
    memset(to + cells, 0, (CELLS - cells)*sizeof(*to));
}

// Cells that a group's rows attend to at once.
template <int D> struct Tile {
    const Group & group;
    Work<D> & work;
    int64_t first;  // cell
    int cells;
    int seeing[ROWS], count;  // rows that see one of them
    bool all_see_all;
    float factors[ROWS];

    Tile(const Group & group, Work<D> & work, const int64_t first, const int cells)
        : group(group), work(work), first(first), cells(cells), count(0), all_see_all(true) {
        Sight seen = Sight::None;
        for (int row = 0; row < group.rows; ++row) {
            const ggml_fp16_t * mask = group.masks[row];
            // The heads of a token stand one after the other and have one mask.
            if (row == 0 || mask != group.masks[row - 1]) {
                seen = sight(mask == nullptr ? nullptr : mask + first, cells);
                if (mask != nullptr) {
                    Floats::ahead(reinterpret_cast<const char *>(mask + first + CELLS));
                }
            }
            all_see_all &= seen == Sight::All;
            if (seen != Sight::None) {
                seeing[count++] = row;
            }
        }
    }

    // Exponentials of few rows' scores, a row after the other.
    void weigh_few() {
        some_at_a_time<2>(seeing, count, [&](const auto & rows) {
            constexpr int ROWS_HERE = std::extent_v<std::remove_reference_t<decltype(rows)>>;
            const float * queries[ROWS_HERE];
            float * scores[ROWS_HERE];
            for (int i = 0; i < ROWS_HERE; ++i) {
                queries[i] = group.queries[rows[i]];
                scores[i] = work.weights[rows[i]];
            }
            score<D, ROWS_HERE>(queries, work.cells, scores);
        });
        for (int i = 0; i < count; ++i) {
            const int row = seeing[i];
            const ggml_fp16_t * masks =
                group.masks[row] == nullptr || all_see_all ? nullptr : group.masks[row] + first;
            ggml_fp16_t last[CELLS];
            if (cells < CELLS) {
                std::fill_n(last, CELLS, MASKED);
                masks == nullptr ? (void) memset(last, 0, cells*sizeof(*last))
                                 : (void) memcpy(last, masks, cells*sizeof(*last));
                masks = last;
            }
            factors[row] = weigh(
                work.weights[row], masks, group.scale, work.span.largest[row], work.span.exponentials[row]);
        }
    }

    // The same of many rows, cell by cell.
    void weigh_many() {
        constexpr int WIDTH = Floats::WIDTH;
        const int from = seeing[0]/WIDTH, end = seeing[count - 1]/WIDTH + 1;
        for (int vector = from; vector < end;) {
            const auto act = [&](const auto vectors) {
                float (*scores)[ROWS] = reinterpret_cast<float (*)[ROWS]>(work.by_cell[0] + vector*WIDTH);
                score_rows<D, decltype(vectors)::value>(work.queries + vector, work.cells, scores);
                for (int i = 0; i < vectors; ++i, ++vector) {
                    weigh_vector(vector);
                }
            };
            switch (end - vector) {
                case 1: act(std::integral_constant<int, 1>()); break;
                case 2: case 4: act(std::integral_constant<int, 2>()); break;
                default: act(std::integral_constant<int, 3>());
            }
        }
    }

    void weigh_vector(const int vector) {
        const int from = vector*Floats::WIDTH;
        if (!all_see_all) {
            for (int row = from; row < std::min(group.rows, from + Floats::WIDTH); ++row) {
                const ggml_fp16_t * mask = group.masks[row];
                for (int cell = 0; cell < CELLS; ++cell) {
                    float & score = work.by_cell[cell][row];
                    const float masked = cell >= cells ? -INFINITY
                        : mask == nullptr ? 0.0f : GGML_CPU_FP16_TO_FP32(mask[first + cell]);
                    score = std::fma(score, group.scale, masked);
                }
            }
        }
        weigh_rows(
            reinterpret_cast<float (*)[ROWS]>(work.by_cell[0] + from), all_see_all ? group.scale : 1.0f,
            work.span.largest + from, work.span.exponentials + from, factors + from);
    }

    // Adds the cells' values times the exponentials, which stand STRIDE floats from each other.
    template <int STRIDE> void add(const float * weights, const int64_t row_stride) {
        some_at_a_time<6>(seeing, count, [&](const auto & rows) {
            constexpr int ROWS_HERE = std::extent_v<std::remove_reference_t<decltype(rows)>>;
            const float * weights_here[ROWS_HERE];
            float factors_here[ROWS_HERE];
            float * values[ROWS_HERE];
            for (int i = 0; i < ROWS_HERE; ++i) {
                weights_here[i] = weights + rows[i]*row_stride;
                factors_here[i] = factors[rows[i]];
                values[i] = work.span.values[rows[i]];
            }
            add_values<D, ROWS_HERE, STRIDE>(work.cells, weights_here, factors_here, values);
        });
    }
};

// The sums of a group over the cells of a stretch.
template <int D> void attend(const Group & group, const int64_t from, const int64_t end, Work<D> & work) {
    work.span.clear(std::min(ROWS, (group.rows + Floats::WIDTH - 1)/Floats::WIDTH*Floats::WIDTH));
    for (int64_t first = from; first < end; first += CELLS) {
        const int cells = (int) std::min<int64_t>(CELLS, end - first);
        Tile<D> tile(group, work, first, cells);
        if (tile.count == 0) {
            continue;
        }
        load<D>(group.k->type, group.keys + first*group.k->nb[1], group.k->nb[1], cells, work.cells);
        group.rows >= MANY ? tile.weigh_many() : tile.weigh_few();
        load<D>(group.v->type, group.values + first*group.v->nb[1], group.v->nb[1], cells, work.cells);
        group.rows >= MANY ? tile.template add<ROWS>(work.by_cell[0], 1)
                           : tile.template add<1>(work.weights[0], CELLS);
    }
}

// Puts the sums of the next stretch to those before it.
template <int D>
void put_together(
        float & largest, float & exponentials, float * values, const float next_largest, const float next_exponentials,
        const float * next_values) {
    if (next_exponentials == 0.0f) {
        return;
    }
    const float most = std::max(largest, next_largest);
    const float old = expf(largest - most), fresh = expf(next_largest - most);
    for (int d = 0; d < D; d += Floats::WIDTH) {
        Floats::store(
            values + d, Floats::fma(Floats::load(values + d), Floats::all(old),
                Floats::mul(Floats::load(next_values + d), Floats::all(fresh))));
    }
    exponentials = exponentials*old + next_exponentials*fresh;
    largest = most;
}

template <int D> void write(const float exponentials, const float * values, float * to) {
    const float by = exponentials == 0.0f ? 0.0f : 1.0f/exponentials;
    for (int d = 0; d < D; d += Floats::WIDTH) {
        Floats::store(to + d, Floats::mul(Floats::load(values + d), Floats::all(by)));
    }
}

// Rows of a result are numbered token by token, head by head.
struct Shape {
    int64_t tokens, heads, key_heads, sequences, cells, spans;
    int shared;  // heads for each key head

    int threads;

    Shape(const ggml_tensor * dst, const int threads)
        : tokens(dst->src[0]->ne[1]), heads(dst->src[0]->ne[2]), key_heads(dst->src[1]->ne[2]),
          sequences(dst->src[0]->ne[3]), cells(dst->src[1]->ne[1]), spans((cells + SPAN - 1)/SPAN),
          shared((int) (heads/key_heads)), threads(threads) {}

    int64_t rows() const { return tokens*heads*sequences; }
    bool is_split() const { return rows() <= FEW && spans > 1; }  // stretches are work for different threads
    // As many as there may be, unless threads would go without: tiles are converted once for each group.
    int tokens_of_group() const {
        const int few = tokens_of(FEW_ROWS);
        const int64_t even = (tokens*key_heads*sequences + IN_TURN*threads - 1)/(IN_TURN*threads);
        return is_split() ? few : (int) std::max<int64_t>(few, std::min<int64_t>(tokens_of(ROWS), even));
    }
    int tokens_of(const int rows) const { return std::max(1, std::min((int) tokens, rows/shared)); }
    int64_t groups_of_tokens() const { return (tokens + tokens_of_group() - 1)/tokens_of_group(); }
    int64_t groups() const { return sequences*key_heads*groups_of_tokens(); }
    int64_t rows_of_group() const { return (int64_t) tokens_of_group()*shared; }
};

template <int D> struct Attention {
    const ggml_tensor * q;
    const ggml_tensor * k;
    const ggml_tensor * v;
    const ggml_tensor * mask;
    ggml_tensor * dst;
    Shape shape;

    Attention(ggml_tensor * dst, const int threads)
        : q(dst->src[0]), k(dst->src[1]), v(dst->src[2]), mask(dst->src[3]), dst(dst),
          shape(dst, threads) {}

    float * result(const int64_t sequence, const int64_t token, const int64_t head) const {
        return reinterpret_cast<float *>(
            static_cast<char *>(dst->data) + ((sequence*shape.tokens + token)*shape.heads + head)*dst->nb[1]);
    }

    // A group of rows; `where` says whose they are.
    struct Place {
        int64_t sequence, key_head, token;
    };

    Place place(const int64_t number) const {
        const int64_t by_sequence = shape.key_heads*shape.groups_of_tokens();
        return {
            number/by_sequence, number/shape.groups_of_tokens()%shape.key_heads,
            number%shape.groups_of_tokens()*shape.tokens_of_group()};
    }

    Group group(const Place & at) const {
        Group group;
        group.k = k;
        group.v = v;
        const int64_t of_keys = at.sequence/(shape.sequences/k->ne[3]), of_values = at.sequence/(shape.sequences/v->ne[3]);
        group.keys = static_cast<const char *>(k->data) + at.key_head*k->nb[2] + of_keys*k->nb[3];
        group.values = static_cast<const char *>(v->data) + at.key_head*v->nb[2] + of_values*v->nb[3];
        memcpy(&group.scale, dst->op_params, sizeof(group.scale));
        group.rows = 0;
        const int64_t end = std::min(shape.tokens, at.token + shape.tokens_of_group());
        for (int64_t token = at.token; token < end; ++token) {
            for (int64_t head = at.key_head*shape.shared; head < (at.key_head + 1)*shape.shared; ++head) {
                group.queries[group.rows] = reinterpret_cast<const float *>(
                    static_cast<const char *>(q->data) + token*q->nb[1] + head*q->nb[2] + at.sequence*q->nb[3]);
                group.masks[group.rows++] = mask == nullptr ? nullptr : reinterpret_cast<const ggml_fp16_t *>(
                    static_cast<const char *>(mask->data) + token*mask->nb[1] + head%mask->ne[2]*mask->nb[2] +
                    at.sequence%mask->ne[3]*mask->nb[3]);
            }
        }
        return group;
    }

    static constexpr int64_t PARTIAL = 2 + D;  // floats of a row's sums over a stretch

    size_t bytes(const int threads) const {
        const size_t partials = shape.is_split() ? shape.groups()*shape.rows_of_group()*shape.spans*PARTIAL*sizeof(float) : 0;
        return threads*sizeof(Work<D>) + partials + 64;
    }

    float * partial(float * partials, const int64_t group, const int row, const int64_t span) const {
        return partials + ((group*shape.rows_of_group() + row)*shape.spans + span)*PARTIAL;
    }

    void compute(const ggml_compute_params * params) const {
        char * memory = static_cast<char *>(params->wdata) + (64 - reinterpret_cast<uintptr_t>(params->wdata)%64)%64;
        Work<D> & work = reinterpret_cast<Work<D> *>(memory)[params->ith];
        float * partials = reinterpret_cast<float *>(memory + params->nth*sizeof(Work<D>));
        const int64_t spans = shape.is_split() ? shape.spans : 1;
        const int64_t parts = shape.groups()*spans;
        // Behind few tokens to wait for each other takes longer than what is done.
        const bool in_turn = !shape.is_split() && parts <= IN_TURN*params->nth;
        if (!in_turn) {
            if (params->ith == 0) {
                ggml_threadpool_chunk_set(params->threadpool, params->nth);
            }
            ggml_barrier(params->threadpool);
        }
        const auto lay_out = [&](const Group & rows) {
            if (rows.rows >= MANY) {
                to_columns<D>(rows.queries, rows.rows, work.queries);
            }
        };
        for (int64_t part = params->ith; part < parts;
             part = in_turn ? part + params->nth : ggml_threadpool_chunk_add(params->threadpool, 1)) {
            const Place at = place(part/spans);
            const Group rows = group(at);
            if (shape.is_split()) {
                const int64_t span = part%spans;
                lay_out(rows);
                attend<D>(rows, span*SPAN, std::min(shape.cells, (span + 1)*SPAN), work);
                for (int row = 0; row < rows.rows; ++row) {
                    float * sums = partial(partials, part/spans, row, span);
                    sums[0] = work.span.largest[row];
                    sums[1] = work.span.exponentials[row];
                    memcpy(sums + 2, work.span.values[row], D*sizeof(float));
                }
                continue;
            }
            work.total.clear(rows.rows);
            lay_out(rows);
            for (int64_t from = 0; from < shape.cells; from += SPAN) {
                attend<D>(rows, from, std::min<int64_t>(shape.cells, from + SPAN), work);
                for (int row = 0; row < rows.rows; ++row) {
                    put_together<D>(
                        work.total.largest[row], work.total.exponentials[row], work.total.values[row],
                        work.span.largest[row], work.span.exponentials[row], work.span.values[row]);
                }
            }
            for (int row = 0; row < rows.rows; ++row) {
                write<D>(work.total.exponentials[row], work.total.values[row], result_of(at, row));
            }
        }
        if (!shape.is_split()) {
            return;
        }
        ggml_barrier(params->threadpool);
        for (int64_t number = params->ith; number < shape.groups(); number += params->nth) {
            const Place at = place(number);
            const int rows = group(at).rows;
            for (int row = 0; row < rows; ++row) {
                work.total.clear(1);
                for (int64_t span = 0; span < spans; ++span) {
                    const float * sums = partial(partials, number, row, span);
                    put_together<D>(
                        work.total.largest[0], work.total.exponentials[0], work.total.values[0], sums[0], sums[1],
                        sums + 2);
                }
                write<D>(work.total.exponentials[0], work.total.values[0], result_of(at, row));
            }
        }
    }

    float * result_of(const Place & at, const int row) const {
        return result(at.sequence, at.token + row/shape.shared, at.key_head*shape.shared + row%shape.shared);
    }
};

bool is_cache_type(const ggml_type type) { return type == GGML_TYPE_F16 || type == GGML_TYPE_Q8_0; }

bool is_ours(const ggml_tensor * dst) {
    const ggml_tensor * q = dst->src[0];
    const ggml_tensor * k = dst->src[1];
    const ggml_tensor * v = dst->src[2];
    const ggml_tensor * mask = dst->src[3];
    float max_bias, softcap;
    memcpy(&max_bias, (const float *) dst->op_params + 1, sizeof(float));
    memcpy(&softcap, (const float *) dst->op_params + 2, sizeof(float));
    return v->ne[0] == k->ne[0] && q->type == GGML_TYPE_F32 && is_cache_type(k->type) && is_cache_type(v->type) && dst->src[4] == nullptr && max_bias == 0.0f && softcap == 0.0f &&
        k->ne[2] == v->ne[2] && q->ne[2]%k->ne[2] == 0 && q->ne[2]/k->ne[2] <= ROWS && q->ne[3]%k->ne[3] == 0 &&
        q->ne[3]%v->ne[3] == 0 && (mask == nullptr || mask->type == GGML_TYPE_F16);
}

}  // namespace

// Calls `act` with the attention of this operation's size of heads; false where there is none.
template <typename Act>
static bool with_attention(const ggml_tensor * dst, const int threads, const Act & act) {
    ggml_tensor * node = const_cast<ggml_tensor *>(dst);
    switch (is_ours(dst) ? dst->src[1]->ne[0] : 0) {
        case 64: act(Attention<64>(node, threads)); return true;
        case 96: act(Attention<96>(node, threads)); return true;
        case 128: act(Attention<128>(node, threads)); return true;
        case 256: act(Attention<256>(node, threads)); return true;
        default: return false;
    }
}

size_t stillroom_attention_bytes(const ggml_tensor * dst, const int threads) {
    size_t bytes = 0;
    with_attention(dst, threads, [&](const auto & attention) { bytes = attention.bytes(threads); });
    return bytes;
}

// Figures that are compared with those of llama.cpp's own tools are made with its own attention.
static bool is_as_llama_cpp() {
    const char * wanted = getenv("STILLROOM_AS_LLAMA_CPP");
    return wanted != nullptr && strcmp(wanted, "1") == 0;
}

bool stillroom_attention(const ggml_compute_params * params, ggml_tensor * dst) {
    return !params->use_ref && !is_as_llama_cpp() &&
        with_attention(dst, params->nth, [&](const auto & attention) { attention.compute(params); });
}

#else

size_t stillroom_attention_bytes(const ggml_tensor *, int) {
    return 0;
}

bool stillroom_attention(const ggml_compute_params *, ggml_tensor *) {
    return false;
}

#endif
