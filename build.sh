#!/usr/bin/env bash
# Sets up, builds, tests and runs Hybrid. What it makes lies under artifacts/, logs under artifacts/logs/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

readonly root=$PWD
readonly logs=artifacts/logs

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1
export MSBUILDTERMINALLOGGER=off
if [[ ${CI:-} == true ]]; then
    export MSBUILDDISABLENODEREUSE=1 UseSharedCompilation=false   # leave no build servers behind
fi

usage() {
    cat <<'TEXT'
Usage: ./build.sh COMMAND

  demo [ARGS]   set up, build, and run the demo; ARGS go to `hybrid demo`
  test          set up, build, and run every test
  bench [ARGS]  set up, build, and compare with plain PyTorch where python3-torch is there; `bench --help` lists ARGS
  faults [ARGS] set up, build, and make trouble on purpose: kills, faults, hostile input; `faults --help` lists ARGS
  build         set up and build; the command line is artifacts/bin/hybrid
  pack          set up, build, and make the packages in artifacts/packages and artifacts/single/hybrid, one file for servers without .NET
  setup         check for the compiler, the libraries and the .NET SDK; as root on Debian, install what is missing
  sanitize      build the native library with AddressSanitizer and UBSan, and with ThreadSanitizer; run its tests, and with the first src/Interop's
  sbom          set up, build, and list what is shipped and what it runs on, with versions and licences: also in artifacts/sbom.json
  bindings      regenerate src/Interop/Generated/NativeMethods.g.cs from native/include
  clean         delete artifacts/
  help          show this text

Environment:
  LIBTORCH      folder of a LibTorch or PyTorch to build against, and to run on; otherwise python3's PyTorch, then the system's LibTorch
  CLANGSHARP    command to run as ClangSharpPInvokeGenerator instead of the pinned tool
TEXT
}

# ---- output ------------------------------------------------------------------------------------------------------------

fail() {
    printf 'build.sh: %s\n' "$1" >&2
    exit 1
}

milliseconds() {
    printf '%d' $((${EPOCHREALTIME/[.,]/} / 1000))
}

# step LABEL COMMAND... : runs the command with its output in a log, and prints one line with the seconds it took.
step() {
    run_logged "$@" || {
        local code=$? log
        log=$(log_of "$1")
        tail -n 40 "$log" >&2
        fail "$1 failed (exit code $code); the full log is $log"
    }
}

# run_logged LABEL COMMAND... : like step, but leaves a failure to the caller.
run_logged() {
    local label=$1 started elapsed code=0
    shift
    mkdir -p "$logs"
    printf '%-32s' "$label"
    started=$(milliseconds)
    "$@" >"$(log_of "$label")" 2>&1 </dev/null || code=$?
    elapsed=$(($(milliseconds) - started))
    printf ' %5d.%d s\n' $((elapsed / 1000)) $((elapsed % 1000 / 100))
    return "$code"
}

log_of() {
    printf '%s/%s.log' "$logs" "${1//[^A-Za-z0-9.]/-}"
}

# ---- setup -------------------------------------------------------------------------------------------------------------

# setup [tests] : makes sure that everything is here, tests' needs included, and says in $libtorch where LibTorch is.
setup() {
    check_dotnet
    check_libtorch_variable
    local missing
    missing=$(missing_packages "$@")
    if [[ -n $missing ]]; then
        can_install || fail "something is missing; install it with: apt-get install $missing"
        step "install packages" install_packages "$missing"
        missing=$(missing_packages "$@")
        [[ -z $missing ]] || fail "still missing: $missing; see $(log_of "install packages")"
    fi
    libtorch=$(find_libtorch)
    if has_slow_blas; then replace_slow_blas; fi
    if [[ ${1:-} == tests ]]; then want_browser; fi
    echo "LibTorch: $libtorch"
}

check_dotnet() {
    local wanted
    wanted=$(sed -n 's/.*"version": *"\([0-9]*\.[0-9]*\).*/\1/p' global.json)
    command -v dotnet >/dev/null || fail "the .NET SDK $wanted is missing: https://dot.net/download"
    dotnet --version >/dev/null 2>&1 ||
        fail "the .NET SDK $wanted is needed, found only: $(dotnet --list-sdks | cut -d' ' -f1 | paste -sd' ')"
    if [[ -z ${DOTNET_ROOT:-} ]]; then
        DOTNET_ROOT=$(dirname "$(readlink -f "$(command -v dotnet)")")
        export DOTNET_ROOT
    fi
}

check_libtorch_variable() {
    if [[ -n ${LIBTORCH:-} ]] && ! is_libtorch "$LIBTORCH"; then
        fail "LIBTORCH=$LIBTORCH holds no LibTorch (no include/ATen/ATen.h with lib/libtorch_cpu.so)"
    fi
}

