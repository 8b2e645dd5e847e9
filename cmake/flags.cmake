# Makes the interface target weft_flags, which everything built here links, and sets weft_sanitize_flags,
# weft_have_valgrind_header and weft_flags_missing (wanted, but unknown to the compiler) for the rest.

include(CheckCCompilerFlag)
include(CheckCSourceCompiles)

add_library(weft_flags INTERFACE)
target_link_libraries(weft_flags INTERFACE Threads::Threads)
target_compile_options(weft_flags INTERFACE
  $<$<COMPILE_LANGUAGE:C>:-std=gnu11> -fvisibility=hidden -fno-omit-frame-pointer -fasynchronous-unwind-tables)

# Flags that not every compiler, or not for every processor, has. The map makes __FILE__ relative to the
# project, and leaves debug information alone, so that debuggers find the sources.
set(weft_flags_missing "")
function(weft_want_flag result flag)
  set(CMAKE_REQUIRED_FLAGS -Werror)
  check_c_compiler_flag(${flag} ${result})
  if(${result})
    target_compile_options(weft_flags INTERFACE $<$<COMPILE_LANGUAGE:C>:${flag}>)
  else()
    set(weft_flags_missing ${weft_flags_missing} ${flag} PARENT_SCOPE)
  endif()
endfunction()
weft_want_flag(WEFT_HAS_STACK_CLASH_PROTECTION -fstack-clash-protection)
weft_want_flag(WEFT_HAS_MACRO_PREFIX_MAP -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=)

set(warnings -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wundef -Wvla
  -Wwrite-strings)
if(WEFT_WERROR)
  list(APPEND warnings -Werror)
endif()
target_compile_options(weft_flags INTERFACE "$<$<COMPILE_LANGUAGE:C>:${warnings}>")

# Named only when on: the sources ask whether they are defined.
foreach(switch WEFT_DEBUG WEFT_CHAOS)
  if(${switch})
    target_compile_definitions(weft_flags INTERFACE ${switch}=1)
  endif()
endforeach()

if(WEFT_SANITIZE STREQUAL "")
  set(weft_sanitize_flags "")
elseif(WEFT_SANITIZE STREQUAL "address")
  set(weft_sanitize_flags -fsanitize=address,undefined -fno-sanitize-recover=all)
elseif(WEFT_SANITIZE STREQUAL "thread")
  set(weft_sanitize_flags -fsanitize=thread)
  if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    message(WARNING "gcc's ThreadSanitizer ends the program at about 8000 tasks; clang's does not")
  endif()
else()
  message(FATAL_ERROR "WEFT_SANITIZE is '${WEFT_SANITIZE}'; it may be empty, address or thread")
endif()
target_compile_options(weft_flags INTERFACE "$<$<COMPILE_LANGUAGE:C>:${weft_sanitize_flags}>")
target_link_options(weft_flags INTERFACE ${weft_sanitize_flags})

set(weft_have_valgrind_header OFF)
if(NOT WEFT_VALGRIND STREQUAL "AUTO")
  set(want_valgrind ${WEFT_VALGRIND})
elseif(CMAKE_CROSSCOMPILING OR WEFT_SANITIZE)
  set(want_valgrind OFF)
else()
  set(want_valgrind ${WEFT_DEBUG})
endif()
if(want_valgrind)
  check_c_source_compiles("#include <valgrind/valgrind.h>
    int main(void) { return RUNNING_ON_VALGRIND ? 1 : 0; }" WEFT_HAS_VALGRIND_HEADER)
  if(WEFT_HAS_VALGRIND_HEADER)
    set(weft_have_valgrind_header ON)
    target_compile_definitions(weft_flags INTERFACE WEFT_HAVE_VALGRIND=1)
  elseif(NOT WEFT_VALGRIND STREQUAL "AUTO")
    message(FATAL_ERROR "WEFT_VALGRIND is ON, but <valgrind/valgrind.h> was not found")
  endif()
endif()

if(WEFT_LTO)
  # The flag is tried by a link, as it is the linker that may not know the compiler's intermediate code.
  set(CMAKE_REQUIRED_FLAGS -flto)
  check_c_source_compiles("int main(void) { return 0; }" WEFT_HAS_LTO)
  unset(CMAKE_REQUIRED_FLAGS)
  if(NOT WEFT_HAS_LTO)
    message(FATAL_ERROR "WEFT_LTO is ON, but ${CMAKE_C_COMPILER} cannot link with -flto "
      "(clang wants its own linker: -DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=lld)")
  endif()
  set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
endif()
