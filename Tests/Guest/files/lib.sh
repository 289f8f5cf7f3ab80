# shellcheck shell=sh
# Words for the scripts that run in the guest.

# SECONDS COMMAND: until the command succeeds; fails when it never does.
within() {
    deadline=$(($(date +%s) + $1))
    until eval "$2"; do
        if [ "$(date +%s)" -gt $deadline ]; then return 1; fi
        sleep 0.2
    done
}

agent() { systemctl show --property=MainPID --value spillway; }
restarts() { systemctl show --property=NRestarts --value spillway; }

# What the agent is: dry, armed, or nothing where it has not come to watch.
mode() {
    if [ "$(systemctl is-active spillway)" != active ]; then systemctl is-active spillway; return; fi
    case $(tr '\0' ' ' <"/proc/$(agent)/cmdline") in
    *spillwayd*--dry-run* | *spillwayd*--built-in*) echo dry ;;
    *spillwayd*) echo armed ;;
    *) echo nothing ;;
    esac
}

# MODE SECONDS [OLD]: until the agent is that, and another process than OLD; says what it is when it never is.
becomes() {
    within "$2" "[ \"\$(mode)\" = $1 ] && [ \"\$(agent)\" != \"${3:-}\" ]" || { echo "it is $(mode)"; return 1; }
}

# SECONDS LINES TEXT: until the record says so, beyond so many lines.
recorded() { within "$1" "tail -n +$(($2 + 1)) $record | grep -q $3" || { echo "no $3 in the record"; return 1; }; }

# PRIORITY: what the agent has said since the boot, at that priority or above.
said() { journalctl --quiet --boot --unit=spillway --output=cat --priority="$1" _COMM=spillwayd + _COMM=spillway; }

# TEXT: a drop-in for the service, which is restarted.
with_drop_in() { printf '[Service]\n%b' "$1" >$drop_ins/zz-check.conf && systemctl daemon-reload && systemctl restart spillway; }

oom_kills() { sed -n 's/^oom_kill //p' /proc/vmstat; }
available_mib() { sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo | { read -r kib; echo $((kib / 1024)); }; }

# UNIT WORDS: a program of an ordinary user, as a service of its own.
as_user() {
    name=$1
    shift
    systemctl reset-failed "$name" 2>/dev/null || true
    systemd-run --quiet --collect --unit="$name" --uid=leaker -- "$@"
}

# PATH: whether the agent could write there, in the view of the files that it has.
agent_can_write() { nsenter --target "$(agent)" --mount -- test -w "$1"; }

record=/var/log/spillway/decisions.jsonl
drop_ins=/etc/systemd/system/spillway.service.d
# shellcheck disable=SC2034
policies=/etc/spillway/policy.d
