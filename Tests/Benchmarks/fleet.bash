# A coordinator and agents of release programs for benchmarks; sourced, not run. Sources Deploy/common.bash first.
#
# Everything lies in $work and ends with the script. Callers set `bin`.

work=$(mktemp -d)
pids=()
finish() {
    local pid
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
    rm -rf "$work"
}
trap finish EXIT

# wait_for SECONDS WHAT COMMAND...
wait_for() {
    local left=$(($1 * 5)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        ((left-- > 0)) || fail "waited in vain for $what"
        sleep 0.2
    done
}

# need_programs NAME...
need_programs() {
    local program
    for program in "$@"; do
        [[ -x $bin/$program ]] || fail "$bin/$program is not built; run Deploy/build"
    done
}

# Starts a coordinator on free ports of 127.0.0.1, signs in as its administrator and makes a token for joining.
# $coordinator_settings may hold further lines of its coordinator.yaml.
start_coordinator() {
    mkdir -p "$work"/{etc/runbooks,state,me}
    chmod 700 "$work"/{etc,state,me}
    local ports
    mapfile -t ports < <(comm -23 <(seq 20000 30000 | sort) \
        <(ss -Htan | awk '{sub(/.*:/, "", $4); print $4}' | sort -u) | shuf -n 2)
    agents_address=127.0.0.1:${ports[0]}
    api_address=127.0.0.1:${ports[1]}
    cat >"$work/etc/coordinator.yaml" <<TEXT
listen: { agents: "$agents_address", api: "127.0.0.1:${ports[1]}" }
state: $work/state
runbooks: $work/etc/runbooks
TEXT
    printf '%s\n' "${coordinator_settings:-}" >>"$work/etc/coordinator.yaml"
    "$bin/muster-coordinator" init --config "$work/etc" --name 127.0.0.1 |
        awk '/Token of admin/ {print $NF}' >"$work/me/token"
    chmod 600 "$work/me/token"
    "$bin/muster-coordinator" serve --config "$work/etc" >"$work/coordinator.log" 2>&1 &
    coordinator=$!
    pids+=("$coordinator")
    wait_for 20 "the coordinator" grep -q "API is listening" "$work/coordinator.log"
    export MUSTER_CONFIG=$work/me
    "$bin/muster" login --server "https://127.0.0.1:${ports[1]}" --ca "$work/state/ca.pem" \
        --token-file "$work/me/token" >&2
    "$bin/muster" token create 2>/dev/null >"$work/join.token"
    chmod 600 "$work/join.token"
}

# Joins an agent and starts it with the rest of its agent.yaml from standard input; its pid is then in $agent.
start_agent() {
    mkdir -p "$work"/{host,agent}
    chmod 700 "$work"/{host,agent}
    "$bin/muster-agent" join --coordinator "$agents_address" --token-file "$work/join.token" \
        --state "$work/agent" >&2
    {
        printf 'coordinator: "%s"\n' "$agents_address"
        cat
    } >"$work/host/agent.yaml"
    chmod 600 "$work/host/agent.yaml"
    "$bin/muster-agent" run --config "$work/host" --state "$work/agent" >"$work/agent.log" 2>&1 &
    agent=$!
    pids+=("$agent")
    wait_for 20 "the agent" sh -c "$bin/muster fleet --json | grep -q '\"connected\"'"
}

# need_open_files NUMBER: raises the limit of open files, or says that it can't.
need_open_files() {
    ulimit -n "$(ulimit -Hn)" 2>/dev/null || true
    local limit
    limit=$(ulimit -n)
    [[ $limit == unlimited || $limit -ge $1 ]] || fail "$1 open files are needed and $limit allowed (ulimit -n)"
}

# Makes $work/yardstick from yardstick/yardstick.c and the BoringSSL that the coordinator is linked with.
build_yardstick() {
    local objects
    mapfile -t objects < <(find "$(realpath "$bin")/CNIOBoringSSL.build" -name '*.o' 2>/dev/null)
    ((${#objects[@]})) || fail "$bin has no BoringSSL to link the yardstick with; run Deploy/build"
    clang -O2 -Wall -I .build/checkouts/swift-nio-ssl/Sources/CNIOBoringSSL/include \
        Tests/Benchmarks/yardstick/yardstick.c "${objects[@]}" -lstdc++ -lpthread -lm -o "$work/yardstick"
}

# join_swarm AGENTS: gives so many simulated agents their certificates, in $work/swarm.
join_swarm() {
    "$bin/muster" token create --uses "$1" 2>/dev/null >"$work/swarm.token"
    chmod 600 "$work/swarm.token"
    say "$1 simulated agents join" >&2
    "$bin/muster-swarm" --agents "$1" --dir "$work/swarm" --coordinator "$agents_address" \
        --token-file "$work/swarm.token" --join-only
}

# join_named_agent NAME TOKEN_FILE [LINE...]: joins one more agent, with further lines of agent.yaml.
join_named_agent() {
    local name=$1 token=$2 folder=$work/agents/$1
    shift 2
    mkdir -p "$folder"/{etc,state}
    chmod 700 "$folder"/{etc,state}
    printf 'coordinator: "%s"\nname: %s\nstate: %s\n' "$agents_address" "$name" "$folder/state" >"$folder/etc/agent.yaml"
    (($# == 0)) || printf '%s\n' "$@" >>"$folder/etc/agent.yaml"
    chmod 600 "$folder/etc/agent.yaml"
    "$bin/muster-agent" join --config "$folder/etc" --state "$folder/state" --name "$name" --token-file "$token" >&2
}

# start_named_agent NAME TOKEN_FILE [LINE...]: the same, and starts it.
start_named_agent() {
    join_named_agent "$@"
    local folder=$work/agents/$1
    "$bin/muster-agent" run --config "$folder/etc" --state "$folder/state" >"$folder/log" 2>&1 &
    pids+=("$!")
}

# start_salt VENV HOSTS, each in a process group of its own: a Salt master and minions on 127.0.0.1, with their keys accepted; configuration in $work/salt.
start_salt() {
    local venv=$1 hosts=$2 host ports
    mapfile -t ports < <(comm -23 <(seq 20000 30000 | sort) \
        <(ss -Htan | awk '{sub(/.*:/, "", $4); print $4}' | sort -u) | shuf -n 2)
    local common="user: $(id -un)
interface: 127.0.0.1
publish_port: ${ports[0]}
ret_port: ${ports[1]}
log_level: error"
    mkdir -p "$work/salt/master"
    cat >"$work/salt/master/master" <<TEXT
$common
root_dir: $work/salt/master
pki_dir: $work/salt/master/pki
cachedir: $work/salt/master/cache
sock_dir: $work/salt/master/run
log_file: $work/salt/master/log
auto_accept: true
worker_threads: 5
TEXT
    setsid "$venv/bin/salt-master" -c "$work/salt/master" >"$work/salt/master/out" 2>&1 &
    pids+=("$!")
    for ((host = 1; host <= hosts; host++)); do
        local folder=$work/salt/host-$host
        mkdir -p "$folder"
        cat >"$folder/minion" <<TEXT
user: $(id -un)
master: 127.0.0.1
publish_port: ${ports[0]}
master_port: ${ports[1]}
id: host-$host
root_dir: $folder
pki_dir: $folder/pki
cachedir: $folder/cache
sock_dir: $folder/run
log_file: $folder/log
log_level: error
ipc_mode: ipc
TEXT
        setsid "$venv/bin/salt-minion" -c "$folder" >"$folder/out" 2>&1 &
        pids+=("$!")
    done
    wait_for 180 "all minions" sh -c \
        "[ \$($venv/bin/salt -c $work/salt/master --static --out=json -t 5 '*' test.ping | grep -o true | wc -l) = $hosts ]"
}