# missing_packages [tests] : the Debian packages that would bring what is not here.
missing_packages() {
    local packages=() torch
    torch=$(find_libtorch) || packages+=(libtorch-dev libopenblas0-pthread)
    command -v "${CXX:-g++}" >/dev/null || packages+=(g++)
    command -v cmake >/dev/null || packages+=(cmake)
    command -v ninja >/dev/null || packages+=(ninja-build)
    if is_system "${torch:-/usr}"; then   # others bring their own matrix products
        has_header dnnl.h || packages+=(libdnnl-dev)
    fi
    if [[ ${1:-} == tests ]]; then
        has_header gtest/gtest.h || packages+=(libgtest-dev)
    fi
    echo "${packages[*]}"
}

has_header() {
    "${CXX:-g++}" -E -x c++ -include "$1" /dev/null >/dev/null 2>&1
}

find_libtorch() {
    local candidate
    for candidate in "${LIBTORCH:-}" "$(python_torch)" /usr/local /usr; do
        if [[ -n $candidate ]] && is_libtorch "$candidate"; then
            realpath "$candidate"
            return
        fi
    done
    return 1
}

# The folder of python3's PyTorch, found without importing it.
python_torch() {
    python3 -c 'import importlib.util as u; print(u.find_spec("torch").submodule_search_locations[0])' 2>/dev/null || true
}

# is_libtorch FOLDER : whether a complete LibTorch is there. Debian's python3-torch alone, for one, is not.
is_libtorch() {
    [[ -e $1/include/ATen/ATen.h && (-e $1/lib/libtorch_cpu.so || -e $1/lib/$(uname -m)-linux-gnu/libtorch_cpu.so) ]]
}

is_system() {
    [[ $1 == /usr || $1 == /usr/local ]]
}

# Debian's LibTorch multiplies with whatever libblas.so.3 is; without OpenBLAS that is the reference library, many times slower.
has_slow_blas() {
    [[ $libtorch == /usr && $(readlink -f "/usr/lib/$(uname -m)-linux-gnu/libblas.so.3") == */blas/libblas.so.* ]]
}

replace_slow_blas() {
    local tried=artifacts/openblas-tried
    if [[ ! -e $tried ]] && can_install; then
        mkdir -p artifacts
        touch "$tried"
        run_logged "install OpenBLAS" install_packages libopenblas0-pthread || true
    fi
    if has_slow_blas; then
        echo "note: LibTorch uses the reference BLAS; the package libopenblas0-pthread makes it many times faster"
    fi
}

# The report's page is tested in a browser; without one those tests are skipped, and say so.
want_browser() {
    local tried=artifacts/chromium-tried
    if ! has_browser && [[ ! -e $tried ]] && can_install; then
        mkdir -p artifacts
        touch "$tried"
        run_logged "install Chromium" install_packages chromium || true
    fi
    if ! has_browser; then echo "note: no Chromium; the tests of the report's page are skipped"; fi
}

has_browser() {
    command -v chromium >/dev/null || command -v google-chrome >/dev/null
}

can_install() {
    command -v apt-get >/dev/null && { ((EUID == 0)) || sudo -n true 2>/dev/null; }
}

# install_packages "NAME NAME..."
install_packages() {
    local names
    read -ra names <<<"$1"
    as_root apt-get update -q &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
            -o DPkg::Lock::Timeout=120 "${names[@]}"
}

as_root() {
    if ((EUID == 0)); then "$@"; else sudo -n "$@"; fi
}

# ---- build -------------------------------------------------------------------------------------------------------------

# build_native FOLDER TARGET [CMAKE_OPTION...] : FOLDER/build is CMake's, FOLDER/lib holds libhybrid.so.
build_native() {
    local folder=$1 target=$2 options elsewhere=$libtorch
    if is_system "$libtorch"; then elsewhere=; fi
    options=("-DLIBTORCH=$elsewhere" "-DHYBRID_OUTPUT_DIRECTORY=$root/$folder/lib" "-DHYBRID_BUILD_TESTS=$(has_gtest)" "${@:3}")
    configure_native "$folder/build" "${options[@]}"
    step "build ${folder#artifacts/}" cmake --build "$folder/build" --target "$target"
}

has_gtest() {
    if has_header gtest/gtest.h; then echo ON; else echo OFF; fi
}

