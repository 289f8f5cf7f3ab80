package import ProcModel

/// The items that are no survey and no text.
extension FlightRecorder {
  /// The loop woke.
  package mutating func tick(at now: Nanoseconds) {
    begin(.tick, at: now, room: 32)
    end()
  }

  /// An event woke the loop.
  ///
  /// - Parameter tag: The event loop's number of what happened.
  package mutating func wake(by tag: UInt64, at now: Nanoseconds) {
    begin(.wakeTag, at: now, room: 48)
    item.put(number: tag)
    end()
  }

  /// A signal woke the loop.
  package mutating func wake(bySignal signal: Int32, at now: Nanoseconds) {
    begin(.wakeSignal, at: now, room: 48)
    item.put(signed: Int64(signal))
    end()
  }

  /// A domain's memory was read.
  ///
  /// - Parameters:
  ///   - domain: The domain's number, 0 for the system.
  ///   - missing: The sources that the reading lacked, as the sensors' own bits.
  package mutating func memory(
    _ reading: borrowing MemoryReading, missing: UInt8, of domain: UInt8, at now: Nanoseconds
  ) {
    begin(.memory, at: now, room: 256)
    item.put(domain)
    let place = place(of: domain)
    fields.set(readings[place].fields)
    fields.set(reading, missing: missing)
    readings[place].fields.setReadingTime(now)
    item.put(fields, since: readings[place].fields)
    readings[place].fields.set(fields)
    readings[place].state = .read
    end()
  }

  /// A domain's memory could not be read.
  package mutating func memory(
    failed blindness: FlightBlindness, missing: UInt8, of domain: UInt8, at now: Nanoseconds
  ) {
    begin(.blind, at: now, room: 48)
    item.put(domain)
    item.put(blindness.rawValue)
    item.put(missing)
    let place = place(of: domain)
    readings[place].state = blindness == .unreadable ? .unreadable : .senseless
    readings[place].blindMissing = missing
    end()
  }

  /// Where a domain is remembered. Those that are told in full share the last place, which is empty.
  private mutating func place(of domain: UInt8) -> Int {
    let place = min(Int(domain), FlightLayout.domains)
    if place == FlightLayout.domains { readings[place].fields.clear() }
    return place
  }

  /// One process was read again.
  package mutating func sighting(_ sighting: borrowing ProcessSighting, of pid: Int32, at now: Nanoseconds) {
    begin(.sighting, at: now, room: 448)
    item.put(signed: Int64(pid))
    switch sighting {
    case .found(let facts):
      item.put(0)
      fields.set(facts, now: lastNow)
      item.put(facts.identity, fields, since: none)
    case .gone: item.put(1)
    case .unreadable: item.put(2)
    }
    end()
  }

  /// A kill call came to something.
  ///
  /// - Parameters:
  ///   - code: Which call; the caller's own number.
  ///   - errno: The error number, or 0.
  package mutating func call(_ code: UInt8, of pid: Int32, errno: Int32, value: Int64, at now: Nanoseconds) {
    begin(.call, at: now, room: 64)
    item.put(code)
    item.put(signed: Int64(pid))
    item.put(signed: Int64(errno))
    item.put(signed: value)
    end()
  }

  /// A file was read for a kill call. It is cut at ``FlightCapacity/textLimit``.
  package mutating func bytes(_ bytes: Span<UInt8>, code: UInt8, of pid: Int32, at now: Nanoseconds) {
    let kept = min(bytes.count, sizes.textLimit)
    begin(.bytes, at: now, room: 64 + kept)
    item.put(code)
    item.put(signed: Int64(pid))
    end(with: bytes, kept)
  }

  /// The record's line of a decision or an outcome. What is longer than 32 KiB is cut, and what is longer than a segment
  /// has room for beside its keyframe.
  package mutating func decision(_ line: Span<UInt8>, at now: Nanoseconds) {
    flushRun()
    let wanted = min(line.count, FlightLayout.longestLine) + 64 + FlightRecorder.slack
    if ring.room < wanted, ring.room < keyframeRoom { advance() }
    begin(.decision, at: now, room: 0)
    end(with: line, min(line.count, FlightLayout.longestLine, max(ring.room - 64 - FlightRecorder.slack, 0)))
  }

  package mutating func note(_ code: UInt8, _ value: Int64, at now: Nanoseconds) {
    begin(.note, at: now, room: 48)
    item.put(code)
    item.put(signed: value)
    end()
  }
}

/// Why there is no reading of a domain's memory.
package enum FlightBlindness: UInt8, Sendable {
  case unreadable = 1
  case senseless = 2
}

/// What is remembered of a domain.
struct FlightDomain: Sendable {
  enum State: UInt8 {
    case unknown
    case unreadable
    case senseless
    case read
  }

  /// Of the last reading.
  var fields = FlightFields()
  var state = State.unknown
  /// What the last reading lacked, where there was none.
  var blindMissing: UInt8 = 0
}
