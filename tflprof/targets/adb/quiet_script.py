"""The program that keeps a phone quiet: it changes, waits for the end of its standard input, and restores.

It runs on the phone, so that it also restores when the link breaks or the controller dies. What it is to restore
it writes down before it changes anything. ``sh guard.sh restore`` restores what an earlier one could not.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from tflprof.targets.adb.setup import PhoneSetup

GUARD, RECORD, RUNNING, PID = "guard.sh", "restore.sh", "running.sh", "pid"
READY, DONE, REFUSED, RESTORED, FAILED, END = "ready", "done", "refused", "restored", "failed", "end"

_OLDEST_DEXOPT_SWITCH = 33
_OLDEST_DEXOPT_CANCEL = 31
# Any charger: AC, USB, wireless, dock.
_STAY_ON = 15

# Their calls make up the record: b tells whether the phone was started anew since, which undoes all but settings;
# w, q, s, x and u restore one thing each.
_FUNCTIONS = """
trap '' PIPE
umask 077
failed() { echo "failed $1"; bad=1; }
boot_id() { boot=; { IFS= read -r boot </proc/sys/kernel/random/boot_id; } 2>/dev/null; }
b() { boot_id; if [ "$1" = "$boot" ]; then anew=; else anew=1; fi; }
w() {
    if [ "$anew" ] || [ ! -e "$1" ]; then return 0; fi
    took=; { echo "$2" >"$1" && took=1; } 2>/dev/null
    now=; { IFS= read -r now <"$1"; } 2>/dev/null
    if [ "$now" != "$2" ] && ! { [ "$took" ] && capped "$1" "$2"; }; then failed "$1: it is $now, was $2"; return; fi
    echo "restored $1: $2"
}
# What is read is the lowest of all limits, the kernel's own against heat too; what is written is ours alone.
capped() { case $1 in */scaling_*_freq) [ "$now" -lt "$2" ] 2>/dev/null ;; *) false ;; esac }
q() { [ "$anew" ] || { echo "$2" >"$1"; } 2>/dev/null; }
s() {
    if [ "$3" = null ]; then settings delete "$1" "$2"; else settings put "$1" "$2" "$3"; fi >/dev/null 2>&1
    now=$(settings get "$1" "$2" 2>/dev/null)
    if [ "$now" = "$3" ]; then echo "restored setting $2: $3"; else failed "setting $2: it is $now, was $3"; fi
}
x() {
    # It fails where switching it off failed. How it was before, Android does not tell.
    if [ -z "$anew" ] && cmd package bg-dexopt-job --enable >/dev/null 2>&1; then echo "restored dexopt"; fi
}
u() {
    if [ "$anew" ] || [ ! -e "$1/wake_unlock" ]; then return 0; fi
    # Where it was refused, giving it back would fail for ever.
    if { { IFS= read -r held; :; } <"$1/wake_lock"; } 2>/dev/null; then
        case " $held " in *" $2 "*) ;; *) return 0 ;; esac
    fi
    if { echo "$2" >"$1/wake_unlock"; } 2>/dev/null; then echo "restored wake lock"; else failed "wake lock $2"; fi
}
restore() {
    trap '' HUP INT TERM
    bad=
    # Renamed first: of two that try, one restores.
    if [ -e "$d/restore.sh" ]; then mv "$d/restore.sh" "$d/running.sh" 2>/dev/null || return; fi
    if [ -e "$d/running.sh" ]; then . "$d/running.sh"; fi
    if [ "$bad" ]; then mv "$d/running.sh" "$d/restore.sh"; else cd / && rm -rf "$d"; fi
    echo end
}
if [ "$1" = restore ]; then restore; exit; fi
record() { echo "$1" >>"$d/restore.sh"; }
ok() { echo "done $1"; }
no() { echo "refused $1"; }
readable() { old=; { IFS= read -r old <"$1"; } 2>/dev/null; [ "$old" ]; }
change() {
    { echo "$2" >"$1"; } 2>/dev/null
    now=; { IFS= read -r now <"$1"; } 2>/dev/null
    [ "$now" = "$2" ]
}
boot_id
if ! echo $$ >"$d/pid" || ! record "b $boot"; then exit 1; fi
trap 'restore; exit' HUP INT TERM
"""

_AWAKE = f"""
old=$(settings get global stay_on_while_plugged_in 2>/dev/null)
case $old in
{_STAY_ON}) ok "stays awake: it did already" ;;
null | [0-9] | [0-9][0-9])
    record "s global stay_on_while_plugged_in $old"
    settings put global stay_on_while_plugged_in {_STAY_ON} >/dev/null 2>&1
    now=$(settings get global stay_on_while_plugged_in 2>/dev/null)
    if [ "$now" = {_STAY_ON} ]; then ok "stays awake while plugged in"; \
