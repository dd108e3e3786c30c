# find_package(stele): gives stele::log, stele::projections and stele::remote. Their packages on Debian 12:
#   log          libfmt-dev liblz4-dev libzstd-dev libsnappy-dev zlib1g-dev libxxhash-dev liburing-dev
#   projections  the same, libsqlite3-dev libsimdjson-dev
#   remote       the same, librdkafka-dev libgrpc++-dev libprotobuf-dev
include(CMakeFindDependencyMacro)
find_dependency(Threads)
include("${CMAKE_CURRENT_LIST_DIR}/steleTargets.cmake")
