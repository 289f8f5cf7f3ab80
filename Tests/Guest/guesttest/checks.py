"""What is tried in the guest, in order: the first installs the package, and the last take it away and bring it back.

Each but those leaves the service running as `restore` does: armed once it has been armed, with the package's policy.
"""

import json
from collections.abc import Callable

from .guest import Failed, Guest

Check = Callable[[Guest], str]
"""Says what was seen; raises `Failed` with what was seen instead."""

ALL: list[Check] = []

GOOD = 'version = 1\n[[rule]]\nname = "batch first"\nmatch = { unit = "batch*.service" }\norder = "first"\n'
BAD = 'version = 1\n[[rule]]\nname = "slip"\nmatch = { unti = "x.service" }\nprotect = true\n'
WHOLE = (
    'version = 1\n[[rule]]\nname = "hive goes whole"\nmatch = { unit = "hive.service" }\n'
    'scope = "unit"\nsignal = "SIGKILL"\n'
)
OWNED = (
    'version = 1\n[[rule]]\nname = "the leaker goes whole"\nmatch = { user = "leaker" }\n'
    'scope = "cgroup"\nsignal = "SIGKILL"\n'
)
HOOK = 'version = 1\n[hooks]\nafter = ["/bin/sh", "-c", "id -u; id -G"]\n'
FREEZE = 'version = 1\n[relief]\nfreeze = { for = "60s" }\n'


def check(function: Check) -> Check:
    """Adds a check to those that are tried."""
    ALL.append(function)
    return function


def expect(condition: bool, seen: str) -> None:
    """Fails with what was seen."""
    if not condition:
        raise Failed(seen.replace("\n", " | "))


def write_policy(guest: Guest, name: str, text: str) -> None:
    """Writes a drop-in of the policy."""
    guest.do(f"mkdir -p $policies && cat >$policies/{name}.toml <<'END'\n{text}END\nchmod 644 $policies/{name}.toml")


def restore(guest: Guest) -> None:
    """The package's policy alone, armed, and running."""
    guest.do(
        """
        rm -rf $policies $drop_ins/zz-*.conf
        systemctl daemon-reload && systemctl restart spillway && becomes armed 30
        """
    )


def recover(guest: Guest) -> None:
    """What a check that failed may have left, so that the next can be tried all the same."""
    guest.run(
        "rm -rf $policies $drop_ins/zz-*.conf; systemctl daemon-reload; systemctl restart spillway; becomes armed 20"
    )


def leak(guest: Guest) -> str:
    """Has an ordinary user leak until it is killed: what the kernel had killed before and after."""
    return guest.do(
        """
        before=$(oom_kills)
        as_user leak /stage/workload leak name=leak mib=900 rate=60
        within 60 '! systemctl is-active --quiet leak' || { available_mib; systemctl stop leak; exit 1; }
        echo $before $(oom_kills)
        """
    )


def spillways_kill(guest: Guest, after: int, kills: str) -> str:
    """What the record says of the last leak, which Spillway killed, and the kernel nothing."""
    before, now = kills.split()
    expect(before == now, f"the kernel killed: oom_kill went from {before} to {now}")
    guest.do(f"recorded 10 {after} after_ms")
    outcomes = [record for record in guest.records(after) if record["event"] == "outcome"]
    seen = ", ".join(f"{record['victim']['comm']} {record['outcome']}" for record in outcomes)
    expect(seen in ("leak exited", "leak killed"), f"the record has the outcomes: {seen}")
    return f"{seen} after {outcomes[0]['after_ms']} ms, oom_kill stays {now}"


@check
def it_installs_and_watches_in_dry_run(guest: Guest) -> str:
    """And a service is started beside it, which has to live through all that follows."""
    output = guest.do("dpkg -i /stage/spillway.deb")
    expect("runs in dry run" in output, f"dpkg says: {output[-300:]}")
    guest.do(
        """
        becomes dry 20 && systemctl is-enabled spillway || exit
        cat >/etc/systemd/system/beat.service <<'END'
[Service]
ExecStart=/stage/workload log file=/run/beats gap=200
[Install]
WantedBy=multi-user.target
END
        systemctl enable --now beat
        """
    )
    return "enabled, active, --dry-run"


