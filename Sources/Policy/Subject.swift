package import ProcModel

/// What rules can look at of one process. One subject is reused for all.
package struct Subject: Sendable {
  /// How far a text is known.
  package enum Knowledge: UInt8, Sendable {
    case known
    /// The process has none.
    case absent
    /// It may have one, but it was not, or could not be, read.
    case unknown
  }

  package var comm = Comm()
  package var effectiveUID: UInt32 = 0
  package var effectiveCapabilities: CapabilitySet = []
  /// Of these.
  package var unread: UnreadFacts = []
  /// The target of `/proc/PID/exe`, without ` (deleted)`.
  package var exe = ByteBuffer(capacity: 4096)
  package var exeKnowledge = Knowledge.absent
  /// Its words with single blanks between.
  package var cmdline = ByteBuffer(capacity: 4096)
  package var cmdlineKnowledge = Knowledge.absent
  /// What the tests of ``cmdline`` came to while it could be read; they count where it is unknown.
  package var earlierCmdline: CmdlineOutcomes?
  /// `/proc/PID/cgroup`, of which the path and the unit are parts.
  // A path of up to 4 KiB in each of systemd's two hierarchies, and the others beside.
  package var cgroup = ByteBuffer(capacity: 16 * 1024)
  package var cgroupKnowledge = Knowledge.absent
  package var cgroupPath: Range<Int>?
  package var unit: Range<Int>?

  package init() {}

  /// Reads what `needs` asks for.
  ///
  /// - Parameters:
  ///   - process: As surveyed; its name, user and capabilities are taken as they are.
  ///   - inCalm: Whether files may be read that can wait for the target's memory. Where not, `cmdline` stays unknown.
  package mutating func load<Source: ProcSource & ~Copyable>(
    _ process: ProcessFacts, needs: MatchNeeds, inCalm: Bool, from source: inout Source
  ) {
    let pid = process.identity.pid
    load(ancestor: pid, process.comm, needs: needs, from: &source)
    effectiveUID = process.effectiveUID
    effectiveCapabilities = process.effectiveCapabilities
    unread = process.unread
    if needs.contains(.cmdline) {
      cmdlineKnowledge = inCalm ? read(.cmdline, of: pid, from: &source, into: &cmdline) : .unknown
      joinWords()
    }
  }

  /// Reads what rules ask of an ancestor; the rest stays unknown.
  mutating func load<Source: ProcSource & ~Copyable>(
    ancestor pid: Int32, _ name: Comm, needs: MatchNeeds, from source: inout Source
  ) {
    comm = name
    unread.formUnion(.user)
    unread.formUnion(.capabilities)
    exeKnowledge = .absent
    cmdlineKnowledge = .absent
    earlierCmdline = nil
    cgroupKnowledge = .absent
    cgroupPath = nil
    unit = nil
    if needs.contains(.exe) {
      // A link, read without the target's mmap lock since Linux 4.1 (fs/proc/base.c, proc_exe_link).
      exeKnowledge = read(.exe, of: pid, from: &source, into: &exe)
      stripDeletedMark()
    }
    if needs.contains(.cgroup) {
      cgroupKnowledge = read(.cgroup, of: pid, from: &source, into: &cgroup)
      placeInCgroups(source.view)
    }
  }

  /// Reads the command line of a process that was loaded just now without it, unless it would have to be waited for.
  ///
  /// - Returns: Whether it is known now. What is empty is not taken for a command line where nothing tells that the
  ///   process has its program's memory yet: execve(2) sets it late (fs/binfmt_elf.c).
  mutating func askForCmdline<Source: ProcSource & ~Copyable>(
    _ process: ProcessFacts, from source: inout Source
  ) -> Bool {
    cmdline.clear()
    do throws(ReadFailure) {
      try source.readOrGiveUp(.cmdline, of: process.identity.pid, into: &cmdline)
    } catch {
      return false
    }
    joinWords()
    guard cmdline.count > 0 || process.image != 0 else { return false }
    cmdlineKnowledge = .known
    return true
  }

  private func read<Source: ProcSource & ~Copyable>(
    _ file: ProcessFile, of pid: Int32, from source: inout Source, into buffer: inout ByteBuffer
  ) -> Knowledge {
    buffer.clear()
    do throws(ReadFailure) {
      try source.read(file, of: pid, into: &buffer)
      return .known
    } catch {
      switch error {
      case .vanished, Subject.pathTooLong: return .absent
      case .denied, .failed: return .unknown
      }
    }
  }

  /// ENAMETOOLONG (Linux's number): a path longer than the kernel shows. It is no accident, since anyone can nest
  /// folders and delegated cgroups so deep; were it unknown, a process could hide behind whichever rule protects
  /// somebody.
  private static let pathTooLong = ReadFailure.failed(errno: 36)

  private mutating func placeInCgroups(_ view: ProcView) {
    guard cgroupKnowledge == .known else { return }
    let isCut = cgroup.isFull
    cgroup.dropTornLine()
    do throws(ProcParseError) {
      let membership = try CgroupMembership(parsing: cgroup.bytes)
      cgroupPath = membership.path
      unit = membership.unit
      if isCut, !membership.isSettled {
        // As long a path as one that is refused, see ``pathTooLong``.
        cgroupKnowledge = .absent
      } else if membership.isOutside || !view.showsAllCgroups {
        // Relative to another root than the machine's: `/..` may be any unit's.
        cgroupKnowledge = .unknown
        unit = nil
      }
    } catch {
      cgroupKnowledge = .unknown
    }
  }

  private mutating func stripDeletedMark() {
    // An upgraded program's file is gone from its directory; the process is still that program (proc(5)).
    let mark = " (deleted)"
    guard exe.count > mark.utf8.count else { return }
    var scanner = ByteScanner(exe.bytes, from: exe.count - mark.utf8.count)
    if scanner.take(mark) { exe.count -= mark.utf8.count }
  }

  private mutating func joinWords() {
    while cmdline.count > 0, cmdline.storage[cmdline.count - 1] == 0 {
      cmdline.count -= 1
    }
    for index in 0..<cmdline.count where cmdline.storage[index] == 0 {
      cmdline.storage[index] = .space
    }
  }
}

