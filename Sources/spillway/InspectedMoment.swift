import Flight
import LinuxSystem
import Policy
import Pressure
import ProcModel
import ProcReader
import Replay

/// A flight up to a moment, whose processes are inspected. Its name in messages is the file's.
extension FlightMoment: InspectedSource {
  /// The policy that was in force then.
  func ownPolicy(in file: String) throws(Failure) -> LoadedPolicy {
    guard let own = policy else {
      throw Failure(
        .configuration, "\(file) does not have the policy any more that was in force then: name one with --policy")
    }
    do throws(ImageError) {
      return LoadedPolicy(
        name: visible(own.name.span), path: nil, policy: try CompiledPolicy(image: own.image.span), patterns: [])
    } catch {
      throw Failure(.configuration, "\(file): the policy in it: \(error.sentence); name another with --policy")
    }
  }

  func withoutProcesses(in file: String) -> Failure {
    Failure(
      .usage,
      "\(file): no processes were read until \(seconds(time)) s"
        + (firstSurvey.map { "; the first were at \(seconds($0)) s" } ?? ", or later"))
  }

  private func seconds(_ time: Nanoseconds) -> String { (time - header.started).seconds }

  // MARK: As a machine

  var units: KernelUnits { header.units }
  var agent: Int32 { header.ownPID }

  func ownCgroup(by sensors: inout Sensors) -> [UInt8]? { world.ownCgroup }

  func memory(
    of domain: Int, _ cgroup: [UInt8]?, for thresholds: Thresholds, by sensors: inout Sensors, root: String
  ) throws(Failure) -> MemoryReading {
    if domain == 0 {
      guard let reading else {
        throw Failure(.usage, "\(root): memory was not read until \(seconds(time)) s")
      }
      return reading
    }
    guard let cgroup, let reading = reading(ofDomain: cgroup) else {
      throw Failure(
        .usage,
        "\(root) has no reading of the cgroup \(cgroup.map { visible($0.span) } ?? "") until \(seconds(time)) s: only of the "
          + "domains of its own policy")
    }
    return reading
  }

  func survey(by chooser: inout Chooser, root: String) throws(Failure) {
    survey(by: &chooser, in: chooser.survey.roots)
  }

  func unread(_ chooser: Chooser) -> UnreadProcesses { UnreadProcesses() }

  func notes(_ loaded: LoadedPolicy, root: String) -> [String] {
    var notes = [
      "\(root) at \(seconds(time)) s of \(seconds(end)) s, by \(loaded.name): the processes as read at "
        + "\(seconds(world.surveyedAt ?? time)) s, and \(available)\n"
    ]
    let needs = loaded.policy.needs
    for (need, name) in [(MatchNeeds.exe, "executable"), (.cmdline, "command line"), (.cgroup, "cgroup")]
    where needs.contains(need) {
      let count = world.countLackingText(need)
      guard count > 0 else { continue }
      notes.append(
        "the flight lacks the \(name) of \(processes(count)), which rules of \(loaded.name) ask for: "
          + "a rule that would protect by it counts as matched, and any other does not\n")
    }
    if !world.unscored.isEmpty {
      notes.append(
        "the flight lacks oom_score and oom_score_adj of \(processes(world.unscored.count)): the latter counts "
          + "as 0\n")
    }
    if world.untold > 0 {
      notes.append("the flight does not tell of \(processes(Int(world.untold))): there were too many\n")
    }
    return notes
  }

  private var available: String {
    guard let reading else { return "memory unknown" }
    return "\(amount(reading.available)) of \(amount(reading.total)) available"
  }
}

/// A number of processes, for people.
func processes(_ count: Int) -> String { count == 1 ? "1 process" : "\(count) processes" }