@check
def systemd_understands_the_unit(guest: Guest) -> str:
    """Nothing in it is ignored."""
    said = guest.do(
        "systemd-analyze verify --man=no spillway.service 2>&1; journalctl -q -b _PID=1 | grep spillway.serv"
    )
    ignored = [line for line in said.splitlines() if "ignoring" in line or "Unknown" in line or "Failed" in line]
    expect(not ignored, " | ".join(ignored))
    names = ("StartLimitIntervalUSec", "RestartUSec", "WatchdogUSec", "LimitNOFILE", "Group")
    shown = guest.do(f"systemctl show {' '.join(f'-p {name}' for name in names)} spillway | sort").replace("\n", " ")
    expect("StartLimitIntervalUSec=0" in shown and "RestartUSec=5s" in shown, shown)
    return shown


@check
def the_group_adm_alone_reads_records(guest: Guest) -> str:
    """Modes and owners of the service's folders, and what two users can read."""
    modes = guest.do("stat -c '%n %a %U:%G' /var/log/spillway $record /var/lib/spillway /run/spillway")
    expect(
        modes.splitlines()
        == [
            "/var/log/spillway 750 root:adm",
            "/var/log/spillway/decisions.jsonl 640 root:adm",
            "/var/lib/spillway 750 root:adm",
            "/run/spillway 755 root:adm",
        ],
        modes,
    )
    guest.do("setpriv --reuid reader --regid 1001 --init-groups head -c 1 $record >/dev/null")
    code, _ = guest.run("setpriv --reuid leaker --regid 1000 --clear-groups head -c 1 $record")
    expect(code != 0, "an ordinary user reads the record")
    return modes.replace("\n", ", ")


@check
def the_sandbox_opens_the_services_folders_alone(guest: Guest) -> str:
    """What can be written in the agent's view of the files, in dry run."""
    seen = guest.do(
        """
        for path in /run/spillway /var/lib/spillway /var/log/spillway /sys/fs/cgroup/cgroup.procs /run /etc /usr; do
            if agent_can_write $path; then echo $path; fi
        done
        """
    )
    expect(seen.split() == ["/run/spillway", "/var/lib/spillway", "/var/log/spillway"], f"it can write: {seen}")
    return "it writes spillway in /run, /var/lib and /var/log, and no cgroup"


@check
def a_dry_run_names_a_users_leak_and_kills_nothing(guest: Guest) -> str:
    """A leak that stops short of what the kernel would kill for."""
    after = guest.record_count()
    guest.do(
        f"""
        before=$(oom_kills)
        as_user leak /stage/workload leak name=leak mib=$(($(available_mib) - 18)) rate=60
        recorded 60 {after} rehearsed || {{ available_mib; exit 1; }}
        sleep 6
        systemctl is-active leak && [ $before = $(oom_kills) ]
        status=$?
        systemctl stop leak
        exit $status
        """
    )
    decision = next(record for record in guest.records(after) if record["event"] == "decision")
    victim = decision["victim"]
    expect((victim["comm"], victim["uid"]) == ("leak", 1000), f"it names {victim['comm']} of user {victim['uid']}")
    expect(decision["outcome"] == "rehearsed", f"the outcome is {decision['outcome']}")
    return f"{decision['reason']}: {victim['comm']} with {victim['footprint_kib'] // 1024} MiB, which lives"


@check
def an_audit_tells_what_the_kernel_did_in_a_dry_run(guest: Guest) -> str:
    """Of the leak before, which stopped short, and of one that goes on until the kernel kills it."""
    after = guest.record_count()
    guest.do(
        f"""
        ! grep -q rehearsed $record || within 30 "tail -n 20 $record | grep -q memory_back" || exit
        before=$(oom_kills)
        as_user doomed /stage/workload leak name=doomed mib=900 rate=60
        within 90 '! systemctl is-active --quiet doomed' || {{ available_mib; systemctl stop doomed; exit 1; }}
        [ $(oom_kills) -gt $before ] || {{ echo the kernel killed nothing; exit 1; }}
        recorded 30 {after} memory_back
        """
    )
    records = guest.records(after)
    decision = next(record for record in records if record["event"] == "decision")
    episode = next(record for record in records if record["event"] == "episode")
    expect(decision["victim"]["comm"] == "doomed", f"it names {decision['victim']['comm']}")
    expect(episode["incident"] == decision["incident"] and episode["kernel_kills"] >= 1, str(episode))
    expect(episode["victim_exited_after_ms"] is not None, str(episode))
    told = guest.do(
        """
        spillway audit --json >/run/audit 2>/run/errors || { cat /run/errors; exit 1; }
        spillway audit | tail -n 6
        spillway why doomed | head -n 1
        spillway history | tail -n 4
        """
    )
    audit = json.loads(guest.do("cat /run/audit"))
    ends = [incident["end"] for incident in audit["incidents"]]
    expect(ends in (["kernel_killed"], ["memory_back", "kernel_killed"]), f"incidents end by {ends}: {told}")
    expect("the kernel" in told and "would kill" in told, told)
    return told.replace("\n", " | ")


