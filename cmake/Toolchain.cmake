# What the whole tree is compiled with. Refuses compilers that miscompile our coroutines.
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR CMAKE_CXX_COMPILER_VERSION VERSION_LESS 19)
  message(FATAL_ERROR
    "Stele is built with Clang 19 (found ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}). g++ 12 destroys "
    "temporaries twice in co_await statements. Use a preset: cmake --preset release")
endif()

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")

set(STELE_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize= takes them")
option(STELE_FUZZ "Build the libFuzzer targets" OFF)

add_link_options(-fuse-ld=lld-19 $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-pie>)
add_compile_definitions(_GLIBCXX_ASSERTIONS)
# The same for libraries and programs, so that they share precompiled headers.
add_compile_options(-fPIC -pthread -fstack-protector-strong "-ffile-prefix-map=${CMAKE_SOURCE_DIR}=.")
if(STELE_SANITIZE)
  add_compile_options(-fsanitize=${STELE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all -O1 -g1)
  add_link_options(-fsanitize=${STELE_SANITIZE})
elseif(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  add_compile_definitions(_FORTIFY_SOURCE=2)
  add_link_options(-Wl,-z,relro,-z,now)
endif()
option(STELE_PCH "Precompiled standard headers: a cold build is a quarter faster, an include may go missing unseen" OFF)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
