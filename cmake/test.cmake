# How the programs of test/ and examples/ become CTest tests.
#
# A test may say in its source what it needs, in one or several comments of this form:
#     /* weft-test: timeout=300 env=WEFT_PROCS=4 label=stress libs=m */
#   timeout  seconds until it counts as hung (default 120); five times as much under sanitizers, valgrind and
#            emulators
#   env      a variable of its environment; may be repeated
#   label    a CTest label; may be repeated. `stress`: not part of `make test`. `valgrind`: debug builds run the
#            program a second time, under valgrind
#   libs     a library to link; may be repeated
# Exit status 77 means: skipped.

set(weft_slow_factor 1)
set(weft_run_prefix "")
if(CMAKE_CROSSCOMPILING)
  set(weft_slow_factor 5)
  set(weft_run_prefix ${CMAKE_CROSSCOMPILING_EMULATOR})
elseif(WEFT_SANITIZE)
  set(weft_slow_factor 5)
  # Sanitizers of before 2024 may refuse to start where address space randomisation is strong.
  find_program(WEFT_PROGRAM_setarch setarch)
  mark_as_advanced(WEFT_PROGRAM_setarch)
  if(WEFT_PROGRAM_setarch)
    execute_process(COMMAND ${WEFT_PROGRAM_setarch} ${CMAKE_SYSTEM_PROCESSOR} -R true
      RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
    if(NOT failed)
      set(weft_run_prefix ${WEFT_PROGRAM_setarch} ${CMAKE_SYSTEM_PROCESSOR} -R)
    endif()
  endif()
endif()

# What every test finds in its environment.
string(REPLACE ";" " " prefix_text "${weft_run_prefix}")
set(weft_test_environment
  WEFT_BUILD_DIR=${PROJECT_BINARY_DIR}
  WEFT_SOURCE_DIR=${PROJECT_SOURCE_DIR}
  WEFT_RUN=${prefix_text}
  WEFT_SANITIZE=${WEFT_SANITIZE})
if(WEFT_BUILD_CLI)
  list(APPEND weft_test_environment WEFT_BIN=$<TARGET_FILE:weft_cli>)
endif()
if(CMAKE_CROSSCOMPILING)
  list(APPEND weft_test_environment WEFT_CROSS=1)
endif()

# Sets test_timeout, test_env, test_label and test_libs from the weft-test lines of a source.
function(weft_read_needs source)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
  set(timeout 120)
  set(env "")
  set(label "")
  set(libs "")
  file(STRINGS ${source} lines REGEX "^[/#* \t]*weft-test:")
  foreach(line IN LISTS lines)
    string(REGEX REPLACE "^.*weft-test:" "" line "${line}")
    string(REPLACE "*/" "" line "${line}")
    string(STRIP "${line}" line)
    string(REGEX REPLACE "[ \t]+" ";" words "${line}")
    foreach(word IN LISTS words)
      if(NOT word MATCHES "^(timeout|env|label|libs)=(.+)$")
        message(FATAL_ERROR "${source}: weft-test does not know '${word}'")
      endif()
      if(CMAKE_MATCH_1 STREQUAL "timeout")
        set(timeout ${CMAKE_MATCH_2})
      else()
        list(APPEND ${CMAKE_MATCH_1} ${CMAKE_MATCH_2})
      endif()
    endforeach()
  endforeach()
  foreach(key timeout env label libs)
    set(test_${key} ${${key}} PARENT_SCOPE)
  endforeach()
endfunction()

# Adds a test that runs a command; reads the test_ variables of the caller.
function(weft_add_test name factor)
  add_test(NAME ${name} COMMAND ${ARGN})
  math(EXPR seconds "${test_timeout} * ${factor}")
  set_tests_properties(${name} PROPERTIES
    TIMEOUT ${seconds}
    SKIP_RETURN_CODE 77
    LABELS "${test_label}"
    ENVIRONMENT "${weft_test_environment};${test_env}")
endfunction()

# A program of one source, and a test that it exits with 0.
function(weft_add_test_program test target source library)
  weft_read_needs(${source})
  get_filename_component(name ${source} NAME_WE)
  add_executable(${target} ${source})
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name})
  target_link_libraries(${target} PRIVATE weft_flags ${library} ${test_libs})
  weft_add_test(${test} ${weft_slow_factor} ${weft_run_prefix} $<TARGET_FILE:${target}>)
endfunction()