@check
def arming_is_what_armed_conf_says(guest: Guest) -> str:
    """The very commands in its comments."""
    guest.do(
        """
        sed -n 's/^#     //p' /usr/share/spillway/armed.conf >/run/arm
        grep -q daemon-reload /run/arm && sh -e /run/arm && becomes armed 30
        """
    )
    guest.do("agent_can_write /sys/fs/cgroup/cgroup.procs || { echo cgroups cannot be written; exit 1; }")
    seen = guest.do("said info | grep ', armed'").splitlines()
    expect(len(seen) == 1, f"the journal says: {seen}")
    return f"active, cgroups writable: {seen[0]}"


@check
def a_leak_is_killed_and_a_service_lives(guest: Guest) -> str:
    """The kernel's own killer has nothing to do."""
    after = guest.record_count()
    beat = guest.do("systemctl show -P MainPID beat")
    seen = spillways_kill(guest, after, leak(guest))
    guest.do(
        f"""
        [ $(systemctl show -P MainPID beat) = {beat} ] || {{ echo the other service was killed; exit 1; }}
        size=$(wc -c </run/beats)
        within 5 "[ \\$(wc -c </run/beats) -gt $size ]" || {{ echo the other service stands still; exit 1; }}
        dmesg | grep -q 'Killed process .*leak' || {{ dmesg | tail -n 3; exit 1; }}
        """
    )
    return seen + "; the kernel's log names it, the other service beats"


@check
def a_kill_is_a_warning_in_the_journal(guest: Guest) -> str:
    """Of the leak before. That the agent is armed is none."""
    warnings = guest.do("said warning").splitlines()
    kills = [line for line in warnings if "leak" in line]
    expect(bool(kills), f"warnings are: {warnings[-3:]}")
    expect(not any(", armed" in line for line in warnings), f"warnings are: {warnings[-3:]}")
    named = [line for line in guest.do("said info").splitlines() if line.startswith("spillwayd:")]
    expect(not named, f"the journal, which names the program, has: {named[:1]}")
    return kills[-1]


@check
def a_kill_is_told_where_the_loser_looks(guest: Guest) -> str:
    """By the victim's unit: journalctl -u and -x, and systemctl status; and by dmesg, with the same incident."""
    after = guest.record_count()
    shown = guest.do(
        """
        printf '[Service]\\nUser=leaker\\nExecStart=/stage/workload leak name=loser mib=900 rate=60\\n' \
            >/run/systemd/system/loser.service
        systemctl daemon-reload && systemctl start loser
        within 60 '! systemctl is-active --quiet loser' || { systemctl stop loser; exit 1; }
        within 10 'journalctl -q -b -u loser -o cat | grep -q "killed by spillway"' || exit
        systemctl status loser >/run/status || true
        grep -q 'killed by spillway' /run/status || { cat /run/status; exit 1; }
        journalctl -q -b -u loser -x >/run/explained
        grep -q 'Subject: A process was killed because' /run/explained || { tail -n 30 /run/explained; exit 1; }
        dmesg | grep -i 'killed process .*(loser)' | tail -n 1
        journalctl -q -b -u loser -o json | tr ',' '\\n' | sed -n 's/"SPILLWAY_INCIDENT":"\\(.*\\)"/\\1/p' | sort -u
        journalctl -q -b -u loser -o cat | grep 'killed by spillway' | tail -n 1
        """
    ).splitlines()
    expect(len(shown) == 3, " | ".join(shown))
    decision = next(record for record in guest.records(after) if record["event"] == "decision")
    expect(shown[1] == decision["incident"], f"the journal has {shown[1]}, the record {decision['incident']}")
    expect(decision["incident"] in shown[0], f"the kernel's log has {shown[0]}")
    told = guest.do(f"spillway why loser; spillway why {decision['incident']} | head -n 1; spillway history | tail -n 1")
    expect(told.count(decision["incident"]) >= 2 and "loser" in told.splitlines()[-1], told)
    return f"{shown[2]}; why: {told.splitlines()[0]}"


