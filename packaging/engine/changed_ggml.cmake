# Included by CMake after ggml's own project() (CMAKE_PROJECT_ggml_INCLUDE): what we change in the copy of llama.cpp
# that is being compiled.

# Stops the build where its source has changed so that a place is not found, or found twice.
function(put_in variable old new)
  string(FIND "${${variable}}" "${old}" first)
  string(FIND "${${variable}}" "${old}" last REVERSE)
  if(first EQUAL -1 OR NOT first EQUAL last)
    message(FATAL_ERROR "llama.cpp has changed: ${CMAKE_CURRENT_LIST_FILE} does not find\n${old}")
  endif()
  string(REPLACE "${old}" "${new}" changed "${${variable}}")
  set(${variable} "${changed}" PARENT_SCOPE)
endfunction()

include(${CMAKE_CURRENT_LIST_DIR}/several_columns.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/repacked_tiles.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/aligned_work.cmake)
if(STILLROOM_PACKED_SHADERS)
  include(${CMAKE_CURRENT_LIST_DIR}/packed_shaders.cmake)
endif()
