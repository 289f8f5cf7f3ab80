/// Why the bytes of a kernel file could not be read as what they should be, and where.
package enum ProcParseError: Error, Equatable, Sendable {
  /// The file ends where more was due.
  case truncated(offset: Int)
  /// The byte at `offset` cannot stand there.
  case malformed(offset: Int)
  /// The number that begins at `offset` does not fit its type.
  case overflow(offset: Int)
  /// A field that is always there is not.
  case missing(ProcField)
}

/// The fields whose absence makes a file useless.
package enum ProcField: UInt8, Equatable, Sendable {
  case memTotal
  case memFree
  case pressureSome
  case arcSize
  case statusUID
}
