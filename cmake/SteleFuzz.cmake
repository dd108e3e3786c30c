# stele_fuzzer(NAME SOURCES a.cpp … LINKS x … CORPUS folder)
# One LLVMFuzzerTestOneInput. With STELE_FUZZ it is a libFuzzer binary; without, tests/fuzz/replay_main.cpp feeds it the
# corpus. Either way the corpus runs as the test <NAME>_corpus, so that a fuzzer never rots.
# CORPUS is relative to tests/fuzz/corpus; its own name by default.
function(stele_fuzzer target)
  cmake_parse_arguments(ARG "" "CORPUS" "SOURCES;LINKS" ${ARGN})
  if(NOT ARG_CORPUS)
    set(ARG_CORPUS ${target})
  endif()
  set(corpus "${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${ARG_CORPUS}")
  if(STELE_FUZZ)
    stele_executable(${target} SOURCES ${ARG_SOURCES} LINKS ${ARG_LINKS})
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    add_test(NAME ${target}_corpus COMMAND ${target} -runs=0 "${corpus}")
  else()
    stele_executable(${target} SOURCES ${ARG_SOURCES} "${PROJECT_SOURCE_DIR}/tests/fuzz/replay_main.cpp"
      LINKS ${ARG_LINKS})
    add_test(NAME ${target}_corpus COMMAND ${target} "${corpus}")
  endif()
endfunction()
