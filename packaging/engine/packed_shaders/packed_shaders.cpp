// Unpacks the Vulkan back end's shaders. A block holds those made of one source file or a few, and is unpacked
// whole when the first of them is asked for.
#include "packed_shaders.h"

#include "ggml.h"

#include <lzma.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <mutex>
#include <vector>

namespace {

struct block_place {
    size_t begin;
    size_t packed_bytes;
    size_t bytes;
};

struct shader_place {
    uint64_t key;
    uint32_t block;
    uint32_t begin;
    uint32_t bytes;
};

// Written by join_shaders.py: PACKED_SHADERS_FILE, BLOCKS, and SHADERS in the order of their keys.
#include "packed_shaders.inc"

} // namespace

asm(".pushsection .rodata\n"
    ".balign 16\n"
    "packed_shaders_begin:\n"
    ".incbin \"" PACKED_SHADERS_FILE "\"\n"
    ".popsection\n");
extern "C" __attribute__((visibility("hidden"))) const uint8_t packed_shaders_begin[];

std::pair<const void *, size_t> packed_shader(const void * key_data) {
    uint64_t key;
    memcpy(&key, key_data, sizeof(key));
    const auto * shader = std::lower_bound(std::begin(SHADERS), std::end(SHADERS), key,
                                           [](const shader_place & place, uint64_t k) { return place.key < k; });
    GGML_ASSERT(shader != std::end(SHADERS) && shader->key == key);

    static std::mutex mutex;
    static std::vector<uint8_t> unpacked[std::size(BLOCKS)];
    std::lock_guard<std::mutex> lock(mutex);
    std::vector<uint8_t> & block = unpacked[shader->block];
    if (block.empty()) {
        const block_place & place = BLOCKS[shader->block];
        block.resize(place.bytes);
        uint64_t memory_limit_bytes = UINT64_MAX;
        size_t read_bytes = 0;
        size_t written_bytes = 0;
        const lzma_ret result =
            lzma_stream_buffer_decode(&memory_limit_bytes, 0, nullptr, packed_shaders_begin + place.begin, &read_bytes,
                                      place.packed_bytes, block.data(), &written_bytes, block.size());
        GGML_ASSERT(result == LZMA_OK && written_bytes == block.size());
    }
    return { block.data() + shader->begin, shader->bytes };
}
