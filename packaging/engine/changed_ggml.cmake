# Included by CMake after ggml's own project() (CMAKE_PROJECT_ggml_INCLUDE).
include(${CMAKE_CURRENT_LIST_DIR}/several_columns.cmake)
if(STILLROOM_PACKED_SHADERS)
  include(${CMAKE_CURRENT_LIST_DIR}/packed_shaders.cmake)
endif()
