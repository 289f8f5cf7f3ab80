import Policy
import PolicyFile
import ProcModel

/// A process, with what rules look at.
struct SampleProcess: Sendable {
  var comm = ""
  var exe = ""
  var cmdline = ""
  var cgroup = "/"
  var uid: UInt32 = 0
  var capabilities: CapabilitySet = []

  /// The unit, as the agent finds it in the path of the cgroup.
  var unit: [UInt8] {
    let line = Array("0::\(cgroup)\n".utf8)
    guard let range = try? CgroupMembership(parsing: line.span).unit else { return [] }
    return Array(line[range])
  }

  /// The process in the form that the engine takes.
  var subject: Subject {
    var subject = Subject()
    subject.comm = Comm(comm)
    subject.effectiveUID = uid
    subject.effectiveCapabilities = capabilities
    subject.exe = ByteBuffer(Array(exe.utf8))
    subject.exeKnowledge = exe.isEmpty ? .absent : .known
    subject.cmdline = ByteBuffer(Array(cmdline.utf8))
    subject.cmdlineKnowledge = .known
    subject.cgroup = ByteBuffer(Array("0::\(cgroup)\n".utf8))
    subject.cgroupKnowledge = .known
    let membership = try? CgroupMembership(parsing: subject.cgroup.bytes)
    subject.cgroupPath = membership?.path
    subject.unit = membership?.unit
    return subject
  }

  fileprivate func text(_ field: MatchField) -> [UInt8] {
    switch field {
    case .comm: Array(comm.utf8)
    case .exe: Array(exe.utf8)
    case .cmdline: Array(cmdline.utf8)
    case .cgroup: Array(cgroup.utf8)
    case .unit: unit
    default: []
    }
  }
}

extension CompiledPolicy {
  /// The rules that match a process, found in the plainest way. The engine has its own tests.
  func matching(_ process: SampleProcess) -> [Rule] {
    rules.filter { rule in
      tests[rule.tests.indices].allSatisfy { test in
        alternatives[test.alternatives.indices].contains { holds($0, test.field, process) }
      }
    }
  }

  func name(of rule: Rule) -> String { String(decoding: text[rule.name.indices], as: UTF8.self) }

  private func holds(_ alternative: Alternative, _ field: MatchField, _ process: SampleProcess) -> Bool {
    if case .literal(let slice) = alternative { return Array(text[slice.indices]) == process.text(field) }
    if case .pattern(let index) = alternative {
      return matches(patterns[Int(index)], process.text(field).span)
    }
    if case .range(let low, let high) = alternative { return (low...high).contains(process.uid) }
    if case .capabilities(let set) = alternative { return !set.isDisjoint(with: process.capabilities) }
    return false
  }
}

extension PolicyCompilation {
  var hasErrors: Bool { diagnostics.contains { $0.severity == .error } }
}
