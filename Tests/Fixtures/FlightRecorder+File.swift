package import Flight

extension FlightRecorder {
  /// The flight as a file would have it.
  package mutating func file() -> [UInt8] {
    let snapshot = beginSnapshot()
    var bytes: [UInt8] = []
    for number in 0..<snapshot.pieces {
      let piece = piece(number, of: snapshot)
      for index in piece.indices { bytes.append(piece[index]) }
    }
    return bytes
  }
}
