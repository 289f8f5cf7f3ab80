import ProcModel

/// What the programs that kill before the kernel does, and the service manager, say of a kill.
enum KillerMessage {
  /// The kill that a message tells of; nil for any other.
  ///
  /// - Parameter nohang: The victim that nohang named last, which it does in a line of its own.
  static func kill(_ line: LogLine, from origins: Origins, nohang: inout PastVictim?) -> PastKill? {
    let cursor = TextCursor(line.message)
    var found: PastKill?
    switch line.writer {
    case .systemdOomd: found = systemdOomd(cursor, line, origins)
    case .oomd: found = oomd(cursor, line, origins)
    case .earlyoom: found = earlyoom(cursor, line, origins)
    case .nohang: found = self.nohang(cursor, line, origins, &nohang)
    case .spillway: found = SpillwayMessage.kill(cursor, line, origins)
    case .systemd: found = systemd(cursor, line, origins)
    case .kernel: found = oomd(cursor, line, origins) ?? lowmemorykiller(cursor, line, origins)
    case .untold:
      found =
        oomd(cursor, line, origins) ?? lowmemorykiller(cursor, line, origins) ?? systemdOomd(cursor, line, origins)
        ?? earlyoom(cursor, line, origins) ?? systemd(cursor, line, origins)
    case .other: break
    }
    return found
  }

  private static func kill(
    by killer: Killer, _ victim: PastVictim, _ line: LogLine, _ origins: Origins, reason: [UInt8] = []
  ) -> PastKill {
    var kill = PastKill(line.time, by: killer, .killed, victim, from: origins, isProven: line.isProven)
    kill.reason = reason
    return kill
  }

  // MARK: systemd-oomd

  /// `Killed /user.slice/…/app.scope due to memory pressure for …`, or `Marked … for killing due to …`.
  private static func systemdOomd(_ start: TextCursor, _ line: LogLine, _ origins: Origins) -> PastKill? {
    var cursor = start
    let path: [UInt8]
    if cursor.take("Killed /"), let end = cursor.findLast(" due to memory ") {
      path = cursor.text(upTo: end)
      cursor.advance(by: " due to ".utf8.count)
    } else if cursor.take("Marked /"), let end = cursor.findLast(" for killing due to memory ") {
      path = cursor.text(upTo: end)
      cursor.advance(by: " for killing due to ".utf8.count)
    } else {
      return nil
    }
    guard !path.isEmpty else { return nil }
    var victim = PastVictim()
    victim.cgroup = [.slash] + path
    victim.unit = victim.cgroup.flatMap(UnitName.of(cgroup:))
    return kill(by: .systemdOomd, victim, line, origins, reason: Array(cursor.rest))
  }

  // MARK: systemd

  /// What a service manager says of a unit: `session-2.scope: systemd-oomd killed 304 process(es) in this unit.`
  private static func systemd(_ start: TextCursor, _ line: LogLine, _ origins: Origins) -> PastKill? {
    var cursor = start
    guard let colon = cursor.find(": "), UnitName.isUnit(cursor.bytes[cursor.position..<colon]) else { return nil }
    var victim = PastVictim()
    victim.unit = cursor.text(upTo: colon)
    cursor.advance(by: 2)
    if cursor.take("systemd-oomd killed "), let count = cursor.number(), cursor.take(" process(es) in this unit.") {
      victim.count = count
      return kill(by: .systemdOomd, victim, line, origins)
    }
    if cursor.take("A process of this unit has been killed by the OOM killer.")
      || cursor.take("Failed with result 'oom-kill'.")
    {
      var echo = kill(by: .kernel, victim, line, origins)
      echo.isEcho = true
      return echo
    }
    if cursor.take("Main process exited, code=killed, status=")
      || cursor.take("Main process exited, code=dumped, status="), let signal = cursor.number(), signal < 128
    {
      var kill = kill(by: .unknown, victim, line, origins)
      kill.deed = .signalled(Int32(signal))
      return kill
    }
    return nil
  }

