# find_package(stele): gives stele::log. Its packages on Debian 12: libfmt-dev liblz4-dev libzstd-dev
# libsnappy-dev zlib1g-dev libxxhash-dev liburing-dev.
include(CMakeFindDependencyMacro)
find_dependency(Threads)
include("${CMAKE_CURRENT_LIST_DIR}/steleTargets.cmake")
