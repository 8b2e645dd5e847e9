# What `cmake --install` puts where: libraries, headers, command, pages, and the packages for CMake and pkg-config.

include(CMakePackageConfigHelpers)

set(weft_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/weft)

install(TARGETS ${weft_targets} EXPORT weftTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT weftTargets NAMESPACE weft:: DESTINATION ${weft_cmake_dir})
configure_package_config_file(cmake/weftConfig.cmake.in ${PROJECT_BINARY_DIR}/weftConfig.cmake
  INSTALL_DESTINATION ${weft_cmake_dir})
# While the major version is 0, a minor version may change what programs rely on.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/weftConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/weftConfig.cmake ${PROJECT_BINARY_DIR}/weftConfigVersion.cmake
  DESTINATION ${weft_cmake_dir})

file(GLOB headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/weft/*.h)
install(FILES ${headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/weft)

# The prefix may be given as late as `cmake --install --prefix`, so weft.pc is written then.
install(CODE "
  set(PROJECT_VERSION \"${PROJECT_VERSION}\")
  set(PROJECT_DESCRIPTION \"${PROJECT_DESCRIPTION}\")
  set(libdir \"${CMAKE_INSTALL_LIBDIR}\")
  set(includedir \"${CMAKE_INSTALL_INCLUDEDIR}\")
  set(source \"${PROJECT_SOURCE_DIR}/cmake/weft.pc.in\")
  set(made \"${PROJECT_BINARY_DIR}/weft.pc\")"
  CODE [[
  foreach(dir libdir includedir)
    if(NOT IS_ABSOLUTE "${${dir}}")
      set(${dir} "\${prefix}/${${dir}}")
    endif()
  endforeach()
  configure_file("${source}" "${made}" @ONLY)
  string(REPLACE "\${prefix}" "${CMAKE_INSTALL_PREFIX}" destination "${libdir}/pkgconfig")
  file(INSTALL "${made}" DESTINATION "${destination}")
  ]])

if(WEFT_BUILD_CLI)
  install(TARGETS weft_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  set(completions ${PROJECT_SOURCE_DIR}/cli/completions)
  foreach(file_and_place
      "weft.bash bash-completion/completions weft"
      "_weft zsh/site-functions _weft"
      "weft.fish fish/vendor_completions.d weft.fish")
    string(REPLACE " " ";" file_and_place "${file_and_place}")
    list(GET file_and_place 0 file)
    list(GET file_and_place 1 place)
    list(GET file_and_place 2 name)
    if(EXISTS ${completions}/${file})
      install(FILES ${completions}/${file} DESTINATION ${CMAKE_INSTALL_DATADIR}/${place} RENAME ${name})
    endif()
  endforeach()
endif()

foreach(section 1 3 7)
  file(GLOB pages CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/man/*.${section})
  if(pages)
    install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
  endif()
endforeach()
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
