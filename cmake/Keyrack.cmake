# Shared build rules: warnings, sanitizers, libraries from pkg-config, and the helpers the folders use.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(OPENSSL REQUIRED IMPORTED_TARGET libcrypto>=3.0)
pkg_check_modules(UV REQUIRED IMPORTED_TARGET libuv)
pkg_check_modules(MHD REQUIRED IMPORTED_TARGET libmicrohttpd)
pkg_check_modules(SYSTEMD REQUIRED IMPORTED_TARGET libsystemd)
pkg_check_modules(IBVERBS REQUIRED IMPORTED_TARGET libibverbs)
pkg_check_modules(RDMACM REQUIRED IMPORTED_TARGET librdmacm)
pkg_check_modules(MNL REQUIRED IMPORTED_TARGET libmnl)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(NCURSESW REQUIRED IMPORTED_TARGET ncursesw)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)

add_library(keyrack_flags INTERFACE)
target_compile_options(keyrack_flags INTERFACE
  -Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings
  -Wundef -Wformat=2 -Wimplicit-fallthrough -Wswitch-enum -fno-common -fstack-protector-strong
  -Wno-missing-field-initializers)
if(KEYRACK_WERROR)
  target_compile_options(keyrack_flags INTERFACE -Werror)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT KEYRACK_SANITIZE)
  target_compile_definitions(keyrack_flags INTERFACE _FORTIFY_SOURCE=2)
endif()
target_compile_definitions(keyrack_flags INTERFACE _GNU_SOURCE KEYRACK_VERSION="${PROJECT_VERSION}")
target_include_directories(keyrack_flags INTERFACE ${CMAKE_SOURCE_DIR})
if(KEYRACK_SANITIZE)
  target_compile_options(keyrack_flags INTERFACE -fsanitize=${KEYRACK_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  target_link_options(keyrack_flags INTERFACE -fsanitize=${KEYRACK_SANITIZE})
endif()

# keyrack_library(NAME SOURCES ... LIBS ...): a static library of one folder.
function(keyrack_library name)
  cmake_parse_arguments(A "" "" "SOURCES;LIBS" ${ARGN})
  add_library(${name} STATIC ${A_SOURCES})
  target_link_libraries(${name} PUBLIC keyrack_flags ${A_LIBS})
endfunction()

# keyrack_program(NAME SOURCES ... LIBS ...): a binary in build/<preset>/bin.
function(keyrack_program name)
  cmake_parse_arguments(A "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${A_SOURCES})
  target_link_libraries(${name} PRIVATE keyrack_flags ${A_LIBS})
endfunction()

# keyrack_test(NAME SOURCES ... LIBS ... LABELS ... TIMEOUT secs): a cmocka program that ctest runs.
# Exit code 77 means: skipped, and the program has printed why.
function(keyrack_test name)
  cmake_parse_arguments(A "" "TIMEOUT" "SOURCES;LIBS;LABELS;ARGS" ${ARGN})
  if(NOT A_LABELS)
    set(A_LABELS unit)
  endif()
  if(NOT A_TIMEOUT)
    set(A_TIMEOUT 120)
  endif()
  add_executable(${name} ${A_SOURCES})
  target_link_libraries(${name} PRIVATE keyrack_flags ${A_LIBS} PkgConfig::CMOCKA)
  target_compile_definitions(${name} PRIVATE TEST_DATA_DIR="${CMAKE_SOURCE_DIR}/tests/data")
  add_test(NAME ${name} COMMAND ${name} ${A_ARGS})
  set_tests_properties(${name} PROPERTIES LABELS "${A_LABELS}" SKIP_RETURN_CODE 77 TIMEOUT ${A_TIMEOUT})
endfunction()

# keyrack_fuzz(NAME SOURCES ... LIBS ... CORPUS dir): a libFuzzer target; without KEYRACK_FUZZ the same file is
# built with tests/fuzz/replay.c, which runs the corpus through it as a unit test.
function(keyrack_fuzz name)
  cmake_parse_arguments(A "" "CORPUS" "SOURCES;LIBS" ${ARGN})
  if(KEYRACK_FUZZ)
    add_executable(${name} ${A_SOURCES})
    target_link_libraries(${name} PRIVATE keyrack_flags ${A_LIBS})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    add_test(NAME ${name} COMMAND ${name} -max_total_time=6 -timeout=10 -rss_limit_mb=2048
      ${CMAKE_BINARY_DIR}/corpus/${name} ${A_CORPUS})
    file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/corpus/${name})
    set_tests_properties(${name} PROPERTIES LABELS fuzz TIMEOUT 120)
  else()
    add_executable(${name}_replay ${A_SOURCES} ${CMAKE_SOURCE_DIR}/tests/fuzz/replay.c)
    target_link_libraries(${name}_replay PRIVATE keyrack_flags ${A_LIBS})
    add_test(NAME ${name}_replay COMMAND ${name}_replay ${A_CORPUS})
    set_tests_properties(${name}_replay PROPERTIES LABELS unit TIMEOUT 120)
  endif()
endfunction()
