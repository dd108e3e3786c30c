# cpack -G DEB: the packages stele (service and tool) and libstele-dev (the library), from what is built; nothing is
# compiled. Only one of them: cpack -G DEB -D CPACK_COMPONENTS_ALL=service
set(deb ${CMAKE_SOURCE_DIR}/packaging/deb)
set(CPACK_GENERATOR DEB)
set(CPACK_COMPONENTS_ALL service library)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_PACKAGE_NAME stele)
set(CPACK_PACKAGE_VENDOR Stele)
set(CPACK_PACKAGE_CONTACT "Stele maintainers <maintainers@users.noreply.github.com>")
# /etc and /lib are outside the prefix.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)

set(CPACK_DEBIAN_SERVICE_PACKAGE_NAME stele)
set(CPACK_DEBIAN_SERVICE_PACKAGE_SECTION database)
set(CPACK_DEBIAN_SERVICE_PACKAGE_DEPENDS adduser)
set(CPACK_DEBIAN_SERVICE_PACKAGE_CONTROL_EXTRA ${deb}/postinst ${deb}/prerm ${deb}/postrm ${deb}/conffiles)
set(CPACK_DEBIAN_SERVICE_DESCRIPTION
  "event store that speaks the Kafka protocol
An append-only, partitioned log with one total order, durable by default:
every acknowledgement waits for a flush. Kafka clients use it unmodified.
.
This package holds the service steled with its systemd unit, and stele, which
checks the store of a stopped service.")

set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME libstele-dev)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_DEPENDS
  "libfmt-dev, liblz4-dev, libsimdjson-dev, libsnappy-dev, libsqlite3-dev, liburing-dev, libxxhash-dev, libzstd-dev, zlib1g-dev")
set(CPACK_DEBIAN_LIBRARY_PACKAGE_RECOMMENDS "librdkafka-dev, libgrpc++-dev, libprotobuf-dev")
set(CPACK_DEBIAN_LIBRARY_DESCRIPTION
  "event store embedded in a C++ program
The log of Stele and its projections as static libraries with their public
headers and a CMake package: find_package(stele) gives stele::log,
stele::projections and stele::remote. The headers need the standard library
alone and compile as C++23.")

include(CPack)
