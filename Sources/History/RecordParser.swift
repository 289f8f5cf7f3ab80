import ProcModel

/// A line that is no whole line of a record.
package enum RecordProblem: Error, Equatable, Sendable {
  /// The line is no JSON object, or has no `schema` and `event`.
  case foreign
  /// The line begins as one does, and is cut off or damaged.
  case torn
}

/// Reads a line of the record. Fields that are not told of again, as the candidates, are passed over.
package enum RecordParser {
  /// The schema that this program knows.
  package static let schema: UInt64 = 1

  /// - Parameters:
  ///   - wanted: Kinds of events whose fields are needed; of others only the first fields are read.
  ///   - earliest: Of an event before it only the first fields are read.
  package static func event(
    _ line: Span<UInt8>, wanted: Set<RecordKind>? = nil, since earliest: WallTime? = nil
  ) throws(RecordProblem) -> RecordEvent {
    var event = RecordEvent()
    var cursor = JSONCursor(line)
    guard cursor.beginObject() else { throw .foreign }
    var hasEvent = false
    while let name = cursor.nextName() {
      if cursor.matches(name, "schema") {
        event.schema = cursor.number()
      } else if cursor.matches(name, "time") {
        event.time = time(cursor.text())
        if let earliest, let time = event.time, time < earliest, hasEvent { return event }
      } else if cursor.matches(name, "event") {
        event.kind = kind(cursor.text())
        hasEvent = true
        if let earliest, let time = event.time, time < earliest { return event }
        if let wanted, !wanted.contains(event.kind) { return event }
      } else {
        read(name, &cursor, into: &event)
      }
    }
    guard event.schema != nil, hasEvent else {
      throw cursor.isBroken && line.count > 10 && begins(line) ? .torn : .foreign
    }
    guard !cursor.isBroken, cursor.isAtEnd() else { throw .torn }
    return event
  }

  /// Whether a line begins as ours do.
  private static func begins(_ line: Span<UInt8>) -> Bool {
    var scanner = ByteScanner(line)
    return scanner.take("{\"schema\"")
  }

  private static func kind(_ name: [UInt8]?) -> RecordKind {
    switch name.map({ String(decoding: $0, as: UTF8.self) }) {
    case "start": .start
    case "decision": .decision
    case "outcome": .outcome
    case "episode": .episode
    case "hook": .hook
    case "relief": .relief
    case "last_resort": .lastResort
    case "reload": .reload
    case "lost": .lost
    case "stop": .stop
    default: .other
    }
  }

  private static func time(_ text: [UInt8]?) -> WallTime? {
    guard let text else { return nil }
    var cursor = TextCursor(text)
    return TimeText.rfc3339(&cursor, zone: .utc)
  }

  // MARK: Members

  private static func read(_ name: Range<Int>, _ cursor: inout JSONCursor, into event: inout RecordEvent) {
    if cursor.matches(name, "candidates") {
      cursor.skip()
    } else if cursor.matches(name, "boot_id") {
      event.boot = cursor.text()?.filter { $0 != .minus }
    } else if cursor.matches(name, "dry_run") {
      event.isRehearsal = cursor.flag() ?? false
    } else if cursor.matches(name, "incident") {
      event.incident = cursor.text()
    } else if cursor.matches(name, "domain") {
      event.domain = cursor.text()
    } else if cursor.matches(name, "episode") {
      event.episode = cursor.number()
    } else if cursor.matches(name, "reason") {
      event.reason = cursor.text()
    } else if cursor.matches(name, "outcome") {
      event.outcome = cursor.text()
    } else if cursor.matches(name, "action") {
      event.action = cursor.text()
    } else if cursor.matches(name, "victim") {
      event.victim = victim(&cursor)
    } else if cursor.matches(name, "kill_set") {
      event.killSet = killSet(&cursor)
    } else if cursor.matches(name, "reading") {
      reading(&cursor, into: &event.more)
    } else if event.kind == .lost, cursor.matches(name, "output") {
      event.more.subject = cursor.text()
    } else if event.kind == .episode, let field = episodeField(name, cursor) {
      var ended = event.ended ?? RecordedEpisode()
      read(field, &cursor, into: &ended)
      event.ended = ended
    } else {
      detail(name, &cursor, into: &event.more)
    }
  }

  private static func detail(_ name: Range<Int>, _ cursor: inout JSONCursor, into more: inout RecordedDetails) {
    if cursor.matches(name, "trigger") {
      more.trigger = cursor.text()
    } else if cursor.matches(name, "level") {
      more.level = cursor.text()
    } else if cursor.matches(name, "escalation") {
      more.escalation = cursor.text()
    } else if cursor.matches(name, "error") {
      more.error = cursor.text()
    } else if cursor.matches(name, "note") {
      more.note = cursor.text()
    } else if cursor.matches(name, "after_ms") {
      more.after = cursor.number()
    } else if cursor.matches(name, "freed_kib") {
      more.freed = cursor.number().map { KiB($0) }
    } else if cursor.matches(name, "available_kib") {
      more.available = cursor.number().map { KiB($0) }
    } else if cursor.matches(name, "policy") {
      more.policy = cursor.text()
    } else if cursor.matches(name, "version") {
      more.version = cursor.text()
    } else if cursor.matches(name, "program") || cursor.matches(name, "cgroup") {
      more.subject = cursor.text()
    } else if cursor.matches(name, "occasion") {
      more.occasion = cursor.text()
    } else if cursor.matches(name, "folded") {
      more.folded = cursor.number()
    } else if cursor.matches(name, "lost_lines") {
      more.lost = cursor.number()
    } else if cursor.matches(name, "pid") {
      more.pid = cursor.number()
    } else if cursor.matches(name, "status") {
      more.status = cursor.number()
    } else if cursor.matches(name, "domains") {
      more.domains = domains(&cursor)
    } else {
      cursor.skip()
    }
  }

  private enum EpisodeField {
    case decisions, duration, lowest, kernelKills, end, victimExited
  }

  private static func episodeField(_ name: Range<Int>, _ cursor: borrowing JSONCursor) -> EpisodeField? {
    if cursor.matches(name, "decisions") { return .decisions }
    if cursor.matches(name, "duration_ms") { return .duration }
    if cursor.matches(name, "lowest_available_kib") { return .lowest }
    if cursor.matches(name, "kernel_kills") { return .kernelKills }
    if cursor.matches(name, "end") { return .end }
    if cursor.matches(name, "victim_exited_after_ms") { return .victimExited }
    return nil
  }

  private static func read(_ field: EpisodeField, _ cursor: inout JSONCursor, into episode: inout RecordedEpisode) {
    switch field {
    case .decisions: episode.decisions = cursor.number()
    case .duration: episode.duration = cursor.number()
    case .lowest: episode.lowestAvailable = cursor.number().map { KiB($0) }
    case .kernelKills: episode.kernelKills = cursor.number()
    case .end: episode.end = cursor.text()
    case .victimExited: episode.victimExitedAfter = cursor.number()
    }
  }

  private static func victim(_ cursor: inout JSONCursor) -> RecordedVictim? {
    guard cursor.beginObject() else {
      cursor.skip()
      return nil
    }
    var victim = RecordedVictim()
    while let name = cursor.nextName() {
      if cursor.matches(name, "pid") {
        victim.pid = cursor.number().map { Int32(clamping: $0) }
      } else if cursor.matches(name, "start_time") {
        victim.startTime = cursor.number()
      } else if cursor.matches(name, "comm") {
        victim.name = cursor.text() ?? []
      } else if cursor.matches(name, "uid") {
        victim.uid = cursor.number().map { UInt32(clamping: $0) }
      } else if cursor.matches(name, "unit") {
        victim.unit = cursor.text()
      } else if cursor.matches(name, "cgroup") {
        victim.cgroup = cursor.text()
      } else if cursor.matches(name, "exe") {
        victim.executable = cursor.text()
      } else if cursor.matches(name, "rule") {
        victim.rule = cursor.text()
      } else if cursor.matches(name, "footprint_kib") {
        victim.footprint = cursor.number().map { KiB($0) }
      } else {
        cursor.skip()
      }
    }
    return victim
  }

  private static func killSet(_ cursor: inout JSONCursor) -> RecordedKillSet? {
    guard cursor.beginObject() else {
      cursor.skip()
      return nil
    }
    var set = RecordedKillSet()
    while let name = cursor.nextName() {
      if cursor.matches(name, "scope") {
        set.scope = cursor.text() ?? []
      } else if cursor.matches(name, "choice") {
        set.choice = cursor.text() ?? []
      } else if cursor.matches(name, "swarm") {
        set.swarm = cursor.text()
      } else if cursor.matches(name, "members") {
        set.members = cursor.number() ?? 1
      } else if cursor.matches(name, "pids") {
        set.pids = numbers(&cursor)
      } else if cursor.matches(name, "footprint_kib") {
        set.footprint = cursor.number().map { KiB($0) }
      } else {
        cursor.skip()
      }
    }
    return set
  }

  /// The most numbers of processes that are kept; the record has 64 at most.
  private static let mostNumbers = 64

  private static func numbers(_ cursor: inout JSONCursor) -> [Int32] {
    guard cursor.beginList() else {
      cursor.skip()
      return []
    }
    var numbers: [Int32] = []
    while cursor.nextElement() {
      if let number = cursor.number(), numbers.count < mostNumbers { numbers.append(Int32(clamping: number)) }
      if cursor.isBroken { break }
    }
    return numbers
  }

  private static func reading(_ cursor: inout JSONCursor, into more: inout RecordedDetails) {
    guard cursor.beginObject() else { return cursor.skip() }
    while let name = cursor.nextName() {
      if cursor.matches(name, "available_kib") {
        more.available = cursor.number().map { KiB($0) }
      } else if cursor.matches(name, "floor_kib") {
        more.floor = cursor.number().map { KiB($0) }
      } else {
        cursor.skip()
      }
    }
  }

  private static func domains(_ cursor: inout JSONCursor) -> [RecordedDomain] {
    guard cursor.beginList() else {
      cursor.skip()
      return []
    }
    var domains: [RecordedDomain] = []
    while cursor.nextElement() {
      guard cursor.beginObject() else {
        cursor.skip()
        if cursor.isBroken { break }
        continue
      }
      var domain = RecordedDomain()
      while let name = cursor.nextName() {
        if cursor.matches(name, "name") {
          domain.name = cursor.text() ?? []
        } else if cursor.matches(name, "cgroup") {
          domain.cgroup = cursor.text() ?? []
        } else {
          cursor.skip()
        }
      }
      if domains.count < mostNumbers { domains.append(domain) }
    }
    return domains
  }
}
