# cmake --install: the C++ libraries, one archive each, with their public headers (component "library"), so that
# find_package(stele) gives stele::log, stele::projections and stele::remote; the programs, their unit and settings
# (component "service"). cpack makes a Debian package of each. Public headers need the standard library alone.
# Tests: tests/compat/install, tests/compat/package.
if(NOT TARGET stele_log)  # the library of log/store; it links all of log/
  return()
endif()

set(STELE_PUBLIC_HEADERS
  log/base/bytes.h log/base/check.h log/base/checksum.h log/base/error.h log/base/ordinal.h
  log/base/partition_id.h log/base/uuid.h
  log/env/env.h log/env/posix_env.h
  log/event_store/event_store.h log/event_store/subscription.h log/events/event.h log/events/event_headers.h
  log/events/event_record.h log/events/event_view.h log/events/query.h log/events/tags.h
  log/format/batch_builder.h log/format/batch_check.h log/format/compressor.h log/format/decompressor.h
  log/format/record_batch.h log/format/records.h log/format/varint.h
  log/index/term.h log/index/term_index.h
  log/store/append_checks.h log/store/store.h log/store/topic_config.h log/streams/stream_rules.h)

set(STELE_LOG_OBJECTS)
foreach(folder base env format journal segment order index events streams partition compaction log event_store)
  if(TARGET stele_${folder})
    list(APPEND STELE_LOG_OBJECTS $<TARGET_OBJECTS:stele_${folder}>)
  endif()
endforeach()

add_library(stele_package STATIC ${STELE_LOG_OBJECTS})
set_target_properties(stele_package PROPERTIES EXPORT_NAME log OUTPUT_NAME stele LINKER_LANGUAGE CXX)
target_include_directories(stele_package INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/stele>)
target_compile_features(stele_package INTERFACE cxx_std_23)
target_link_libraries(stele_package INTERFACE fmt lz4 zstd snappy z xxhash uring Threads::Threads)

# Folds of events into states, and sources of events behind a wire; as libraries of their own, for who needs them.
set(STELE_PROJECTION_HEADERS
  projections/projections.h
  projections/engine/engine.h projections/engine/status.h projections/engine/view.h
  projections/flow/flow_task.h
  projections/fold/checkpoint.h projections/fold/definition.h projections/fold/draft.h projections/fold/effects.h
  projections/fold/event_steps.h projections/fold/event_traits.h projections/fold/fields.h projections/fold/input_event.h
  projections/fold/json_decode.h projections/fold/json_print.h projections/fold/meta.h projections/fold/projection.h
  projections/fold/state_box.h projections/fold/state_codec.h projections/fold/state_type.h projections/fold/value_kinds.h
  projections/process/decide.h projections/process/decider.h projections/process/decision.h projections/process/rekey.h
  projections/sources/assignment.h projections/sources/embedded_source.h projections/sources/event_access.h
  projections/sources/source.h
  projections/state/state_store.h
  projections/temporal/as_of.h projections/temporal/flow_replay.h projections/temporal/moment.h
  projections/temporal/past_table.h
  projections/testkit/fold_scene.h projections/testkit/given.h projections/testkit/given_events.h
  projections/remote/assignments.h projections/remote/kafka_source.h projections/remote/server_source.h)
set(STELE_PROJECTION_OBJECTS)
foreach(folder fold state sources process flow temporal engine testkit)
  list(APPEND STELE_PROJECTION_OBJECTS $<TARGET_OBJECTS:stele_${folder}>)
endforeach()
add_library(stele_projections_package STATIC ${STELE_PROJECTION_OBJECTS})
set_target_properties(stele_projections_package PROPERTIES EXPORT_NAME projections OUTPUT_NAME stele_projections
  LINKER_LANGUAGE CXX)
target_link_libraries(stele_projections_package INTERFACE stele_package sqlite3 simdjson)
add_library(stele_remote_package STATIC $<TARGET_OBJECTS:stele_remote> $<TARGET_OBJECTS:stele_proto>)
set_target_properties(stele_remote_package PROPERTIES EXPORT_NAME remote OUTPUT_NAME stele_remote LINKER_LANGUAGE CXX)
target_link_libraries(stele_remote_package INTERFACE stele_projections_package rdkafka grpc++ protobuf)

include(CMakePackageConfigHelpers)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/stele)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/steleConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(TARGETS stele_package stele_projections_package stele_remote_package EXPORT stele ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library)
install(EXPORT stele NAMESPACE stele:: FILE steleTargets.cmake DESTINATION ${package_folder} COMPONENT library)
install(FILES ${CMAKE_SOURCE_DIR}/cmake/steleConfig.cmake ${CMAKE_BINARY_DIR}/steleConfigVersion.cmake
  DESTINATION ${package_folder} COMPONENT library)
foreach(header ${STELE_PUBLIC_HEADERS} ${STELE_PROJECTION_HEADERS})
  get_filename_component(folder ${header} DIRECTORY)
  install(FILES ${CMAKE_SOURCE_DIR}/${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/stele/${folder}
    COMPONENT library)
endforeach()
install(CODE "set(package libstele-dev)" COMPONENT library)
configure_file(${CMAKE_SOURCE_DIR}/packaging/install_papers.cmake.in ${CMAKE_BINARY_DIR}/packaging/install_papers.cmake @ONLY)
install(SCRIPT ${CMAKE_BINARY_DIR}/packaging/install_papers.cmake COMPONENT library)

if(TARGET steled AND TARGET stele)
  install(TARGETS steled stele RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT service)
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/docs/ DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/stele COMPONENT service
    FILES_MATCHING PATTERN "*.md")
  configure_file(${CMAKE_SOURCE_DIR}/packaging/install_service.cmake.in
    ${CMAKE_BINARY_DIR}/packaging/install_service.cmake @ONLY)
  install(CODE "set(package stele)" COMPONENT service)
  install(SCRIPT ${CMAKE_BINARY_DIR}/packaging/install_papers.cmake COMPONENT service)
  install(SCRIPT ${CMAKE_BINARY_DIR}/packaging/install_service.cmake COMPONENT service)
endif()
include(StelePackage)
