/// The flight recorder as several owners hold it: the machine, its kill calls, and what writes records.
package final class SharedFlight {
  package var recorder: FlightRecorder

  package init(_ recorder: consuming FlightRecorder) {
    self.recorder = recorder
  }
}

extension FlightRecorder {
  /// The flight as a file would have it. Allocates: not for the resident agent.
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