  // MARK: oomd

  /// `oomd kill: 10.1 5.2 1.3 system.slice/x.service 1048576 ruleset:[…] detectorgroup:[…] killer:[…] v2`.
  private static func oomd(_ start: TextCursor, _ line: LogLine, _ origins: Origins) -> PastKill? {
    var cursor = start
    guard cursor.take("oomd kill: ") else { return nil }
    for _ in 0..<3 {
      guard cursor.number() != nil else { return nil }
      _ = cursor.word()
      cursor.advance()
    }
    guard let end = cursor.find(" ruleset:["), let blank = cursor.findLast(" ", before: end) else { return nil }
    var victim = PastVictim()
    victim.cgroup = [.slash] + cursor.text(upTo: blank)
    victim.unit = victim.cgroup.flatMap(UnitName.of(cgroup:))
    cursor.move(to: blank + 1)
    let bytes = cursor.number()
    cursor.move(to: end + 1)
    var kill = kill(by: .oomd, victim, line, origins, reason: Array(cursor.rest))
    kill.memory.footprint = bytes.map { KiB(bytes: $0) }
    return kill
  }

  // MARK: earlyoom

  /// `sending SIGTERM to process 11567 uid 1000 "electron": badness 869, VmRSS 17 MiB`; before 1.3
  /// `Killing process 8230 sudo`, whose name may be another process's.
  private static func earlyoom(_ start: TextCursor, _ line: LogLine, _ origins: Origins) -> PastKill? {
    var cursor = start
    var victim = PastVictim()
    if cursor.take("Killing process ") {
      guard line.writer == .earlyoom, let pid = cursor.number() else { return nil }
      victim.pid = Int32(clamping: pid)
      return kill(by: .earlyoom, victim, line, origins)
    }
    guard cursor.take("sending "), let signal = cursor.find(" to process ", before: cursor.position + 40) else {
      return nil
    }
    cursor.move(to: signal + " to process ".utf8.count)
    guard let pid = cursor.number() else { return nil }
    victim.pid = Int32(clamping: pid)
    if cursor.take(" uid ") { victim.uid = cursor.number().map { UInt32(clamping: $0) } }
    guard cursor.take(" \""),
      let end = [#"": badness "#, #"": oom_score "#].compactMap({
        cursor.findLast($0, before: cursor.position + 60 + $0.utf8.count)
      }).max()
    else { return nil }
    victim.name = cursor.text(upTo: end)
    cursor.advance(by: 3)
    var kill = kill(by: .earlyoom, victim, line, origins)
    var figures = cursor
    if let place = figures.find("VmRSS ") {
      figures.move(to: place + 6)
      if let amount = figures.number(), figures.take(" MiB") { kill.memory.footprint = KiB(amount, times: 1024) }
    }
    kill.reason = cursor.text(upTo: cursor.find(", cmdline ") ?? cursor.bytes.count)
    return kill
  }

  // MARK: nohang

  /// `  PID: 903309, name: mysqld, badness: 849`, and then `  Sending SIGTERM to the victim`.
  private static func nohang(
    _ start: TextCursor, _ line: LogLine, _ origins: Origins, _ named: inout PastVictim?
  ) -> PastKill? {
    var cursor = start
    cursor.skipBlanks()
    if cursor.take("PID: "), let pid = cursor.number(), cursor.take(", name: ") || cursor.take(", Name: "),
      let end = cursor.findLast(", badness: ")
    {
      named = PastVictim(pid: Int32(clamping: pid), name: cursor.text(upTo: end))
      return nil
    }
    guard cursor.take("Sending ") || cursor.take("Send "), let place = cursor.find(" to the victim"), let victim = named
    else { return nil }
    named = nil
    return kill(by: .nohang, victim, line, origins, reason: Array("sent ".utf8) + cursor.text(upTo: place))
  }

  // MARK: Android

  /// `lowmemorykiller: Killing 'id.partnersetup' (2533), adj 1000,\n to free 16084kB on behalf of 'kswapd0' (442) …`.
  private static func lowmemorykiller(_ start: TextCursor, _ line: LogLine, _ origins: Origins) -> PastKill? {
    var cursor = start
    guard cursor.take("lowmemorykiller: Kill") else { return nil }
    _ = cursor.take("ing")
    guard cursor.take(" '"), let mark = cursor.find("), adj ") ?? cursor.find("), uid "),
      let end = cursor.findLast("' (", before: mark)
    else { return nil }
    var victim = PastVictim()
    victim.name = cursor.text(upTo: end)
    guard cursor.take("' ("), let pid = cursor.number(), cursor.take(")") else { return nil }
    victim.pid = Int32(clamping: pid)
    _ = cursor.take(", ")
    let words = Array(cursor.rest.split { $0 == .newline || $0 == .space }.joined(separator: [.space]))
    var kill = kill(by: .lowmemorykiller, victim, line, origins, reason: words)
    var sizes = cursor
    if let place = sizes.find("to free ") {
      sizes.move(to: place + 8)
      if let amount = sizes.number(), sizes.take("kB") { kill.memory.footprint = KiB(amount) }
    }
    return kill
  }
}

