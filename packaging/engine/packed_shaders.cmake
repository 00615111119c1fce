# The Vulkan library is little but shaders, for every kind of card, of which one computer uses a few. pack_shader.py
# leaves a key in the place of each; the copy of llama.cpp that is being compiled finds the shader by it where it
# makes a pipeline of it.
include(${CMAKE_CURRENT_LIST_DIR}/put_in.cmake)
set(place ${CMAKE_CURRENT_SOURCE_DIR}/src/ggml-vulkan)
file(READ ${place}/ggml-vulkan.cpp code)
set(begin [[    VK_LOG_DEBUG("ggml_vk_create_pipeline(" << device->name]])
set(unpack "    std::tie(spv_data, spv_size) = packed_shader(spv_data);\n")
if(NOT code MATCHES "packed_shaders.h")
  put_in(code "${begin}" "${unpack}${begin}")
  file(WRITE ${place}/ggml-vulkan.cpp "#include \"packed_shaders.h\"\n#include <tuple>\n${code}")
  file(APPEND ${place}/CMakeLists.txt "\ninclude(${CMAKE_CURRENT_LIST_DIR}/join_shaders.cmake)\n")
endif()
