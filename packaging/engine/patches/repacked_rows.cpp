// Included at the end of ggml-cpu/tiled/tiled.cpp by 0003-repacked-rows.patch.
//
// llama.cpp lays the rows of Q4_K and Q4_0 weights in eights, which makes the next token of a reply faster. Columns are
// multiplied with the rows as they lie (repacked_columns.h). For a prompt with Q4_K llama.cpp's product of tiles is
// faster still, but takes rows one behind the other only: where there are many columns the rows of each part are put
// apart again, which is little work beside them, and multiplied by tiles.

#include "repacked_rows.h"

#include "repack.h"
#include "several_columns.h"
#include "simd-mappings.h"

#include <memory>
#include <vector>

#include "repacked_columns.h"

// The inverse of make_block_q4_Kx8 with eight bytes of each row in turn (repack.cpp). `stride` is a row's blocks.
static void stillroom_apart(const block_q4_Kx8 & packed, block_q4_K * rows, int64_t stride) {
    for (int i = 0; i < QK_K/2; ++i) {
        memcpy(&rows[(i%8)*stride].qs[i/8*8], &packed.qs[i*8], 8);
    }
    uint8_t scales[8][8], mins[8][8];  // of each row's blocks of 32
    for (int block = 0; block < 8; ++block) {
        const uint8_t * twelve = packed.scales + 12*block;
        for (int row = 0; row < 4; ++row) {
            scales[row][block] = twelve[row] & 63;
            scales[row + 4][block] = (twelve[row + 8] & 15) | (twelve[row] >> 6 << 4);
            mins[row][block] = twelve[row + 4] & 63;
            mins[row + 4][block] = (twelve[row + 8] >> 4) | (twelve[row + 4] >> 6 << 4);
        }
    }
    for (int row = 0; row < 8; ++row) {
        auto & out = rows[row*stride];
        out.data.data.d = packed.d[row];
        out.data.data.dmin = packed.dmin[row];
        for (int i = 0; i < 4; ++i) {
            out.scales[i] = scales[row][i] | (scales[row][i + 4] >> 4 << 6);
            out.scales[i + 4] = mins[row][i] | (mins[row][i + 4] >> 4 << 6);
            out.scales[i + 8] = (scales[row][i + 4] & 15) | (mins[row][i + 4] << 4);
        }
    }
}

#if defined(__AVX2__)

// The rows from `first` on, apart and then by tiles. The columns are in the work memory.
static void stillroom_by_tiles(
        const ggml_compute_params * params, ggml_tensor * dst, const int64_t first, const int64_t some) {
    static thread_local std::unique_ptr<tiled_ws> tiles = std::make_unique<tiled_ws>();
    static thread_local std::vector<block_q4_K> apart;
    const ggml_tensor * src0 = dst->src[0];
    const int64_t stride = src0->ne[0]/QK_K;
    apart.resize(TILED_TILE_ROWS*stride);
    for (int64_t row = 0; row < some; row += 8) {
        const auto * packed = reinterpret_cast<const block_q4_Kx8 *>(
            static_cast<const char *>(src0->data) + (first + row)*src0->nb[1]);
        for (int64_t block = 0; block < stride; ++block) {
            stillroom_apart(packed[block], &apart[row*stride + block], stride);
        }
    }
    ggml_tensor part_of_src0 = *src0, part_of_dst = *dst;
    part_of_src0.data = apart.data();
    part_of_src0.ne[1] = part_of_dst.ne[0] = some;
    part_of_dst.src[0] = &part_of_src0;
    part_of_dst.data = static_cast<float *>(dst->data) + first;
    ggml_compute_forward_mul_mat_tiled_one_chunk<block_q4_K, 32, true, 0, false>(
        params, &part_of_dst, 0, some, 0, dst->src[1]->ne[1], tiles.get());
}

#endif

bool stillroom_mul_mat_repacked(const ggml_compute_params * params, ggml_tensor * dst) {
#if defined(__AVX2__)
    const ggml_tensor * src0 = dst->src[0];
    const ggml_tensor * src1 = dst->src[1];
    const int64_t values = src0->ne[0], rows = src0->ne[1], columns = src1->ne[1];
    if (params->use_ref || src0->ne[2]*src0->ne[3] != 1 || src1->ne[2]*src1->ne[3] != 1 ||
        src1->nb[0] != sizeof(float)) {
        return false;
    }
    const bool by_tiles =
        src0->type == GGML_TYPE_Q4_K && columns >= STILLROOM_TILES_FROM && ggml_tiled_matmul_enabled();
    const ggml_type column_type = src0->type == GGML_TYPE_Q4_K ? GGML_TYPE_Q8_K : GGML_TYPE_Q8_0;
    const size_t column_bytes = ggml_row_size(column_type, values);
    const ggml_from_float_t quantise = ggml_get_type_traits_cpu(column_type)->from_float;
    char * quantised = static_cast<char *>(params->wdata);
    for (int64_t column = params->ith; column < columns; column += params->nth) {
        quantise(
            reinterpret_cast<const float *>(static_cast<const char *>(src1->data) + column*src1->nb[1]),
            quantised + column*column_bytes, values);
    }
    // As many rows as a tile has at most, and at least four parts for each thread.
    int64_t part = TILED_TILE_ROWS;
    while (part > TILED_MICRO && rows < 4*part*params->nth) {
        part /= 2;
    }
    const int64_t parts = (rows + part - 1)/part;
    if (params->ith == 0) {
        ggml_threadpool_chunk_set(params->threadpool, params->nth);
    }
    ggml_barrier(params->threadpool);

    for (int64_t number = params->ith; number < parts; number = ggml_threadpool_chunk_add(params->threadpool, 1)) {
        const int64_t first = number*part, some = MIN(part, rows - first);
        if (by_tiles) {
            stillroom_by_tiles(params, dst, first, some);
        } else {
            stillroom_repacked_columns(
                src0->type, values, some, static_cast<const char *>(src0->data) + first*src0->nb[1], columns, quantised,
                static_cast<float *>(dst->data) + first, dst->nb[1]/sizeof(float));
        }
    }
    return true;
#else
    UNUSED(params);
    UNUSED(dst);
    return false;
#endif
}
