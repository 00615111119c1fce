include_guard()

# Replaces text in llama.cpp's source. Stops the build where that has changed so that a place is not found, or found
# twice.
function(put_in variable old new)
  string(FIND "${${variable}}" "${old}" first)
  string(FIND "${${variable}}" "${old}" last REVERSE)
  if(first EQUAL -1 OR NOT first EQUAL last)
    message(FATAL_ERROR "llama.cpp has changed: ${CMAKE_CURRENT_LIST_FILE} does not find\n${old}")
  endif()
  string(REPLACE "${old}" "${new}" changed "${${variable}}")
  set(${variable} "${changed}" PARENT_SCOPE)
endfunction()
