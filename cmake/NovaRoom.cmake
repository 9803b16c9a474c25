# nova_room(NAME [ROOMS other...] [LIBS target...])
#
# Makes the library nova_NAME from every source in this folder and below, and, from the tests that lie beside them,
#   NAME_test         from *_test.cpp          label unit: no privilege, no kernel objects
#   NAME_kernel_test  from *_kernel_test.cpp   label kernel: needs root; each test runs in a process of its own
#   NAME_machine_test from *_machine_test.cpp  label machine: boots a real guest
# Sources are found by pattern: adding one needs no edit here.
function(nova_room name)
  cmake_parse_arguments(ARG "" "" "ROOMS;LIBS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")

  add_library(nova_${name} STATIC ${sources})
  list(TRANSFORM ARG_ROOMS PREPEND nova_)
  target_link_libraries(nova_${name} PUBLIC ${ARG_ROOMS} ${ARG_LIBS} Threads::Threads nlohmann_json::nlohmann_json)
  if(name STREQUAL "base")
    target_precompile_headers(nova_base PRIVATE ${CMAKE_SOURCE_DIR}/cmake/precompiled.h)
  else()
    target_precompile_headers(nova_${name} REUSE_FROM nova_base)
  endif()
  if(NOVA_TESTS)
    nova_room_tests(${name} "${tests}")
  endif()
endfunction()

function(nova_room_tests name tests)
  set(kernel ${tests})
  list(FILTER kernel INCLUDE REGEX "_kernel_test\\.cpp$")
  set(machine ${tests})
  list(FILTER machine INCLUDE REGEX "_machine_test\\.cpp$")
  set(unit ${tests})
  list(FILTER unit EXCLUDE REGEX "_(kernel|machine)_test\\.cpp$")
  nova_test_program(${name}_test unit "${unit}" nova_${name})
  nova_test_program(${name}_kernel_test kernel "${kernel}" nova_${name})
  nova_test_program(${name}_machine_test machine "${machine}" nova_${name})
endfunction()

# Those who build Nova to use it need no tests: a third of the time. `make test` builds this.
add_custom_target(tests)

# nova_test_program(PROGRAM LABEL SOURCES LIBRARY)
function(nova_test_program program label sources library)
  if(NOT sources)
    return()
  endif()
  add_executable(${program} EXCLUDE_FROM_ALL ${sources})
  add_dependencies(tests ${program})
  target_compile_options(${program} PRIVATE -O0)
  target_link_libraries(${program} PRIVATE ${library} GTest::gtest_main GTest::gmock)
  if(TARGET base_test AND NOT program STREQUAL "base_test")
    target_precompile_headers(${program} REUSE_FROM base_test)
  else()
    target_precompile_headers(${program} PRIVATE ${CMAKE_SOURCE_DIR}/cmake/precompiled.h <gtest/gtest.h>)
  endif()
  include(GoogleTest)
  # An abort guard cleans up inside of a signal, where little is allowed: a test that would hang there fails all the same.
  set(tsan "report_signal_unsafe=0:suppressions=${CMAKE_SOURCE_DIR}/tests/tsan.supp")
  gtest_discover_tests(${program} TEST_PREFIX "${program}." DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 120
                       PROPERTIES LABELS ${label} TIMEOUT 300
                                  ENVIRONMENT_MODIFICATION "TSAN_OPTIONS=set:${tsan}"
                                  ENVIRONMENT "UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1") # Else a finding is no failure.
endfunction()
