# Debian packages that the targets link; found once, here, for every folder.
pkg_check_modules(FMT REQUIRED IMPORTED_TARGET fmt)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(LZ4 REQUIRED IMPORTED_TARGET liblz4)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(URING REQUIRED IMPORTED_TARGET liburing)
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
find_package(ZLIB REQUIRED)
find_library(SNAPPY_LIBRARY snappy REQUIRED)
