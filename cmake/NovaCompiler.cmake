# Flags that every target shares, so that precompiled headers can be reused across rooms.
add_compile_options(-Wall -Wextra -Wshadow $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor> $<$<COMPILE_LANGUAGE:CXX>:-Woverloaded-virtual>
                    -Werror=return-type -Werror=unused-result -fPIC -fstack-protector-strong)
# Quoted includes start at src/. Not -I: our room sys would hide the C library's <sys/...>.
add_compile_options("SHELL:-iquote ${CMAKE_SOURCE_DIR}/src")
add_compile_definitions(_GNU_SOURCE NOVA_VERSION="${PROJECT_VERSION}")
add_compile_options(-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)

# GCC 12 sees overlaps and overruns in concatenated strings and in Result that are not there (its bugs 105329 and 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wno-array-bounds> $<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>
                      $<$<COMPILE_LANGUAGE:CXX>:-Wno-stringop-overflow> $<$<COMPILE_LANGUAGE:CXX>:-Wno-stringop-overread>)
endif()

if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_compile_options(-Wno-gnu-statement-expression)
endif()

if(NOVA_SANITIZE)
  add_compile_options(-fsanitize=${NOVA_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${NOVA_SANITIZE})
endif()
if(NOVA_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined)
  add_link_options(-fsanitize=address,undefined)
endif()

find_program(NOVA_MOLD mold)
if(NOVA_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

# ccache needs to be told that precompiled headers are safe to reuse, and that the checkout may move.
find_program(NOVA_CCACHE ccache)
if(NOVA_CCACHE)
  set(launcher env CCACHE_SLOPPINESS=pch_defines,time_macros CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${NOVA_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>)
  endif()
endif()

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(nlohmann_json REQUIRED)
if(NOVA_TESTS)
  find_package(GTest REQUIRED)
endif()
