# Shared by the scripts of this folder; sourced, not run.

say() { printf '%s\n' "==> $*"; }

fail() {
    printf '%s\n' "error: $*" >&2
    exit 1
}

# Swift 6.3 or later, or a message that says where to get it.
require_swift() {
    command -v swift >/dev/null 2>&1 || fail "Swift is missing. Install Swift 6.3 for Linux from \
https://www.swift.org/install/linux/ and put its usr/bin on the PATH, then run this again."
    local version
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -n 1)
    [[ -n $version ]] || fail "\"swift --version\" says nothing; the installation at $(command -v swift) is broken."
    local major=${version%%.*} minor=${version##*.}
    if ((major < 6 || (major == 6 && minor < 3))); then
        fail "Swift $version is too old: Muster needs 6.3 or later (https://www.swift.org/install/linux/)."
    fi
    say "Swift $version: $(command -v swift)"
}

# Packages among the arguments that are not installed.
missing_packages() {
    local package
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' ||
            printf '%s\n' "$package"
    done
}

# Installs Debian packages: as root at once, else through sudo after asking (ASSUME_YES=1 does not ask).
install_packages() {
    local missing
    mapfile -t missing < <(missing_packages "$@")
    if ((${#missing[@]} == 0)); then
        say "Debian packages: all there"
        return
    fi
    command -v apt-get >/dev/null 2>&1 ||
        fail "this system has no apt-get; install the counterparts of: ${missing[*]}"
    local elevate=()
    if ((EUID != 0)); then
        command -v sudo >/dev/null 2>&1 ||
            fail "these Debian packages are missing and there is no sudo; as root: apt-get install ${missing[*]}"
        if [[ ${ASSUME_YES:-0} != 1 ]]; then
            local answer=
            [[ -t 0 ]] || fail "these Debian packages are missing: ${missing[*]}. Run again with --yes to let \
sudo install them, or install them yourself."
            read -r -p "Install with sudo: ${missing[*]}? [y/N] " answer
            [[ $answer == [yY]* ]] || fail "nothing installed; Muster needs: ${missing[*]}"
        fi
        elevate=(sudo)
    fi
    say "Installing Debian packages: ${missing[*]}"
    "${elevate[@]}" apt-get update -qq
    # A database or a Prometheus that tests need must not start a service of its own on this machine.
    "${elevate[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# What building and running need: the two libraries that are linked, those that are loaded on first use,
# SQLite, and the tools that prepare pretended hosts.
# shellcheck disable=SC2034 # whoever sources this uses it
build_packages=(
    build-essential pkg-config git ca-certificates
    libssl-dev libyaml-dev libcurl4-openssl-dev libpq-dev libpcre2-dev libsqlite3-dev zlib1g-dev
    libcurl4 libpq5 libpcre2-8-0 iproute2
)

# What the tests and the drill's scenarios need besides: databases, a web server, a name server, a packet filter.
# shellcheck disable=SC2034 # whoever sources this uses it
test_packages=(
    postgresql-15 libfaketime faketime prometheus prometheus-alertmanager prometheus-node-exporter
    nginx-light dnsmasq-base nftables systemd-journal-remote jq openssl curl shellcheck spin
)

parse_yes() {
    ASSUME_YES=0
    local argument
    for argument in "$@"; do
        case $argument in
        -y | --yes) ASSUME_YES=1 ;;
        esac
    done
    export ASSUME_YES
}

# The comment at the head of a script.
usage_of() { awk 'NR > 1 && !/^#/ {exit} NR > 1 {sub(/^# ?/, ""); print}' "$1"; }
