package import Policy
package import Pressure
package import ProcModel

extension Array where Element == UInt8 {
  /// `12.4 GiB`, `1312 MiB`, `312 MiB`, `12 KiB`, rounded down up to 10 GiB: two digits at least are enough for people.
  package mutating func append(_ amount: KiB) {
    let count = amount.count
    switch count {
    case 0..<10_240:
      append(decimal: count)
      append(" KiB")
    case 10_240..<10_485_760:
      append(decimal: count / 1024)
      append(" MiB")
    default:
      append(decimal: (Double(count) / 1_048_576 * 10).rounded() / 10)
      append(" GiB")
    }
  }

  /// The trigger and its figures: `floor: available 39 MiB, at or below 40 MiB; free swap 0 KiB, at or below 51 MiB`.
  package mutating func append(reason verdict: Verdict) {
    append(verdict.trigger.name)
    append(": ")
    switch verdict.trigger {
    case .none, .floor: break
    case .notReleased: append("memory is not back; ")
    case .stall(let share):
      append(share)
      append(" of the time lost to memory; ")
    case .thrash(let rate):
      append(rate)
      append(" of the file cache read back each second; ")
    case .forecast(let left):
      append(decimal: left.milliseconds)
      append(" ms until nothing is left; ")
    case .limit(let hits):
      append("met ")
      append(decimal: hits)
      append(hits == 1 ? " time just now; " : " times just now; ")
    }
    append(availability: verdict)
  }

  private mutating func append(availability verdict: Verdict) {
    append("available ")
    append(verdict.reading.available)
    if verdict.reading.available <= verdict.lines.floorAvailable {
      append(", at or below ")
      append(verdict.lines.floorAvailable)
    } else if verdict.trigger == .notReleased {
      append(", not yet over ")
      append(verdict.lines.release)
      append(" again")
    }
    if let line = verdict.lines.floorSwapFree {
      if verdict.reading.swapTotal > .zero {
        append("; free swap ")
        append(verdict.reading.swapFree)
        append(verdict.reading.swapFree <= line ? ", at or below " : ", over ")
        append(line)
      } else {
        append("; no swap")
      }
    }
  }

  /// `; not believed: swap_free 12 times, arc 3 times`: at how many looks; nothing where all was believed.
  package mutating func append(_ impossible: ImpossibleCounts) {
    var isFirst = true
    for kind in 0..<Impossible.kinds where impossible[kind] > 0 {
      append(isFirst ? "; not believed: " : ", ")
      isFirst = false
      append(Impossible.name(kind))
      append(" ")
      append(decimal: UInt64(impossible[kind]))
      append(impossible[kind] == 1 ? " time" : " times")
    }
  }

  /// `12.5%`.
  mutating func append(_ share: BasisPoints) {
    append(decimal: Double(share.count) / 100)
    append("%")
  }

  /// Why an image is no policy, with the figure that belongs to it and what to do next.
  package mutating func append(_ error: ImageError) {
    append(error.message)
    if let number = error.number {
      append(": ")
      append(decimal: Int64(number))
    }
    append("; ")
    append(error.advice)
  }

  /// `1234 (hog)`, with what the process calls itself made harmless.
  package mutating func append(_ process: ProcessFacts) {
    append(decimal: Int64(process.identity.pid))
    append(" (")
    append(visible: process.comm.bytes)
    append(")")
  }

  /// Who goes with the victim: ` and 41 more (swarm of one parent)`; nothing where it goes alone.
  package mutating func append(killSet: borrowing KillSet) {
    if killSet.members.count > 1 {
      append(" and ")
      append(decimal: UInt64(killSet.members.count - 1))
      append(" more (")
      if let swarm = killSet.swarm {
        append(killSet.choice == .kin ? "kin of the small, of one " : "swarm of one ")
        append(swarm.name)
      } else {
        append("its ")
        append(killSet.scope.name)
      }
      if killSet.protected > 0 {
        append("; ")
        append(decimal: UInt64(killSet.protected))
        append(" protected stay")
      }
      append(")")
    } else if let fallback = killSet.fallback {
      append(" alone, not its ")
      append(killSet.wanted.name)
      append(" (")
      append(fallback.name)
      append(")")
    }
  }

  /// `, unit cron.service, executable /usr/bin/hog`; the cgroup where there is no unit. Nothing where nothing is known.
  package mutating func append(_ origin: ProcessOrigin) {
    if origin.hasUnit {
      append(", unit ")
      append(visible: origin.unit, atMost: Self.longestName)
    } else if origin.hasCgroup {
      append(", cgroup ")
      append(visible: origin.cgroup, atMost: Self.longestName)
    }
    if origin.hasExecutable {
      append(", executable ")
      append(visible: origin.executable, atMost: Self.longestName)
    }
  }

  /// The most bytes of a path in a line for people: the kernel's log refuses lines of some 970 bytes and more (devkmsg_write
  /// in kernel/printk/printk.c).
  private static var longestName: Int { 256 }

  /// As ``append(visible:)``, cut at so many bytes of what is shown.
  mutating func append(visible text: Span<UInt8>, atMost limit: Int) {
    let start = count
    append(visible: text)
    guard count - start > limit else { return }
    var end = start + limit
    // Not within a character: bytes of UTF-8 after the first are 0x80…0xBF.
    while end > start, self[end] & 0xC0 == 0x80 { end -= 1 }
    removeLast(count - end)
    append("…")
  }

  /// The kernel's own line for a victim (mm/oom_kill.c, `__oom_kill_process`), so that
  /// `dmesg -T | grep -i "killed process"` finds ours as it finds the kernel's; and after it what the kernel does not tell.
  ///
  /// - Parameters:
  ///   - incident: The decision's number in the run.
  ///   - origin: Of the victim; nil for a process that is killed with it.
  package mutating func append(
    kernelLineFor process: ProcessFacts, incident: UInt32, of run: RunID, _ origin: ProcessOrigin?
  ) {
    // Level 3, as the kernel's pr_err.
    append("<3>spillwayd: Out of memory: Killed process ")
    append(decimal: Int64(process.identity.pid))
    append(" (")
    append(visible: process.comm.bytes)
    append(") total-vm:")
    append(decimal: process.virtual.count)
    append("kB, anon-rss:")
    append(decimal: process.anonymous.count)
    append("kB, file-rss:")
    append(decimal: process.file.count)
    append("kB, shmem-rss:")
    append(decimal: process.shared.count)
    append("kB, UID:")
    append(decimal: UInt64(process.realUID))
    append(" pgtables:")
    append(decimal: process.pageTables.count)
    append("kB oom_score_adj:")
    append(decimal: Int64(process.oomScoreAdj))
    // Before what a process can choose, so that none of it can be taken for an incident.
    append("; incident ")
    append(incident: incident, of: run)
    if let origin { append(origin) }
    append("\n")
  }
}
