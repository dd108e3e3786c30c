# stele_library(NAME SOURCES a.cpp … LINKS x …)   a folder's static library, with our warnings as errors
# stele_warnings(TARGET)                          the warnings alone
function(stele_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
    -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough -Wextra-semi -Wno-missing-designated-field-initializers -Werror)
endfunction()

# What depends on the kind of build: coverage for the fuzzers in what is shipped, not in tests (STELE_FUZZ); one set of
# precompiled headers for what is shipped, one for tests (STELE_PCH).
function(stele_build_kind target)
  set(kind source)
  if(CMAKE_CURRENT_SOURCE_DIR MATCHES "^${PROJECT_SOURCE_DIR}/tests")
    set(kind test)
  endif()
  set(coverage "")
  if(STELE_FUZZ AND kind STREQUAL "source")
    set(coverage -fsanitize=fuzzer-no-link)
  endif()
  target_compile_options(${target} PRIVATE ${coverage})
  if(NOT STELE_PCH)
    return()
  endif()
  if(NOT TARGET stele_pch_${kind})
    file(WRITE ${PROJECT_BINARY_DIR}/pch_${kind}.cpp "")
    add_library(stele_pch_${kind} OBJECT ${PROJECT_BINARY_DIR}/pch_${kind}.cpp)
    target_compile_options(stele_pch_${kind} PRIVATE ${coverage})
    target_precompile_headers(stele_pch_${kind} PRIVATE <algorithm> <array> <atomic> <chrono> <condition_variable>
      <cstdint> <deque> <expected> <functional> <map> <memory> <mutex> <optional> <set> <span> <string> <string_view>
      <tuple> <unordered_map> <utility> <variant> <vector> <fmt/format.h>)
  endif()
  target_precompile_headers(${target} REUSE_FROM stele_pch_${kind})
endfunction()

function(stele_library target)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS;PRIVATE_LINKS" ${ARGN})
  add_library(${target} STATIC ${ARG_SOURCES})
  target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>)
  target_link_libraries(${target} PUBLIC ${ARG_LINKS} PRIVATE ${ARG_PRIVATE_LINKS})
  stele_build_kind(${target})
  stele_warnings(${target})
endfunction()

function(stele_executable target)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  add_executable(${target} ${ARG_SOURCES})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${target} PRIVATE ${ARG_LINKS})
  stele_build_kind(${target})
  stele_warnings(${target})
endfunction()
