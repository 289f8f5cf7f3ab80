import Policy
import PolicyFile
import Pressure
import ProcModel

/// Checks a policy against this machine as it is now.
struct LiveCheck {
  private let inspection: Inspection
  /// The policy's domains, each with its inspection or the reason why there is none.
  private var domains: [(name: String, result: Result<Inspection, Failure>)] = []
  private let compilation: PolicyCompilation
  private let file: String

  init(_ compilation: PolicyCompilation, _ policy: CompiledPolicy, file: String, root: MachineRoot) throws(Failure) {
    self.compilation = compilation
    self.file = file
    let loaded = LoadedPolicy(name: file, path: nil, policy: policy, patterns: compilation.patterns)
    inspection = try Inspection(loaded, root: root)
    for domain in policy.domains {
      let name = String(decoding: policy.text[domain.name.indices], as: UTF8.self)
      do throws(Failure) {
        domains.append((name, .success(try Inspection(loaded, root: root, domain: name))))
      } catch {
        domains.append((name, .failure(error)))
      }
    }
  }

  var findings: [Diagnostic] {
    var found = unread + otherKillers + outsideCgroups + idleProtections + memory(of: inspection, "")
    for (name, result) in domains {
      let place = "in the domain \"\(name)\" "
      switch result {
      case .success(let inspection): found += memory(of: inspection, place)
      case .failure(let failure): found.append(finding(place + failure.description, "does its cgroup exist?"))
      }
    }
    return found
  }

  /// The processes that could not be read: no other finding is about them.
  private var unread: [Diagnostic] {
    inspection.unread.notes.map { finding(String($0.dropLast()), "rules were not checked against these processes") }
  }

  /// Other programs that kill when memory is short, since both would act. A running `spillwayd` is left out.
  private var otherKillers: [Diagnostic] {
    inspection.processes.compactMap { inspected in
      guard let killer = inspected.killer, killer != .spillwayd else { return nil }
      let process = inspected.candidate.process
      return finding(
        "another killer runs: \(process.identity.pid) (\(visible(process.comm.bytes)))", killer.advice)
    }
  }

  private func memory(of inspection: Inspection, _ place: String) -> [Diagnostic] {
    [tooMuchProtected(inspection, place), actingNow(inspection, place)].compactMap { $0 }
  }

  /// A finding where units and cgroups of processes are unknown, because process 1 is outside this cgroup namespace.
  private var outsideCgroups: [Diagnostic] {
    guard !inspection.view.showsAllCgroups else { return [] }
    return [
      finding(
        "process 1 is outside of this cgroup namespace: the unit and cgroup of each process are unknown, and a rule that "
          + "protects by them counts as matched",
        "give the host's /sys/fs/cgroup by --cgroup-root")
    ]
  }

  /// Protecting rules that match no process. A preset's rules are left out: only in the operator's own file may such a
  /// rule be a slip.
  private var idleProtections: [Diagnostic] {
    let policy = inspection.context.policy
    let presets = Preset.allCases.map(\.file)
    let isSure = !inspection.processes.contains { $0.candidate.ruleOutcome.isProvisional }
    return policy.rules.indices.compactMap { index in
      guard policy.rules[index].protects, index < compilation.places.count else { return nil }
      var finding = compilation.places[index]
      let number = UInt8(truncatingIfNeeded: index)
      guard !presets.contains(finding.file),
        !inspection.processes.contains(where: { $0.candidate.ruleOutcome.rules.contains(number) })
      else { return nil }
      finding.what = "the rule protects no process that runs here now"
      finding.meant =
        isSure
        ? "`spillway explain` shows the names, paths and units of a process"
        : "but some files of some processes may not be read, so it may match one of them"
      return finding
    }
  }

  /// A finding where killing every process that may be killed would not bring memory back over the floor.
  private func tooMuchProtected(_ inspection: Inspection, _ place: String) -> Diagnostic? {
    let reading = inspection.reading
    let floor = inspection.context.settings.thresholds.floor.available.of(reading.total)
    var kept = KiB.zero
    for process in inspection.processes where process.candidate.ruleOutcome.protection.protects {
      kept = kept + process.candidate.process.footprint
    }
    guard kept > reading.total - floor else { return nil }
    return finding(
      place + "protected processes hold \(amount(kept)) of \(amount(reading.total)), and the floor is \(amount(floor))",
      "killing all others would not be enough: protect less, or lower the floor")
  }

  /// A finding where a trigger is true now. Triggers that look back over a window are not checked: there is one
  /// reading.
  private func actingNow(_ inspection: Inspection, _ place: String) -> Diagnostic? {
    var detector = Detector(
      thresholds: inspection.context.settings.thresholds, units: inspection.context.machine.units)
    let verdict = detector.judge(inspection.reading)
    guard verdict.trigger != .none else { return nil }
    return finding(
      place + "the trigger \(verdict.trigger.name) is true now: \(amount(inspection.reading.available)) of "
        + "\(amount(inspection.reading.total)) are available, the floor is at \(amount(verdict.lines.floorAvailable))",
      verdict.acts ? "an armed agent would act at once" : "an armed agent would act once the trigger is confirmed")
  }

  private func finding(_ what: String, _ meant: String) -> Diagnostic {
    Diagnostic(severity: .warning, file: file, line: 1, column: 1, what: what, meant: meant)
  }
}