# Configures when the options differ from the last time; another LibTorch starts afresh, since CMake remembers paths.
configure_native() {
    local folder=$1 stamp=$1/options
    shift
    if [[ -e $folder/build.ninja && -e $stamp && $(<"$stamp") == "$*" ]]; then return; fi
    if [[ ! -e $stamp || $(<"$stamp") != "$1 "* ]]; then rm -rf "$folder"; fi
    rm -f "$stamp"
    step "configure $(basename "$(dirname "$folder")")" \
        cmake -S native -B "$folder" -G Ninja -DCMAKE_BUILD_TYPE=Release "$@"
    printf '%s' "$*" >"$stamp"
}

build() {
    setup
    build_native artifacts/native hybrid
    step "publish hybrid" dotnet publish src/Cli -c Release -o artifacts/bin -p:RestoreLockedMode=true
}

pack() {
    setup
    build_native artifacts/native hybrid
    step "build hybrid" dotnet build src/Cli -c Release -p:RestoreLockedMode=true
    make_packages
}

# Makes packages of what is built. Their libhybrid is an installed one, without the RUNPATH to this machine's LibTorch.
make_packages() {
    local project library=-p:HybridNativeDirectory=$root/artifacts/native/installed
    rm -rf artifacts/packages artifacts/single
    step "install libhybrid" cmake --install artifacts/native/build --prefix artifacts/native/installed
    for project in Interop Orchestrator Cli; do
        step "pack $project" dotnet pack "src/$project" -c Release -o artifacts/packages --no-build "$library"
    done
    step "publish single file" dotnet publish src/Cli -c Release -o artifacts/single -p:RestoreLockedMode=true \
        -p:HybridSingleFile=true -p:BuildProjectReferences=false "$library"
}

bench() {
    build
    build_native artifacts/native bench_libraries
    step "build benchmarks" dotnet build tests/Benchmarks -c Release -p:RestoreLockedMode=true
    if [[ " $* " != *" --markdown "* ]]; then set -- "$@" --markdown artifacts/benchmarks.md; fi
    artifacts/dotnet/bin/Benchmarks/release/Hybrid.Benchmarks "$@"
}

faults() {
    build
    build_fuzz
    step "build faults" dotnet build tests/Faults -c Release -p:RestoreLockedMode=true
    artifacts/dotnet/bin/Faults/release/Hybrid.Faults "$@"
}

sbom() {
    build
    step "build sbom" dotnet build scripts/Sbom -c Release -p:RestoreLockedMode=true
    artifacts/dotnet/bin/Sbom/release/Hybrid.Sbom artifacts/bin . artifacts/sbom.json
}

# The fuzzer needs clang and its run-time libraries. Without them its trial says that it is left out.
build_fuzz() {
    if ! has_libfuzzer && can_install; then
        run_logged "install clang-16" install_packages "clang-16 libclang-rt-16-dev" || true
    fi
    if ! has_libfuzzer; then
        rm -rf artifacts/native-fuzz
        return
    fi
    build_native artifacts/native-fuzz safetensors_fuzz -DHYBRID_FUZZ=ON -DCMAKE_C_COMPILER=clang-16 -DCMAKE_CXX_COMPILER=clang++-16
}

has_libfuzzer() {
    mkdir -p artifacts
    clang++-16 -fsanitize=fuzzer,address -x c++ - -o artifacts/has-libfuzzer 2>/dev/null \
        <<<'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }'
}

build_for_tests() {
    setup tests
    build_native artifacts/native all
    step "build Hybrid.sln" dotnet build Hybrid.sln -c Release -p:RestoreLockedMode=true
    step "publish hybrid" dotnet publish src/Cli -c Release -o artifacts/bin --no-build
    make_packages
}

# ---- test --------------------------------------------------------------------------------------------------------------

passed=0 failed=0 skipped=0