@check
def the_kill_can_be_run_again(guest: Guest) -> str:
    """From the flight that the service kept of it, which root alone may read; and one is taken of the running agent."""
    return guest.do(
        """
        cd /var/lib/spillway/flights
        [ "$(stat -c %a .)" = 700 ] || { stat -c '%a %n' .; exit 1; }
        flight=$(ls 2*.flight | tail -n 1)
        [ "$(stat -c %a $flight)" = 600 ] || { stat -c '%a %n' $flight; exit 1; }
        spillway replay $flight >/tmp/replay 2>&1 || { cat /tmp/replay; exit 1; }
        spillway record --force /tmp/taken.flight >/tmp/taken 2>&1 || { cat /tmp/taken; exit 1; }
        spillway rank --flight /tmp/taken.flight --limit 1 >/tmp/rank 2>&1 || { cat /tmp/rank; exit 1; }
        rm /tmp/taken.flight
        tail -n 1 /tmp/replay
        """
    ).strip()


@check
def a_reload_takes_a_good_policy(guest: Guest) -> str:
    """By systemctl reload."""
    after = guest.record_count()
    write_policy(guest, "10-good", GOOD)
    guest.do(f"systemctl reload spillway && recorded 20 {after} in_force")
    record = next(record for record in guest.records(after) if record["event"] == "reload")
    expect(record["changes"]["added"] == ["batch first"], str(record))
    return f"in force with {record['rules']} rules, added: {record['changes']['added'][0]}"


@check
def a_reload_refuses_a_bad_policy(guest: Guest) -> str:
    """The old one stays, and so does the process."""
    after, old = guest.record_count(), guest.do("agent")
    write_policy(guest, "20-bad", BAD)
    code, _ = guest.run("systemctl reload spillway")
    expect(code != 0, "systemctl reload says that it went well")
    # It has seen the file by itself as well.
    guest.do(f"recorded 20 {after} refused")
    seen = guest.do("agent; mode").split()
    expect(seen == [old, "armed"], f"process and mode are: {seen}")
    return "systemctl fails, the record says refused, the same process is armed"


@check
def a_start_with_a_bad_policy_takes_the_last_good_one(guest: Guest) -> str:
    """In the mode that was asked for, and loudly."""
    restore(guest)
    write_policy(guest, "10-good", GOOD)
    guest.do("systemctl restart spillway && becomes armed 30")
    rules = guest.do("said info | grep ', armed' | tail -n 1 | grep -o '[0-9]* rules'")
    write_policy(guest, "20-bad", BAD)
    after = guest.record_count()
    guest.do("systemctl restart spillway; becomes armed 20")
    seen = guest.do("said info | grep ', armed' | tail -n 1 | grep -o '[0-9]* rules'")
    expect(seen == rules, f"in force are {seen}, and were {rules}")
    status = guest.do("systemctl show -P StatusText spillway")
    expect("policy" in status, f"the status says: {status}")
    errors = guest.do(
        "said err | grep policy >/run/errors || { echo no error in the journal; exit 1; }; tail -n 1 /run/errors"
    )
    seen = spillways_kill(guest, after, leak(guest))
    return f"armed with {rules}; status: {status}; error: {errors}; {seen}"


@check
def a_boot_with_a_bad_policy_takes_the_last_good_one(guest: Guest) -> str:
    """The whole system starts anew."""
    restore(guest)
    write_policy(guest, "20-bad", BAD)
    guest.reboot()
    guest.do("becomes armed 60")
    restore(guest)
    return "armed after the boot"