/// What a policy's rules make it necessary to read, or to find out.
package struct MatchNeeds: OptionSet, Sendable {
  package let rawValue: UInt8

  package init(rawValue: UInt8) {
    self.rawValue = rawValue
  }

  package static let exe = MatchNeeds(rawValue: 1)
  package static let cmdline = MatchNeeds(rawValue: 2)
  package static let cgroup = MatchNeeds(rawValue: 4)
  /// There are momentary tests (``MatchField/isDynamic``).
  package static let moment = MatchNeeds(rawValue: 8)
  package static let ancestors = MatchNeeds(rawValue: 16)
  /// Whether a process is an orphan.
  package static let orphans = MatchNeeds(rawValue: 32)
  /// Whether it inherits its `oom_score_adj`, which no rule asks and settings may.
  package static let inherited = MatchNeeds(rawValue: 64)

  /// Whether it takes knowing which processes are related.
  var hasRelations: Bool { contains(.ancestors) || contains(.orphans) || contains(.inherited) }
}

extension CompiledPolicy {
  /// What of each process has to be read to match all rules, and to score it by any settings.
  package var needs: MatchNeeds {
    var needs: MatchNeeds = []
    if settings.ignoresInherited { needs.insert(.inherited) }
    for domain in domains where domain.settings.ignoresInherited { needs.insert(.inherited) }
    for test in tests {
      switch test.field {
      case .exe: needs.insert(.exe)
      case .cmdline: needs.insert(.cmdline)
      case .cgroup, .unit: needs.insert(.cgroup)
      case .comm, .uid, .capability: break
      case .ancestor: needs.formUnion([.ancestors, .moment])
      case .ancestorExe: needs.formUnion([.ancestors, .moment, .exe])
      case .ancestorCgroup, .ancestorUnit: needs.formUnion([.ancestors, .moment, .cgroup])
      case .orphan: needs.formUnion([.orphans, .moment])
      case .gid, .oomScoreAdj, .nice, .minAge, .maxAge, .minFootprint, .growth, .tty, .container: needs.insert(.moment)
      }
    }
    return needs
  }
}
