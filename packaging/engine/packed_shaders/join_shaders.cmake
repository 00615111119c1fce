# Included at the end of ggml-vulkan's CMakeLists.txt where STILLROOM_PACKED_SHADERS names this folder
# (patches/0005-packed-shaders.patch): packs all shaders into one file when each is made, and links the library with
# what unpacks them.
set(places ${CMAKE_CURRENT_BINARY_DIR}/packed_shaders.inc)
add_custom_command(
  OUTPUT ${places}
  COMMAND ${CMAKE_CURRENT_LIST_DIR}/join_shaders.py ${_ggml_vk_output_dir} ${places}
  DEPENDS ${_ggml_vk_generated_shader_files} ${CMAKE_CURRENT_LIST_DIR}/join_shaders.py
  COMMENT "Pack vulkan shaders")
target_sources(ggml-vulkan PRIVATE ${CMAKE_CURRENT_LIST_DIR}/packed_shaders.cpp ${places})
target_include_directories(ggml-vulkan PRIVATE ${CMAKE_CURRENT_LIST_DIR} ${CMAKE_CURRENT_BINARY_DIR})
target_compile_definitions(ggml-vulkan PRIVATE STILLROOM_PACKED_SHADERS)
target_link_libraries(ggml-vulkan PRIVATE lzma)