@check
def without_a_last_policy_the_preset_stands_in_dry(guest: Guest) -> str:
    """It knows nothing of what the operator protects."""
    write_policy(guest, "20-bad", BAD)
    guest.do("systemctl stop spillway && rm -rf /var/lib/spillway/* && systemctl start spillway; becomes dry 20")
    errors = guest.run("said err | grep -i 'dry run' | tail -n 1")[1].strip()
    # It arms itself, as it was told to, when there is a policy again.
    guest.do("rm $policies/20-bad.toml && becomes armed 40")
    expect(bool(errors), "dry run, then armed by itself, but no error in the journal")
    restore(guest)
    return f"error: {errors}; armed again by itself once the policy is whole"


@check
def the_agent_is_back_after_a_kill(guest: Guest) -> str:
    """By SIGKILL, as the kernel would send it."""
    took = guest.do(
        """
        old=$(agent); start=$(date +%s%N); kill -9 $old
        becomes armed 30 $old || exit
        echo $((($(date +%s%N) - start) / 1000000))
        """
    )
    expect(4900 < int(took) < 15000, f"it took {took} ms")
    return f"armed again after {took} ms"


@check
def a_stopped_agent_is_killed_and_started_again(guest: Guest) -> str:
    """By a watchdog that is shortened, and leaves alone an agent that goes round."""
    guest.do(r"with_drop_in 'WatchdogSec=15s\n' && becomes armed 30")
    guest.do("old=$(agent); sleep 25; [ $(agent) = $old ] || { echo an agent that is well was killed; exit 1; }")
    seen = guest.do(
        """
        old=$(agent); kill -STOP $old
        becomes armed 60 $old || exit
        journalctl -q -b -u spillway -o cat _PID=1 | grep -i watchdog | tail -n 1
        """
    )
    restore(guest)
    return seen


@check
def crashes_at_the_start_never_leave_it_failed(guest: Guest) -> str:
    """More of them, and faster, than systemd's usual limit of five in ten seconds bears."""
    guest.run(r"""with_drop_in 'RestartSec=100ms\nExecStart=\nExecStart=/bin/sh -c "kill -SEGV $$$$"\n'""")
    count, state = guest.do(
        "within 40 '[ $(restarts) -ge 12 ]'; restarts; systemctl is-failed spillway || true"
    ).split()
    expect(int(count) >= 12 and state != "failed", f"after {count} restarts it is {state}")
    guest.do("rm $drop_ins/zz-check.conf; systemctl daemon-reload; becomes armed 30")
    return f"{count} crashes, then {state}; armed once it no longer crashes"


@check
def a_unit_is_killed_in_one_step(guest: Guest) -> str:
    """By cgroup.kill, which a probe in the kernel sees."""
    restore(guest)
    write_policy(guest, "10-whole", WHOLE)
    guest.do(
        """
        systemctl restart spillway && becomes armed 30 || exit
        mount -t tracefs none /sys/kernel/tracing 2>/dev/null
        cd /sys/kernel/tracing && echo 'p:whole cgroup_kill_write' >kprobe_events && echo 1 >events/kprobes/enable
        """
    )
    after = guest.record_count()
    seen = guest.do(
        """
        before=$(oom_kills)
        as_user hive /stage/workload swarm name=hive count=4 gap=1200 mib=300 rate=20
        within 90 '! systemctl is-active --quiet hive' || { systemctl status hive; exit 1; }
        cd /sys/kernel/tracing
        echo $before $(oom_kills); grep -c 'spillwayd.*whole:' trace
        echo 0 >events/kprobes/enable; echo >kprobe_events
        """
    ).split()
    expect(seen[0] == seen[1], f"oom_kill went from {seen[0]} to {seen[1]}")
    expect(seen[2] != "0", "the agent has not written cgroup.kill")
    guest.do(f"recorded 10 {after} after_ms")
    outcome = next(record for record in guest.records(after) if record["event"] == "outcome")
    expect(outcome["outcome"] == "killed" and outcome["members"] > 1, str(outcome))
    restore(guest)
    return f"{outcome['members']} processes killed, by cgroup.kill"