else no "staying awake: the setting cannot be changed"; fi ;;
*) no "staying awake: the setting cannot be read" ;;
esac
"""

# Android 13 says `Success`, ART's own command (from Android 14) a sentence. Both go on with what is under way.
_NO_DEXOPT = """
record x
if said=$(cmd package bg-dexopt-job --disable 2>&1); then
    case $said in *Error* | *Unknown* | *xception*) said= ;; *) said=1 ;; esac
else said=; fi
if [ -z "$said" ]; then no "stopping background dexopt: this Android refuses"
elif cmd package bg-dexopt-job --cancel >/dev/null 2>&1; then ok "background dexopt is off"
else no "stopping background dexopt under way: this Android refuses"; fi
"""

_CANCEL_DEXOPT = """
if cmd package cancel-bg-dexopt-job >/dev/null 2>&1; then ok "background dexopt under way is cancelled"; \
else no "stopping background dexopt: this Android refuses"; fi
"""

_WAKE_LOCK = """
if [ -w "$power/wake_lock" ]; then
    record "u $power $name"
    if { echo "$name" >"$power/wake_lock"; } 2>/dev/null; then ok "wake lock"; else no "wake lock: refused"; fi
else no "wake lock: only root may"; fi
"""

# Limits are not looked at before the phone is cool. Until then its input may end as later.
_UNTIL_COOL = """
echo ready
read -r go hot || { restore; exit; }
"""

# The policies of the chosen CPUs, each once.
_POLICIES = """
seen=
for c in $cpus; do
    p=$tree/cpu$c/cpufreq
    if ! readable "$p/related_cpus"; then no "$what: CPU $c shows no clock"; continue; fi
    case $seen in *"[$old]"*) continue ;; esac
    seen="$seen[$old]"
    on="CPU $old"
"""

_GOVERNOR = """
    if ! readable "$p/scaling_governor"; then no "$what: it cannot be read"; continue; fi
    if [ "$old" = "$governor" ]; then ok "$what of $on: it was already"; continue; fi
    if [ ! -w "$p/scaling_governor" ]; then no "$what: only root may"; continue; fi
    before=$old; old=; readable "$p/scaling_available_governors"
    case " $old " in *" $governor "*|'  ') ;; *) no "$what: there are $old"; continue ;; esac
    record "w $p/scaling_governor $before"
    if change "$p/scaling_governor" "$governor"; then ok "$what of $on"; else no "$what of $on: it is $now"; fi
done
"""

_FREQUENCY = """
    # Its limit would be read as the user's, and restored as such.
    if [ "$hot" ]; then no "$what: the phone throttles, $hot"; break; fi
    if [ ! -w "$p/scaling_min_freq" ] || [ ! -w "$p/scaling_max_freq" ]; then no "$what: only root may"; continue; fi
    readable "$p/cpuinfo_min_freq"; least=${old:-0}
    readable "$p/cpuinfo_max_freq"; most=${old:-0}
    if [ "$khz" -lt "$least" ] || [ "$khz" -gt "$most" ]; then
        no "$what of $on: it goes from $least to $most kHz"; continue
    fi
    readable "$p/scaling_min_freq"; low=$old
    readable "$p/scaling_max_freq"; high=$old
    if [ -z "$low" ] || [ -z "$high" ]; then no "$what: it cannot be read"; continue; fi
    # Either limit may only move as far as the other.
    record "q $p/scaling_min_freq $low"
    record "w $p/scaling_max_freq $high"
    record "w $p/scaling_min_freq $low"
    q "$p/scaling_min_freq" "$khz"
    if change "$p/scaling_max_freq" "$khz" && change "$p/scaling_min_freq" "$khz"; then ok "$what of $on"; \
