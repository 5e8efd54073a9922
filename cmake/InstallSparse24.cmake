# Installs headers and the package that find_package(Sparse24) reads.

include(CMakePackageConfigHelpers)

set(SPARSE24_CMAKE_INSTALL_DIR "${CMAKE_INSTALL_LIBDIR}/cmake/Sparse24")

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/"
        DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        FILES_MATCHING PATTERN "*.h" PATTERN "*.td")
if(SPARSE24_ENABLE_COMPILER)
  install(DIRECTORY "${PROJECT_BINARY_DIR}/include/"
          DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
          FILES_MATCHING PATTERN "*.inc" PATTERN "CMakeFiles" EXCLUDE)
endif()
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE"
        DESTINATION "${CMAKE_INSTALL_DOCDIR}")

configure_package_config_file(
  "${PROJECT_SOURCE_DIR}/cmake/Sparse24Config.cmake.in"
  "${PROJECT_BINARY_DIR}/cmake/Sparse24Config.cmake"
  INSTALL_DESTINATION "${SPARSE24_CMAKE_INSTALL_DIR}")
write_basic_package_version_file(
  "${PROJECT_BINARY_DIR}/cmake/Sparse24ConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES
  "${PROJECT_BINARY_DIR}/cmake/Sparse24Config.cmake"
  "${PROJECT_BINARY_DIR}/cmake/Sparse24ConfigVersion.cmake"
  DESTINATION "${SPARSE24_CMAKE_INSTALL_DIR}")
install(EXPORT Sparse24Targets NAMESPACE Sparse24::
        DESTINATION "${SPARSE24_CMAKE_INSTALL_DIR}")