@check
def a_unit_that_is_killed_whole_failed_by_oom_kill(guest: Guest) -> str:
    """As after a kill of the kernel's or of systemd-oomd, so that Restart=on-failure starts it again."""
    write_policy(guest, "10-whole", WHOLE)
    guest.do("systemctl restart spillway && becomes armed 30")
    shown = guest.do(
        """
        printf '[Service]\\nUser=leaker\\nExecStart=/stage/workload swarm name=hive count=4 gap=1200 mib=300 rate=20\\n' \
            >/run/systemd/system/hive.service
        systemctl daemon-reload && systemctl start hive
        within 90 '! systemctl is-active --quiet hive' || { systemctl stop hive; exit 1; }
        systemctl show -p Result -p ActiveState hive | sort | tr '\\n' ' '
        journalctl -q -b -u hive -o cat _PID=1 | grep -i oomd | tail -n 1
        rm /run/systemd/system/hive.service; systemctl reset-failed hive; systemctl daemon-reload
        """
    )
    restore(guest)
    expect("ActiveState=failed Result=oom-kill" in shown, shown)
    return shown.replace("\n", "; ")


@check
def a_cgroup_that_a_user_owns_dies_all_the_same(guest: Guest) -> str:
    """Its cgroup.kill is the user's, and the agent has no CAP_DAC_OVERRIDE to write it."""
    write_policy(guest, "10-owned", OWNED)
    guest.do("systemctl restart spillway && becomes armed 30")
    after = guest.record_count()
    kills = guest.do(
        """
        cat >/run/owned.sh <<'END'
cgroup=/sys/fs/cgroup/system.slice/owned.service/sub
mkdir $cgroup && echo $$ >$cgroup/cgroup.procs || exit
sleep 1000 &
/stage/workload leak name=leak mib=900 rate=60
END
        before=$(oom_kills)
        systemd-run --quiet --collect --unit=owned --uid=leaker --property=Delegate=yes sh /run/owned.sh
        within 5 "stat -c %U /sys/fs/cgroup/system.slice/owned.service/sub/cgroup.kill | grep -qx leaker" || exit
        within 60 '! systemctl is-active --quiet owned' || { systemctl status owned; exit 1; }
        echo $before $(oom_kills)
        """
    )
    seen = spillways_kill(guest, after, kills)
    outcome = next(record for record in guest.records(after) if record["event"] == "outcome")
    expect(outcome["members"] == 3, f"killed were {outcome['members']}, not the shell, its sleep and the leak")
    restore(guest)
    return f"3 processes: {seen}"


@check
def what_a_fork_family_has_swapped_out_counts_once(guest: Guest) -> str:
    """The footprints of a master and its workers beside what the kernel counts page by page, in memory and swap."""
    lines = guest.do(
        """
        dd if=/dev/zero of=/swap bs=1M count=300 2>/dev/null && chmod 600 /swap && mkswap /swap >/dev/null || exit
        swapon /swap
        as_user prefork /stage/workload prefork mib=120 own=4 count=6 gap=600000
        cgroup=/sys/fs/cgroup/system.slice/prefork.service
        within 20 '[ $(wc -l <$cgroup/cgroup.procs) = 7 ]' && sleep 3 || exit
        # It takes back less than it was asked for.
        echo 110M >$cgroup/memory.reclaim 2>/dev/null
        for pid in $(cat $cgroup/cgroup.procs); do
            echo $pid $(sed -n 's/^\\(Pss_Anon\\|SwapPss\\): *\\([0-9]*\\) kB/\\2/p' /proc/$pid/smaps_rollup)
        done
        spillway rank --json --limit 12
        systemctl stop prefork >/dev/null && swapoff /swap && rm /swap
        """
    ).splitlines()
    ranked = {one["pid"]: one for one in json.loads(lines[-1])}
    counted = {int(pid): (int(held), int(swapped)) for pid, held, swapped in map(str.split, lines[:-1])}
    expect(len(counted) == 7, f"the family is {counted}")
    held, swapped = (sum(one[part] for one in counted.values()) for part in (0, 1))
    footprint = sum(ranked[pid]["footprint_kib"] for pid in counted if pid in ranked)
    swap = sum(ranked[pid]["swap_kib"] for pid in counted if pid in ranked)
    expect(swapped > 50 * 1024, f"only {swapped} KiB are in swap")
    seen = f"footprints of {footprint} KiB, {swap} of them in swap; the kernel: {held + swapped}, {swapped} of them in swap"
    # Each of seven has page tables as well.
    expect(abs(footprint - held - swapped) < (held + swapped) / 10 + 7 * 512, seen)
    expect(abs(swap - swapped) < swapped / 10 + 1024, seen)
    return seen


