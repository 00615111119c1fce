// Included by ggml-vulkan.cpp (patches/0005-packed-shaders.patch).
#pragma once

#include <cstddef>
#include <utility>

// The SPIR-V whose key `key` points to, and its size in bytes. It stays valid; any thread may ask.
std::pair<const void *, size_t> packed_shader(const void * key);