/// Spillway's own messages and its lines in the kernel's log.
enum SpillwayMessage {
  static func kill(_ start: TextCursor, _ line: LogLine, _ origins: Origins) -> PastKill? {
    var cursor = start
    if cursor.stands("Out of memory: Killed process ", at: cursor.position) {
      guard case .killed(let killed)? = KernelMessage(Array(cursor.rest)) else { return nil }
      let victim = PastVictim(pid: killed.pid, name: killed.name, uid: killed.uid)
      var kill = PastKill(line.time, by: .spillway, .killed, victim, from: origins, isProven: line.isProven)
      kill.memory = killed.memory
      complete(&kill, by: cursor)
      return kill
    }
    let isRehearsed = cursor.take("would send SIG")
    guard isRehearsed || cursor.take("sent SIG"), let to = cursor.find(" to ", before: cursor.position + 20) else {
      return nil
    }
    cursor.move(to: to + 4)
    guard let pid = cursor.number(), cursor.take(" ("),
      let end = cursor.findLast(")", before: cursor.find(", footprint ") ?? cursor.bytes.count)
    else { return nil }
    // `(hog) and 41 more (swarm of one parent), footprint …`
    let name = cursor.text(upTo: cursor.find(") and ") ?? cursor.find("): ") ?? cursor.find("), ") ?? end)
    var victim = PastVictim(pid: Int32(clamping: pid), name: name)
    if cursor.take(") and "), let others = cursor.number() {
      victim.count = others.addingReportingOverflow(1).partialValue
    }
    var kill = PastKill(
      line.time, by: .spillway, isRehearsed ? .rehearsed : .killed, victim, from: origins, isProven: line.isProven)
    if let place = cursor.find("; ") {
      cursor.move(to: place + 2)
      kill.reason = Array(cursor.rest)
    }
    return kill
  }

  /// `…; incident 1e4b4a41-8412-1, unit cron.service, executable /usr/bin/hog`, after the kernel's words.
  private static func complete(_ kill: inout PastKill, by line: TextCursor) {
    var cursor = line
    guard let place = cursor.find("; incident ") else { return }
    cursor.move(to: place + "; incident ".utf8.count)
    var decision = PastDecision()
    decision.incident = cursor.text(upTo: cursor.find(",") ?? cursor.bytes.count)
    kill.decision = decision
    if cursor.take(", unit ") {
      kill.victim.unit = cursor.text(upTo: cursor.find(", executable ") ?? cursor.bytes.count)
    }
    if cursor.take(", executable ") { kill.victim.executable = Array(cursor.rest) }
  }
}
