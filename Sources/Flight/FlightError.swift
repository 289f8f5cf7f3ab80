/// A part of a flight's file.
package enum FlightPart: Equatable, Sendable {
  case header
  /// A policy, by its number.
  case policy(UInt32)
  /// A segment, by its number since the start of the run.
  case segment(UInt32)
  /// Something that follows the header and is neither.
  case block
}

/// Why bytes are no flight, or a part of one cannot be read. Offsets are in bytes from the beginning of the file.
///
/// For people: ``message``; where ``number`` is not nil, a blank and the number; then ` at byte ` and ``offset``.
package enum FlightError: Error, Equatable, Sendable {
  /// It does not begin as a flight does.
  case foreign(offset: Int)
  /// It has another version of the format than this program reads.
  case unknownVersion(found: UInt16, known: UInt16)
  /// It ends within the header, so nothing can be read.
  case truncated(offset: Int)
  /// A check is not right. Everything before the offset is.
  case damaged(FlightPart, offset: Int)
  /// The checks are right, and yet no agent wrote this.
  case malformed(FlightPart, offset: Int)

  package var offset: Int {
    switch self {
    case .foreign(let offset), .truncated(let offset), .damaged(_, let offset), .malformed(_, let offset): offset
    case .unknownVersion: FlightLayout.versionOffset
    }
  }

  /// What is wrong. A literal.
  package var message: String {
    switch self {
    case .foreign: "this is not a recorded flight"
    case .unknownVersion(let found, let known):
      found < known
        ? "the flight was recorded by an older release, in a format that this one does not read; version"
        : "the flight was recorded by a newer release, in a format that this one does not read; version"
    case .truncated: "the flight ends within its header"
    case .damaged(.header, _): "the header of the flight is damaged"
    case .damaged(.policy, _): "a policy in the flight is damaged; number"
    case .damaged(.segment, _): "the flight is damaged in segment"
    case .damaged(.block, _): "the flight is damaged between its segments"
    case .malformed(.header, _): "the header of the flight makes no sense"
    case .malformed(.policy, _): "a policy in the flight makes no sense; number"
    case .malformed(.segment, _): "the flight makes no sense in segment"
    case .malformed(.block, _): "the flight has a part that is neither a policy nor a segment"
    }
  }

  /// The number that ends ``message``.
  package var number: Int? {
    switch self {
    case .unknownVersion(let found, _): Int(found)
    case .damaged(let part, _), .malformed(let part, _): part.number
    case .foreign, .truncated: nil
    }
  }
}

extension FlightPart {
  fileprivate var number: Int? {
    switch self {
    case .policy(let number), .segment(let number): Int(number)
    case .header, .block: nil
    }
  }
}

/// How a flight ends, once all of it was read.
package enum FlightEnding: Equatable, Sendable {
  /// With its last segment.
  case whole
  /// It was cut off. All whole frames before the offset were read.
  case cutOff(offset: Int)
}
