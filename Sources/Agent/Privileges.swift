import LinuxSystem
package import ProcModel
import Record

/// The capabilities that the agent has a use for: which it holds, and which it lacks.
package struct Privileges: Sendable {
  package var held: CapabilitySet
  package var lacking: CapabilitySet

  /// - Parameters:
  ///   - held: None, for an agent that kills none: a replay's.
  package init(held: CapabilitySet = [], lacking: CapabilitySet = []) {
    self.held = held
    self.lacking = lacking
  }

  /// Tells what the agent holds and what it cannot do for want of more, then gives up everything it does not need from
  /// here on, and the means to get it back.
  ///
  /// - Parameter purposes: What the policy asks for; one that is read later cannot have more.
  static func reduce(for purposes: CapabilityNeed.Purpose, _ messages: inout Messages) -> Privileges {
    let useful = CapabilityNeed.everything(for: purposes)
    let held = CapabilitySet(rawValue: (try? OwnCapabilities.effective()) ?? 0).intersection(useful)
    let privileges = Privileges(held: held, lacking: useful.subtracting(held))
    privileges.tell(&messages)
    do throws(Errno) {
      try OwnCapabilities.keepOnly(CapabilityNeed.lasting(for: purposes).rawValue)
    } catch {
      messages.say(.warning, "capabilities that are not needed could not be dropped", error)
    }
    do throws(Errno) {
      try OwnProcess.forbidNewPrivileges()
    } catch {
      messages.say(.warning, "no_new_privs could not be set", error)
    }
    return privileges
  }

  private func tell(_ messages: inout Messages) {
    messages.say(.info) { line in
      line.append(held.isEmpty ? "holds no capability" : "holds")
      for need in CapabilityNeed.all where held.contains(need.capability) {
        line.append(" ")
        line.append(need.name)
      }
      line.append(held.isEmpty ? "" : "; keeps")
      for need in CapabilityNeed.all where need.isLasting && held.contains(need.capability) {
        line.append(" ")
        line.append(need.name)
      }
    }
    for need in CapabilityNeed.all where lacking.contains(need.capability) {
      messages.say(need.level) { line in
        line.append("lacks ")
        line.append(need.name)
        line.append(": ")
        line.append(need.without)
      }
    }
  }
}
