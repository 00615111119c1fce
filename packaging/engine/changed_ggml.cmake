# Included by CMake after ggml's own project() (CMAKE_PROJECT_ggml_INCLUDE): what we change in the copy of llama.cpp
# that is being compiled.

include(${CMAKE_CURRENT_LIST_DIR}/put_in.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/several_columns.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/repacked_tiles.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/aligned_work.cmake)
if(STILLROOM_PACKED_SHADERS)
  include(${CMAKE_CURRENT_LIST_DIR}/packed_shaders.cmake)
endif()
