import LinuxSystem
import Policy
import ProcModel
import ProcReader
import Record

/// What an agent is told, and says, of the part of the machine that it can name.
extension SetUp {
  static func takeCgroups(of source: inout LiveSource, from folder: CPath) throws(StartFailure) {
    do throws(CgroupRootFailure) {
      try source.takeCgroups(from: folder)
    } catch {
      switch error {
      case .unreadable(let errno):
        throw StartFailure(opening: "the folder of --cgroup-root cannot be read", errno, otherwise: .usage)
      case .captured, .noHierarchy, .part, .unplaced:
        throw StartFailure(.usage, error.option)
      }
    }
  }

  /// Says what cannot be named. The agent starts all the same, armed too: whatever a rule might protect is protected,
  /// and a machine without an agent is worse off.
  func sayView(_ view: ProcView, _ messages: inout Messages) {
    if !view.showsAllCgroups {
      messages.say(
        .error,
        "process 1 is outside of this cgroup namespace, so that the cgroups of the machine cannot be told: the machine's "
          + "memory is watched, and not this container's; unit and cgroup of a process are unknown, and a rule that "
          + "protects by them counts as matched; domains, and scopes by cgroup or unit, do not apply; give the host's "
          + "/sys/fs/cgroup by --cgroup-root")
      if let rule = policy.ruleOfCgroupsAlone {
        messages.say(.error) { line in
          line.append("the rule ")
          line.append(visible: policy.bytes(policy.rules[rule].name))
          line.append(
            " protects by unit or cgroup alone: it counts as matched for every process, and none is ever killed")
        }
      }
    }
    if view.unmappedUser != nil {
      messages.say(
        .warning,
        "this user namespace does not have all users: the user of a process that has none here is unknown, and a rule "
          + "that protects by user counts as matched")
    }
  }
}

extension CgroupRootFailure {
  /// As a sentence about the option.
  fileprivate var option: String {
    switch self {
    case .captured: "--cgroup-root is for the live proc file system: a captured tree has no cgroups"
    case .noHierarchy: "--cgroup-root: the hierarchy that accounts memory is mounted neither there nor below"
    case .part: "--cgroup-root: what is mounted there begins below the root of the machine's cgroups"
    case .unplaced: "--cgroup-root: this process is not found there, so that nothing tells where its namespace begins"
    case .unreadable: "the folder of --cgroup-root cannot be read"
    }
  }
}

extension CompiledPolicy {
  /// The first rule that protects whatever is in a unit or cgroup, and asks nothing else.
  fileprivate var ruleOfCgroupsAlone: Int? {
    rules.indices.first { index in
      let rule = rules[index]
      return rule.protects && !rule.conditions.isEmpty
        && rule.conditions.allSatisfy { tests[$0].field == .unit || tests[$0].field == .cgroup }
    }
  }
}
