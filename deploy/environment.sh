# Sourced by deploy/run, deploy/test and deploy/bench: goes to the project root and makes .venv, silently when it is there.
# .venv is complete when it holds a copy of the lock it was made from; the copy is written last.
unset CDPATH
cd -- "${BASH_SOURCE[0]%/*}/.."

# ensure_environment <lock>: makes .venv complete. Exits 2 without a fitting Python, 1 when making it fails.
ensure_environment() {
    local lock=$1 python
    complete "$lock" && return
    python=$(find_python) || exit 2
    # All of it in a subshell, so that the program started afterwards does not inherit the lock.
    if ! (exec 9>.venv.lock && wait_for_lock "$python" && { complete "$lock" || make "$lock" "$python"; }); then
        echo ".venv could not be made from deploy/$lock; mend the cause above and start again" >&2
        exit 1
    fi
}

# complete <lock>: whether .venv has a Python that is still there and was made from this very lock.
complete() {
    [[ -x .venv/bin/python ]] && cmp -s "deploy/$1" ".venv/made-from-$1"
}

# Prints the path of the first fitting Python; else one line on stderr, and fails.
find_python() {
    local name path found without_venv=''
    for name in python3 python3.13 python3.12 python3.11; do
        # Every one on PATH in turn: a version manager's shim may exist and yet not run.
        while IFS= read -r path; do
            # The real path, so that .venv breaks visibly when this very version is uninstalled.
            found=$("$path" -c 'import os, sys
if not (3, 11) <= sys.version_info[:2] <= (3, 13): sys.exit(1)
try: import ensurepip, venv
except ImportError: print("without venv")
else: print(os.path.realpath(sys.executable))' 2>/dev/null) || continue
            [[ $found == 'without venv' ]] || { printf '%s\n' "$found"; return 0; }
            without_venv=${without_venv:-$name}
        done < <(type -aP "$name")
    done
    if [[ $without_venv ]]; then
        echo "$without_venv cannot make a virtual environment: install the Debian package $without_venv-venv" >&2
    else
        echo 'no Python 3.11, 3.12 or 3.13 found: install the Debian packages python3 and python3-venv' >&2
    fi
    return 1
}

# Of two first starts at once the second waits here, half an hour at most, and then finds the work done.
wait_for_lock() {
    # Python, because not every host has flock(1). The lock belongs to descriptor 9 and stays when Python ends.
    "$1" -c 'import fcntl, signal, sys
try: fcntl.flock(9, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print("Another start is making .venv; waiting for it ...", file=sys.stderr)
    signal.alarm(1800)
    fcntl.flock(9, fcntl.LOCK_EX)'
}

# make <lock> <python>: fails with the cause on stderr. The caller holds the lock on .venv.
make() {
    local lock=$1 python=$2 runtime=requirements.lock
    echo "Making .venv from deploy/$lock: once, about a minute ..." >&2
    # Without a stamp nobody knows how far the last attempt came, so it starts from nothing.
    if ! [[ -x .venv/bin/python && -e .venv/made-from-$runtime ]]; then
        "$python" -m venv --clear .venv || return 1
    fi
    # Stamps stop being true before the packages change; the runtime's stays when its lock is the same.
    complete "$runtime" || rm -f ".venv/made-from-$runtime"
    rm -f .venv/made-from-requirements-test.lock
    # Wheels only: building from source would run code that no hash vouches for.
    patiently env PIP_USER=0 .venv/bin/python -m pip install -qq --no-input --disable-pip-version-check \
        --require-hashes --no-deps --only-binary :all: -r "deploy/$lock" || return 1
    # The test lock holds every pin of the runtime lock, so it makes both.
    cp "deploy/$runtime" ".venv/made-from-$runtime" && cp "deploy/$lock" ".venv/made-from-$lock" || return 1
    echo ".venv is ready after $SECONDS s" >&2
}

# Runs a command and says every 20 s that it is still at work.
patiently() {
    local pulse status=0
    # The sleep must hold neither our output nor the lock: it may outlive us by some seconds.
    (while sleep 20 >/dev/null 2>&1 9>&- && kill -0 $$; do echo "... still at it after $SECONDS s" >&2; done) &
    pulse=$!
    "$@" || status=$?
    kill "$pulse" 2>/dev/null || true
    wait "$pulse" 2>/dev/null || true
    return "$status"
}
