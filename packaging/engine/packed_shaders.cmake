# Included by CMake after ggml's own project() (CMAKE_PROJECT_ggml_INCLUDE). The Vulkan library is little but
# shaders, for every kind of card, of which one computer uses a few. They come compressed (pack_shader.py), and
# llama.cpp, in the copy that is being compiled, unpacks one where it makes a pipeline of it.
set(place ${CMAKE_CURRENT_SOURCE_DIR}/src/ggml-vulkan)
file(READ ${place}/ggml-vulkan.cpp code)
set(begin [[    VK_LOG_DEBUG("ggml_vk_create_pipeline(" << device->name]])
set(unpack [[
    uint32_t unpacked_bytes;
    memcpy(&unpacked_bytes, spv_data, sizeof(unpacked_bytes));
    std::vector<uint32_t> unpacked(unpacked_bytes / sizeof(uint32_t));
    uLongf filled_bytes = unpacked_bytes;
    const int unpacking = uncompress(reinterpret_cast<Bytef *>(unpacked.data()), &filled_bytes,
                                     static_cast<const Bytef *>(spv_data) + sizeof(unpacked_bytes),
                                     spv_size - sizeof(unpacked_bytes));
    GGML_ASSERT(unpacking == Z_OK && filled_bytes == unpacked_bytes);
    spv_data = unpacked.data();
    spv_size = unpacked_bytes;
]])
if(NOT code MATCHES "#include <zlib.h>")
  string(FIND "${code}" "${begin}" first)
  string(FIND "${code}" "${begin}" last REVERSE)
  if(first EQUAL -1 OR NOT first EQUAL last)
    message(FATAL_ERROR "ggml-vulkan.cpp has changed: packed_shaders.cmake does not find where shaders are used")
  endif()
  string(REPLACE "${begin}" "${unpack}${begin}" code "${code}")
  file(WRITE ${place}/ggml-vulkan.cpp "#include <zlib.h>\n${code}")
  file(APPEND ${place}/CMakeLists.txt "\ntarget_link_libraries(ggml-vulkan PRIVATE z)\n")
endif()