else no "$what of $on: the kernel chose $now kHz"; fi
done
"""

_WATCH = """
echo ready
while read -r line; do :; done
restore
"""


def guard_script(
    setup: PhoneSetup,
    cpus: Sequence[int],
    directory: str,
    api_level: int | None,
    tree: str = "/sys/devices/system/cpu",
    power: str = "/sys/power",
) -> str:
    """The program for a phone.

    It prints a line per step: ``done TEXT`` or ``refused TEXT``, ``ready``; at the end ``restored TEXT`` or
    ``failed TEXT``, ``end``. Its folder is gone when all is restored. For clocks it waits, when it is ready, for a
    line ``go [WHY THE PHONE THROTTLES]``, changes them, and is ``ready`` again.

    Args:
        setup: what is wished.
        cpus: those that are to measure.
        directory: its folder on the phone, its own alone.
        api_level: of Android, None off Android.
        tree: where the kernel shows the CPUs.
        power: where it takes wake locks.
    """
    name = directory.rpartition("/")[2]
    head = (
        f"d={shlex.quote(directory)} name=tflprof-{shlex.quote(name)} tree={shlex.quote(tree)} "
        f"power={shlex.quote(power)}\ncpus={shlex.quote(' '.join(map(str, cpus)))}"
    )
    parts = [head, _FUNCTIONS]
    if setup.quiet:
        parts += _quiet(api_level)
    if setup.changes_clocks:
        parts.append(_UNTIL_COOL)
    if setup.governor is not None:
        governor = shlex.quote(setup.governor)
        parts += [f"governor={governor} what='governor '{governor}", _POLICIES + _GOVERNOR]
    if setup.frequency_khz is not None:
        khz = setup.frequency_khz
        parts += [f"khz={khz} what='frequency {khz} kHz'", _POLICIES + _FREQUENCY]
    return "\n".join([*parts, _WATCH])


def _quiet(api_level: int | None) -> list[str]:
    if api_level is None:
        return [_WAKE_LOCK]
    if api_level >= _OLDEST_DEXOPT_SWITCH:
        dexopt = _NO_DEXOPT
    elif api_level >= _OLDEST_DEXOPT_CANCEL:
        dexopt = _CANCEL_DEXOPT
    else:
        dexopt = 'no "stopping background dexopt: Android 12 is the first that can"'
    return [_AWAKE, dexopt, _WAKE_LOCK]


def leftover_script(directory: str, mine: bool) -> str:
    """A script that restores what a guard left behind in its folder.

    It prints what the guard would, or ``busy`` if a guard of somebody else's is at work.

    Args:
        directory: the guard's folder.
        mine: whether its guard, if it still runs, is to end: its controller is gone.
    """
    folder = shlex.quote(directory)
    end_it = (
        'kill "$p"; n=0; while [ -e "$d" ] && [ $n -lt 50 ]; do sleep 0.1; n=$((n + 1)); done; '
        'if [ ! -e "$d" ]; then echo "restored what an earlier run had changed"; echo end; exit; fi; kill -9 "$p"'
        if mine
        else "echo busy; exit"
    )
    return (
        f'd={folder}; [ -e "$d" ] || exit 0; p=; {{ read -r p <"$d/{PID}"; }} 2>/dev/null; '
        f'if [ "$p" ] && grep -qs {GUARD} "/proc/$p/cmdline"; then {end_it}; fi; '
        f'if [ -e "$d/{GUARD}" ]; then sh "$d/{GUARD}" restore; else rm -rf "$d"; fi'
    )
