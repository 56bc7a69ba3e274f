#!/usr/bin/env bash
# Builds the native library with its CUDA kernels on a machine with a GPU, and checks it there: no .NET and no network needed.
# The command line and the benchmarks come ready-made, published elsewhere into one folder:
#
#   dotnet publish src/Cli -c Release -r linux-x64 --self-contained -o FOLDER
#   dotnet publish tests/Benchmarks -c Release -r linux-x64 --self-contained -o FOLDER
#
# That needs .NET's linux-x64 runtime packages in NuGet's cache or a network to get them from, and it writes the runtime into
# every packages.lock.json, so it cannot be done in locked mode; git checkout -- '*packages.lock.json' takes that back.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
readonly root

usage() {
    cat <<'TEXT'
Usage: tests/gpu/verify.sh [--publish FOLDER] [--torch FOLDER] [--device DEVICE] [--only STEP]... [--skip STEP]... [--limit SECONDS]

Builds native/ against PyTorch (a CUDA build) with nvcc, runs the native tests, and, with --publish, the parity check and the
benchmarks on the GPU. Prints one line a step; logs and tables go to $OUT. A step that fails does not stop those after it, and
the exit code is 1 then.

Steps: build, native-tests, parity, benchmarks, llama (training and density of Llama-3-8B's shapes), generation (of the same). Where
the time of one command is short, take them one by one; without build, the library that an earlier build left in $OUT is taken:

  tests/gpu/verify.sh --publish FOLDER --only build --only native-tests
  tests/gpu/verify.sh --publish FOLDER --only parity --only benchmarks --limit 480
  tests/gpu/verify.sh --publish FOLDER --only llama --limit 570
  tests/gpu/verify.sh --publish FOLDER --only generation --limit 570

  --publish FOLDER  a self-contained publish of the command line (hybrid), and of the benchmarks (Hybrid.Benchmarks, peer*.py)
                    where they are wanted; the libhybrid.so built here is copied into it
  --torch FOLDER    python's torch folder; by default that of $PYTHON
  --device DEVICE   the device to check (default cuda:0)
  --only STEP       this step and no other; may stand several times
  --skip STEP       all but this step; may stand several times
  --limit SECONDS   the last three steps are each ended after so many seconds, and the last two begin no further work after half of them
  -h, --help        show this text

Environment:
  OUT               folder for everything that is written (default artifacts/gpu)
  PYTHON            the Python that has PyTorch (default python3)
  CUDACXX           nvcc; otherwise the one on the PATH or below $CUDA_HOME or /usr/local/cuda
  GTEST_ROOT        where GoogleTest is, if not in the system's folders; without GoogleTest the native tests are left out
TEXT
}

fail() {
    printf 'verify.sh: %s\n' "$1" >&2
    exit 2
}

readonly steps='build native-tests parity benchmarks llama generation'
publish='' torch='' device=cuda:0 limit='' only='' skip=''
while (($# > 0)); do
    case $1 in
        -h | --help)
            usage
            exit 0
            ;;
        --only | --skip)
            (($# > 1)) || fail "$1 needs a value; try --help"
            [[ " $steps " == *" $2 "* ]] || fail "no step is named '$2'; expected one of: $steps"
            if [[ $1 == --only ]]; then only+=" $2"; else skip+=" $2"; fi
            shift 2
            ;;
        --publish | --torch | --device | --limit)
            (($# > 1)) || fail "$1 needs a value; try --help"
            declare "${1#--}=$2"
            shift 2
            ;;
        *) fail "unknown argument: $1; try --help" ;;
    esac
done
[[ $limit =~ ^[0-9]*$ ]] || fail "--limit $limit: expected whole seconds"
out=$(realpath -m "${OUT:-$root/artifacts/gpu}")
readonly out python=${PYTHON:-python3} library=$out/lib/libhybrid.so
failures=0

# ---- output ------------------------------------------------------------------------------------------------------------

log_of() {
    printf '%s/%s.log' "$out" "${1//[^A-Za-z0-9.]/-}"
}

# step LABEL COMMAND... : runs the command with its output in a log, and prints one line; a failure is counted and shown. Inside
# the command errexit is off.
step() {
    local label=$1 log code=0 started=$SECONDS
    shift
    log=$(log_of "$label")
    "$@" >"$log" 2>&1 </dev/null || code=$?
    if ((code == 0)); then
        printf '%-20s ok      %4d s   %s\n' "$label" $((SECONDS - started)) "$(tail -n 1 "$log" | cut -c 1-90)"
    else
        printf '%-20s FAILED  %4d s   exit code %d, log %s\n' "$label" $((SECONDS - started)) "$code" "$log"
        tail -n 25 "$log" | cut -c 1-200
        failures=$((failures + 1))
    fi
    return "$code"
}

# left_out LABEL WHY
left_out() {
    printf '%-20s left out          %s\n' "$1" "$2"
}

# wants STEP : whether it was asked for.
wants() {
    [[ (-z $only || " $only " == *" $1 "*) && " $skip " != *" $1 "* ]]
}

# in_time COMMAND... : runs it, and ends it when --limit has passed.
in_time() {
    if [[ -n $limit ]]; then timeout "$limit" "$@"; else "$@"; fi
}

# ---- what is here ------------------------------------------------------------------------------------------------------

show_gpu() {
    if ! nvidia-smi --query-gpu=index,name,driver_version,memory.total --format=csv,noheader; then
        echo "nvidia-smi names no GPU"
    fi
}

# The folder of PyTorch, found without importing it.
python_torch() {
    "$python" -c 'import importlib.util as u; print(u.find_spec("torch").submodule_search_locations[0])' 2>/dev/null || true
}

find_nvcc() {
    local candidate
    for candidate in "${CUDACXX:-}" "$(command -v nvcc || true)" "${CUDA_HOME:-/usr/local/cuda}/bin/nvcc" /usr/local/cuda/bin/nvcc; do
        if [[ -n $candidate && -x $candidate ]]; then
            printf '%s' "$candidate"
            return
        fi
    done
    return 1
}

# Whether a program with GoogleTest compiles and links.
has_gtest() {
    [[ -n ${GTEST_ROOT:-} ]] ||
        echo 'int main(int n, char** v) { testing::InitGoogleTest(&n, v); }' |
        "${CXX:-c++}" -std=c++17 -x c++ -include gtest/gtest.h - -o /dev/null -lgtest -pthread 2>/dev/null
}

# ---- steps -------------------------------------------------------------------------------------------------------------

configure() {
    local options=(-DCMAKE_BUILD_TYPE=Release "-DLIBTORCH=$torch" "-DHYBRID_OUTPUT_DIRECTORY=$out/lib" "-DHYBRID_BUILD_TESTS=$tests")
    if [[ ! -e $out/build/CMakeCache.txt ]] && command -v ninja >/dev/null; then options+=(-G Ninja); fi
    cmake -S "$root/native" -B "$out/build" "${options[@]}" || return
    # Without the kernels everything below would pass, too, and show nothing about them.
    grep -q 'HYBRID_WITH_CUDA' "$out/build/compile_commands.json" || {
        echo 'configured without the CUDA kernels: is this a CUDA build of PyTorch?'
        return 1
    }
}

build() {
    cmake --build "$out/build" --parallel "$(nproc)"
}

native_tests() {
    local report=$out/native-tests.txt code=0
    OMP_NUM_THREADS=1 "$out/build/tests/hybrid_tests" --gtest_brief=1 >"$report" 2>&1 || code=$?
    cat "$report"
    if grep -q '^no CUDA device' "$report"; then
        echo 'the CUDA tests were skipped: LibTorch finds no device'
        return 1
    fi
    sed -nE 's/^\[ *(PASSED|SKIPPED|FAILED) *\] ([0-9]+ tests?).*/\1 \2/p' "$report" | paste -sd ' '
    return "$code"
}

put_library() {
    cp -f "$library" "$publish/libhybrid.so" && echo "$publish/libhybrid.so"
}

parity() {
    "$publish/hybrid" parity "$root/tests/assets/$1" --device "$device" "${@:2}" && echo 'every quantity agrees'
}

benchmarks() {
    in_time "$publish/Hybrid.Benchmarks" --device "$device" --hybrid "$publish/hybrid" --python "$python" --markdown "$out/benchmarks.md" &&
        echo "$out/benchmarks.md"
}

llama() {
    llama_benchmark llama --only full block density
}

generation() {
    llama_benchmark generation --only generation
}

# llama_benchmark NAME OPTION... : into a table of that name.
llama_benchmark() {
    local table=$out/$1.md options=(--device "$device" --python "$python" --markdown "$out/$1.md" "${@:2}")
    if [[ -n $limit ]]; then options+=(--limit-seconds $((limit / 2))); fi
    in_time "$publish/Hybrid.Benchmarks" llama "${options[@]}" && echo "$table"
}

# A build may not leave an older library behind to be taken for its own.
make_library() {
    torch=${torch:-$(python_torch)}
    [[ -e $torch/lib/libtorch_cuda.so ]] || fail "no CUDA build of PyTorch in '$torch'; name its folder with --torch"
    CUDACXX=$(find_nvcc) || fail "no nvcc; name it in CUDACXX"
    export CUDACXX
    if has_gtest; then tests=ON; else tests=OFF; fi
    rm -f "$library"
    step "configure" configure && step "build" build
}

run_native_tests() {
    if [[ -x $out/build/tests/hybrid_tests ]]; then
        step "native tests" native_tests || true
    else
        left_out "native tests" "not built: no GoogleTest here; see GTEST_ROOT"
    fi
}

# The steps that need a publish.
run_published() {
    if [[ -z $publish ]]; then
        [[ -z $only ]] || fail "steps$only: expected --publish FOLDER for what is run from it"
        left_out "parity and the rest" "no --publish"
        return
    elif [[ ! -x $publish/hybrid ]]; then
        step "put library" false || true
        return
    elif ! step "put library" put_library; then
        return
    fi

    if wants parity; then
        step "parity" parity parity || true
        step "parity float64" parity parity-float64 || true
        step "parity bfloat16" parity parity --dtype bfloat16 || true
    fi
    local name
    for name in benchmarks llama generation; do
        if ! wants "$name"; then
            continue
        elif [[ -x $publish/Hybrid.Benchmarks ]]; then
            step "$name" "$name" || true
        else
            left_out "$name" "not in $publish"
        fi
    done
}

main() {
    mkdir -p "$out"
    show_gpu 2>&1 | tee "$out/gpu.txt"

    local name ready=1
    for name in $steps; do
        if ! wants "$name"; then left_out "$name" "by --only or --skip"; fi
    done
    if wants build; then
        make_library || ready=0
    elif [[ ! -e $library ]]; then
        fail "no $library; run the build step first"
    fi
    if ((ready)); then
        if wants native-tests; then run_native_tests; fi
        if wants parity || wants benchmarks || wants llama || wants generation; then run_published; fi
    fi

    echo "$failures failed; logs in $out"
    ((failures == 0))
}

main
