/// The flight recorder as several owners hold it: the machine, its kill calls, and what writes records.
package final class SharedFlight {
  package var recorder: FlightRecorder

  package init(_ recorder: consuming FlightRecorder) {
    self.recorder = recorder
  }
}