run_tests() {
    build_for_tests
    export OPENBLAS_NUM_THREADS=1   # LibTorch's pool is the only one; two pools fight over the cores
    rm -rf artifacts/test-results
    test_native artifacts/native
    local project
    for project in tests/*.Tests; do   # one after another, for the same reason
        test_dotnet "$project"
    done
    summarise
}

# In one process .NET and AddressSanitizer share signals: a SIGSEGV may be a null reference and SIGFPE a division by zero, which .NET turns
# into exceptions. What is found goes to a file, since the test host's output is not ours. The heap of .NET looks like one leak to
# LeakSanitizer, so it looks at the native tests only.
sanitize() {
    setup tests
    build_native artifacts/native-asan all -DHYBRID_SANITIZE=address
    build_native artifacts/native-tsan all -DHYBRID_SANITIZE=thread
    step "build Interop.Tests" dotnet build tests/Interop.Tests -c Release -p:RestoreLockedMode=true
    export OPENBLAS_NUM_THREADS=1
    rm -rf artifacts/test-results "$logs"/sanitizer.*
    test_native artifacts/native-asan
    test_native artifacts/native-tsan
    local library options
    library=$("${CXX:-g++}" -print-file-name=libasan.so)
    options=detect_leaks=0:handle_segv=0:handle_sigfpe=0:detect_container_overflow=0:allocator_may_return_null=1
    test_dotnet tests/Interop.Tests -e "LD_PRELOAD=$library" -e "HYBRID_LIBRARY=$root/artifacts/native-asan/lib/libhybrid.so" \
        -e "ASAN_OPTIONS=$options:log_path=$root/$logs/sanitizer" -e "UBSAN_OPTIONS=print_stacktrace=1:log_path=$root/$logs/sanitizer"
    if grep -l -E 'ERROR: AddressSanitizer|runtime error:' "$logs"/sanitizer.* 2>/dev/null; then
        runner_failed "test Interop.Tests" "a sanitizer found something; see the files named above"
    fi
    summarise
}

test_native() {
    local results=$root/artifacts/test-results/${1#artifacts/}.xml code=0
    mkdir -p "$(dirname "$results")"
    run_logged "test ${1#artifacts/}" ctest --test-dir "$1/build" --no-tests=error --timeout 600 \
        --output-on-failure --output-junit "$results" \
        --test-output-size-passed 10000000 --test-output-size-failed 10000000 || code=$?
    count_results "test ${1#artifacts/}" "$results" "$code"
}

# test_dotnet PROJECT [OPTION...]
test_dotnet() {
    local name code=0
    name=$(basename "$1")
    run_logged "test $name" dotnet test "$1" -c Release --no-build "${@:2}" \
        --blame-hang-timeout 10m --blame-hang-dump-type none \
        --results-directory artifacts/test-results --logger "trx;LogFileName=$name.trx" || code=$?
    count_results "test $name" "artifacts/test-results/$name.trx" "$code"
}

# count_results LABEL RESULT_FILE EXIT_CODE : adds one runner's results to the sums. A runner that ran no tests, or that stopped
# without naming a failed one, counts as one failure.
count_results() {
    local label=$1 file=$2 code=$3 log report='0 0 0' p f s
    log=$(log_of "$label")
    if [[ -s $file ]]; then report=$(awk -f scripts/test-results.awk "$file"); fi
    read -r p f s <<<"${report##*$'\n'}"
    if [[ $report == *$'\n'* ]]; then printf '%s\n' "${report%$'\n'*}"; fi
    if ((p + f + s == 0)); then
        runner_failed "$label" "ran no tests, or crashed before it reported any (exit code $code)"
    elif { ((code != 0 && f == 0)); } || grep -q '^Test Run Aborted' "$log"; then
        runner_failed "$label" "stopped early (exit code $code)"
    fi
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

runner_failed() {
    local log
    log=$(log_of "$1")
    tail -n 25 "$log" | cut -c 1-200
    echo "FAILED $1: $2; the full log is $log"
    failed=$((failed + 1))
}

summarise() {
    local line="$passed passed, $failed failed"
    if ((skipped > 0)); then line+=", $skipped skipped"; fi
    echo "$line"
    ((failed == 0))
}

# ---- bindings ----------------------------------------------------------------------------------------------------------

# The paths in generate.rsp start from its own folder. The generator's exit code is its number of warnings, so what counts is
# whether it wrote the file.
bindings() {
    local output=src/Interop/Generated/NativeMethods.g.cs generator=(dotnet tool run ClangSharpPInvokeGenerator --) code=0
    if [[ -n ${CLANGSHARP:-} ]]; then
        read -ra generator <<<"$CLANGSHARP"
    else
        check_dotnet
        step "restore tools" dotnet tool restore
    fi
    mkdir -p artifacts "$(dirname "$output")"
    touch artifacts/bindings-started
    run_logged "generate bindings" env -C native/bindings "${generator[@]}" @generate.rsp || code=$?
    if [[ ! $output -nt artifacts/bindings-started ]]; then
        tail -n 40 "$(log_of "generate bindings")" >&2
        fail "ClangSharp did not write $output (exit code $code); the full log is $(log_of "generate bindings")"
    fi
    echo "$output: written with $code warnings; the log is $(log_of "generate bindings")"
}

# ---- commands ----------------------------------------------------------------------------------------------------------

main() {
    local command=${1:-help}
    case $command in
        demo)
            build
            exec artifacts/bin/hybrid demo "${@:2}"
            ;;
        test) run_tests ;;
        bench) bench "${@:2}" ;;
        faults) faults "${@:2}" ;;
        build | pack | setup | sanitize | sbom | bindings) "$command" ;;
        clean) rm -rf artifacts ;;
        help | -h | --help) usage ;;
        *) fail "unknown command: $command; try ./build.sh help" ;;
    esac
}

main "$@"
