/// What is wrong with the bytes of a kernel file, and where. Offsets are in bytes from the beginning.
package enum ProcParseError: Error, Equatable, Sendable {
  /// The file ends at `offset`, where more was expected.
  case truncated(offset: Int)
  /// The byte at `offset` is not allowed there.
  case malformed(offset: Int)
  /// The number that begins at `offset` does not fit its type.
  case overflow(offset: Int)
  /// A field is missing that every kernel prints.
  case missing(ProcField)
}

/// The fields without which a file is useless.
package enum ProcField: UInt8, Equatable, Sendable {
  case memTotal
  case memFree
  case pressureSome
  case arcSize
  case statusUID
  case smapsPrivate
}
