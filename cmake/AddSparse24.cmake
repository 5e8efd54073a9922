# Helpers for declaring the libraries of this project.

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER "${CCACHE_PROGRAM}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE_PROGRAM}")
endif()

# LLVM's own flags: no exceptions; warnings that find mistakes.
set(SPARSE24_WARNINGS -Wall -Wextra -Wno-unused-parameter -Wno-comment
    -Wno-dangling-pointer -Wno-maybe-uninitialized)

# sparse24_add_library(<Part> SOURCES… [LINK_LIBS targets…] [DEPENDS targets…])
# A library that has no MLIR in it: Sparse24<Part>, alias Sparse24::<Part>.
function(sparse24_add_library part)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK_LIBS;DEPENDS" ${ARGN})
  set(name Sparse24${part})
  add_library(${name} STATIC ${ARG_SOURCES})
  add_library(Sparse24::${part} ALIAS ${name})
  set_target_properties(${name} PROPERTIES EXPORT_NAME ${part}
                        POSITION_INDEPENDENT_CODE ON)
  target_compile_options(${name} PRIVATE ${SPARSE24_WARNINGS})
  target_include_directories(${name} INTERFACE
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
    $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
  target_link_libraries(${name} PUBLIC ${ARG_LINK_LIBS})
  install(TARGETS ${name} EXPORT Sparse24Targets
          ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
endfunction()

# sparse24_add_mlir_library(<Part> SOURCES… [LINK_LIBS targets…])
# A library with dialects or passes in it; sees every generated header.
function(sparse24_add_mlir_library part)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK_LIBS" ${ARGN})
  sparse24_add_library(${part} SOURCES ${ARG_SOURCES}
    LINK_LIBS ${ARG_LINK_LIBS} MLIR LLVM DEPENDS Sparse24Headers)
  target_compile_options(Sparse24${part} PRIVATE -fno-exceptions)
  if(SPARSE24_PRECOMPILE_HEADERS)
    target_precompile_headers(Sparse24${part} REUSE_FROM Sparse24Upstream)
  endif()
  set_property(GLOBAL APPEND PROPERTY SPARSE24_MLIR_PARTS Sparse24::${part})
endfunction()

# sparse24_add_umbrella()
# Sparse24::All: everything that sparse24/InitAll.h registers.
function(sparse24_add_umbrella)
  get_property(parts GLOBAL PROPERTY SPARSE24_MLIR_PARTS)
  add_library(Sparse24All INTERFACE)
  add_library(Sparse24::All ALIAS Sparse24All)
  set_target_properties(Sparse24All PROPERTIES EXPORT_NAME All)
  target_link_libraries(Sparse24All INTERFACE ${parts})
  install(TARGETS Sparse24All EXPORT Sparse24Targets)
endfunction()