@check
def a_hook_has_its_own_users_group_alone(guest: Guest) -> str:
    """Though the agent is in the group adm."""
    write_policy(guest, "10-hook", HOOK)
    guest.do("cp /usr/share/spillway/hooks.conf $drop_ins/zz-hooks.conf; systemctl daemon-reload")
    guest.do("systemctl restart spillway && becomes armed 30")
    after = guest.record_count()
    seen = spillways_kill(guest, after, leak(guest))
    guest.do(f"recorded 10 {after} occasion")
    hook = next(record for record in guest.records(after) if record["event"] == "hook")
    expect(hook["output"].split() == ["65534", "65534"], str(hook))
    restore(guest)
    return f"{hook['program']} wrote {hook['output'].strip()}; {seen}"


@check
def a_frozen_cgroup_is_thawed_after_a_crash(guest: Guest) -> str:
    """Relief under the armed unit, whose note outlives the agent. The next one has a policy without relief."""
    write_policy(guest, "10-freeze", FREEZE)
    guest.do("systemctl restart spillway && becomes armed 30")
    seen = guest.do(
        """
        events=/sys/fs/cgroup/system.slice/slow.service/cgroup.events
        as_user slow /stage/workload leak name=slow mib=$(($(available_mib) - 48)) rate=25
        within 60 "grep -qsx 'frozen 1' $events" || { available_mib; tail -n 2 $record | cut -c 1-400; exit 1; }
        stat -c '%a %U:%G' /run/spillway/relief
        old=$(agent); rm $policies/10-freeze.toml; kill -9 $old
        grep -qx 'frozen 1' $events || { echo it is thawed already; exit 1; }
        becomes armed 30 $old && within 10 "grep -qx 'frozen 0' $events" || { cat $events; exit 1; }
        systemctl stop slow
        said info | grep 'put back' | tail -n 1
        """
    ).splitlines()
    expect(seen[0] == "640 root:adm" and "1 cgroup" in seen[1], " | ".join(seen))
    restore(guest)
    return "; ".join(seen)


@check
def the_last_resorts_drop_in_leaves_cgroups_writable(guest: Guest) -> str:
    """Though it makes /sys read-only by name."""
    seen = guest.do(
        """
        cp /usr/share/spillway/last-resort.conf $drop_ins/zz-resort.conf
        systemctl daemon-reload && systemctl restart spillway && becomes armed 30 || exit
        for path in /sys/fs/cgroup/cgroup.procs /sys/kernel/profiling /proc/sys/vm/swappiness /proc/sysrq-trigger; do
            if agent_can_write $path; then echo $path; fi
        done
        """
    )
    expect(seen.split() == ["/sys/fs/cgroup/cgroup.procs", "/proc/sysrq-trigger"], f"it can write: {seen}")
    restore(guest)
    return "cgroups and sysrq-trigger writable, the rest of /sys and /proc/sys not"


@check
def records_are_rotated_and_go_on(guest: Guest) -> str:
    """By the agent itself, once the file has the size that it may have."""
    guest.do(
        """
        yes '{}' | head -c 16777216 >>$record
        systemctl reload spillway && within 10 "[ -e $record.1 ]" || { ls -l ${record%/*}; exit 1; }
        """
    )
    seen = guest.do("stat -c '%a %U:%G' $record $record.1; wc -l <$record").splitlines()
    expect(seen[:2] == ["640 root:adm"] * 2 and int(seen[2]) < 9, " | ".join(seen))
    guest.do("systemctl restart spillway && becomes armed 30 && within 5 '[ -s $record ]' && rm $record.1")
    return "the file and the one before it are 640 root:adm, and the agent goes on"


