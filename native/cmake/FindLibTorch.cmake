# Defines hybrid_libtorch (INTERFACE) for the LibTorch under LIBTORCH, or else the system's.
#
# LibTorch's own TorchConfig.cmake pulls in CUDA toolkits, protobuf and Caffe2 targets that a library using only
# ATen and autograd does not need, and Debian's copy looks below the wrong prefix; so the three libraries and the
# two include folders are found directly.
set(LIBTORCH "" CACHE PATH "Folder that holds LibTorch's include/ and lib/; empty for the system's")

if(LIBTORCH)
  set(only_there NO_DEFAULT_PATH)
endif()
find_path(TORCH_INCLUDE ATen/ATen.h HINTS "${LIBTORCH}/include" ${only_there} REQUIRED)
foreach(name torch torch_cpu c10)
  find_library(TORCH_${name} ${name} HINTS "${LIBTORCH}/lib" ${only_there} REQUIRED)
endforeach()
foreach(name torch_cuda c10_cuda)
  find_library(TORCH_${name} ${name} HINTS "${LIBTORCH}/lib" NO_DEFAULT_PATH)
endforeach()

# Newer LibTorch keeps the numbers in another header, which the older place includes.
set(lines "")
foreach(header csrc/api/include/torch/version.h headeronly/version.h)
  if(NOT lines AND EXISTS "${TORCH_INCLUDE}/torch/${header}")
    file(STRINGS "${TORCH_INCLUDE}/torch/${header}" lines REGEX "#define TORCH_VERSION_(MAJOR|MINOR) ")
  endif()
endforeach()
if(NOT lines MATCHES "MAJOR ([0-9]+).*MINOR ([0-9]+)")
  message(FATAL_ERROR "No LibTorch version found below ${TORCH_INCLUDE}/torch")
endif()
set(LIBTORCH_VERSION "${CMAKE_MATCH_1}.${CMAKE_MATCH_2}")
message(STATUS "LibTorch ${LIBTORCH_VERSION} in ${TORCH_INCLUDE}")
if(LIBTORCH_VERSION VERSION_LESS 1.13)
  message(FATAL_ERROR "LibTorch ${LIBTORCH_VERSION} is too old: 1.13 or newer is needed")
endif()

add_library(hybrid_libtorch INTERFACE)
target_include_directories(hybrid_libtorch SYSTEM INTERFACE
  "${TORCH_INCLUDE}" "${TORCH_INCLUDE}/torch/csrc/api/include")
target_link_libraries(hybrid_libtorch INTERFACE "${TORCH_torch}" "${TORCH_torch_cpu}" "${TORCH_c10}")
# at::parallel_for is a template, which runs serially where it is compiled without OpenMP. The runtime is not linked: it
# must be the one that LibTorch brings along, for one thread pool.
target_compile_options(hybrid_libtorch INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fopenmp>)
if(TORCH_torch_cuda)
  # Nothing refers to it by symbol: it registers the CUDA kernels when it is loaded.
  target_link_libraries(hybrid_libtorch INTERFACE -Wl,--no-as-needed "${TORCH_torch_cuda}" -Wl,--as-needed)
endif()
if(LIBTORCH)
  set(CMAKE_BUILD_RPATH "${LIBTORCH}/lib")
endif()
if(NOT LIBTORCH_VERSION VERSION_LESS 2.10)
  set(HYBRID_CXX_STANDARD cxx_std_20)
else()
  set(HYBRID_CXX_STANDARD cxx_std_17)
endif()

# Wheels up to 2.5 were built with the old libstdc++ string; their config says so.
foreach(config "${LIBTORCH}/share/cmake/Torch/TorchConfig.cmake")
  if(EXISTS "${config}")
    file(STRINGS "${config}" old_abi REGEX "_GLIBCXX_USE_CXX11_ABI=0")
    if(old_abi)
      target_compile_definitions(hybrid_libtorch INTERFACE _GLIBCXX_USE_CXX11_ABI=0)
    endif()
  endif()
endforeach()

# oneDNN brings its own product kernels. It is used where LibTorch itself links the same shared copy, so that the
# process has one oneDNN and one thread pool; a wheel has MKL inside and needs neither.
set(HYBRID_USE_DNNL OFF)
if(NOT LIBTORCH)
  # Found by hand: Debian's dnnl-config.cmake refuses to load without OpenCL, which nothing here needs.
  find_path(DNNL_INCLUDE dnnl.h)
  find_library(DNNL_LIBRARY dnnl)
  if(DNNL_INCLUDE AND DNNL_LIBRARY)
    set(HYBRID_USE_DNNL ON)
  endif()
endif()
