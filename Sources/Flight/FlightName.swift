/// What the files of flights are called in their folder.
package enum FlightName {
  package static let suffix = ".flight"
  /// The file of the flight that was asked for last, and that of the last stop. Those of incidents begin with a time.
  package static let asked = "asked.flight"
  package static let stopped = "stopped.flight"
}
