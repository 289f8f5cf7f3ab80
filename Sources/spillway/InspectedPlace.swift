import ArgumentParser
import Badness
import Policy
import Replay

/// Where the processes are that `rank`, `explain` and `diff` look at.
struct InspectedPlace: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Read this directory in place of /proc; its uptime is the present.", valueName: "dir"))
  var procRoot: String?

  @Option(help: MachineRoot.cgroupHelp)
  var cgroupRoot: String?

  @Option(
    help: ArgumentHelp(
      "Look at the processes and the memory of this flight, as spillway record or an agent saved it.",
      valueName: "file"))
  var flight: String?

  @Option(
    help: ArgumentHelp(
      """
      The moment in the flight: seconds since the agent's start, as spillway replay prints them (12.5), or before the end \
      (-2); the id of an incident (1e4b4a41-8412-3) or a time of day (2026-11-23T06:30:00.123Z), as in the record; \
      `start` or `end`. Default: the first decision, or the end where there is none.
      """,
      valueName: "time"))
  var at: String?

  func validate() throws {
    if at != nil, flight == nil { throw ValidationError("--at is a moment in a flight: name it with --flight") }
    guard flight != nil else { return }
    for (option, value) in [("--proc-root", procRoot), ("--cgroup-root", cgroupRoot)] where value != nil {
      throw ValidationError("--flight has its own processes: leave out \(option)")
    }
  }

  /// For messages.
  var name: String { flight ?? procRoot ?? "/proc" }

  /// Ranks the processes by each of the policies.
  ///
  /// - Parameters:
  ///   - policies: The names as given; nil for the usual one, which is the flight's own with a flight.
  ///   - domain: The name of a domain of the only policy; nil for the system.
  func inspect(
    _ policies: [String?], domain: String? = nil, formula: Formula? = nil
  ) throws(Failure) -> [Inspection] {
    guard let flight else {
      var loaded: [LoadedPolicy] = []
      for name in policies { loaded.append(try LoadedPolicy.named(name)) }
      return try Inspection.each(
        of: loaded, domain: domain, formula: formula,
        root: MachineRoot(proc: procRoot ?? "/proc", cgroups: cgroupRoot))
    }
    let opened = try OpenedFlight(flight)
    let place = try FlightTime(at).place(in: opened)
    var moment = FlightMoment(opened.replay, items: place.items, at: place.time)
    guard moment.hasProcesses else { throw moment.withoutProcesses(in: flight) }
    var loaded: [LoadedPolicy] = []
    for name in policies { loaded.append(try name == nil ? moment.ownPolicy(in: flight) : LoadedPolicy.named(name)) }
    return try Inspection.each(of: loaded, domain: domain, formula: formula, in: &moment, root: flight)
  }
}