@check
def another_killer_is_warned_of(guest: Guest) -> str:
    """When the package is configured, by check --live, and by the agent."""
    guest.do("dpkg -i /stage/earlyoom.deb && systemctl is-active earlyoom")
    try:
        output = guest.do("dpkg -i /stage/spillway.deb 2>&1")
        expect("WARNING: earlyoom runs" in output, f"dpkg says: {output[-300:]}")
        guest.do("becomes armed 20")
        live = guest.run("spillway check --live /etc/spillway/spillway.toml 2>&1 | grep -i earlyoom")[1].strip()
        expect(bool(live), "dpkg warns, but check --live does not")
        agent = guest.run("said warning | grep -i earlyoom | tail -n 1")[1].strip()
        expect(bool(agent), "dpkg and check --live warn, but the agent does not")
    finally:
        guest.do("dpkg --purge earlyoom")
    return f"dpkg warns; check: {live.splitlines()[0]}; the agent: {agent}"


@check
def an_upgrade_watches_until_the_new_agent_does(guest: Guest) -> str:
    """Unpacked, the old agent runs; configured, the new one."""
    seen = guest.do(
        """
        old=$(agent)
        dpkg --unpack /stage/spillway.deb >/dev/null && becomes armed 1 || exit
        unpacked=$(agent)
        dpkg --configure spillway >/dev/null && becomes armed 20 $old || exit
        echo $old $unpacked $(agent)
        """
    ).split()
    expect(seen[0] == seen[1], f"the old process {seen[0]} was {seen[1]} when it was unpacked")
    return f"armed all the time: process {seen[0]}, then {seen[2]}"


@check
def an_upgrade_with_a_bad_policy_keeps_the_old_agent(guest: Guest) -> str:
    """And says so."""
    write_policy(guest, "20-bad", BAD)
    old = guest.do("agent")
    output = guest.do("dpkg -i /stage/spillway.deb 2>&1")
    seen = guest.do("agent; mode").split()
    expect(seen == [old, "armed"], f"process and mode are: {seen}, and the process was {old}")
    expect("WARNING: the policy has a mistake" in output and "unti" in output, f"dpkg says: {output[-400:]}")
    restore(guest)
    return "dpkg shows the mistake; the same process is armed"


@check
def removed_and_installed_again_it_is_as_it_was(guest: Guest) -> str:
    """Without a purge an operator's files stay."""
    guest.do("dpkg --remove spillway && ! systemctl is-active spillway")
    output = guest.do("dpkg -i /stage/spillway.deb && becomes armed 20")
    expect("it is ARMED" in output, f"dpkg says: {output[-300:]}")
    return "armed, and dpkg says so"


@check
def a_purge_leaves_nothing_of_its_own(guest: Guest) -> str:
    """But what the operator wrote beside it."""
    guest.do(
        r"""
        cd $drop_ins
        cp armed.conf zz-mixed.conf
        printf 'Environment=MINE=1\n' >>zz-mixed.conf
        ln -s /usr/share/spillway/armed.conf zz-link.conf
        printf '[Service]\nExecStart=\nExecStart=/usr/bin/spillway run \\\n  --verbose\n' >zz-split.conf
        printf '[Service]\nExecStart=\nExecStart=/usr/bin/spillway run --dry-run --verbose\n' >zz-dry.conf
        printf '[Service]\nNice=1\n' >zz-mine.conf
        systemctl daemon-reload
        """
    )
    guest.do("dpkg --purge spillway")
    left = guest.do(
        "find / -xdev -iname '*spillway*' -not -path '/stage/*'; find /run -iname '*spillway*'; ls $drop_ins"
    )
    files = sorted(line for line in left.split() if line != "/etc/systemd/system/spillway.service.d")
    expect(files == ["zz-dry.conf", "zz-mine.conf", "zz-mixed.conf"], f"left are: {' '.join(files)}")
    mixed = guest.do("grep -v '^#' $drop_ins/zz-mixed.conf | tr '\\n' ' '")
    expect(mixed.split() == ["[Service]", "Environment=MINE=1"], f"zz-mixed.conf has: {mixed}")
    return "left are drop-ins of the operator, without what armed"


@check
def installed_after_a_purge_it_is_in_dry_run(guest: Guest) -> str:
    """As at first."""
    output = guest.do("dpkg -i /stage/spillway.deb && becomes dry 20")
    expect("runs in dry run" in output, f"dpkg says: {output[-300:]}")
    return "dry run"


NEEDED = (it_installs_and_watches_in_dry_run, arming_is_what_armed_conf_says)
"""What the others build on."""
