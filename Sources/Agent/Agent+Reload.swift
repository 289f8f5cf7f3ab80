import Ladder
import LinuxSystem
import Policy
import Pressure
import ProcModel
import Record

/// The policy changes whole, between two looks, or not at all.
extension Agent where Source: ~Copyable, Hand: ~Copyable {
  mutating func beginReload() {
    do throws(Reloader.Refusal) {
      try reloader.begin(loop, tag: Self.compilerTag, now: Nanoseconds(Clock.sinceBoot()))
    } catch {
      refuseReload(error.text)
    }
  }

  mutating func finishReload() {
    let image: [UInt8]
    do throws(Reloader.Refusal) {
      image = try reloader.finish()
    } catch {
      return refuseReload(error.text)
    }
    do throws(ImageError) {
      waitingPolicy = try CompiledPolicy(image: image.span)
      takeUpWaitingPolicy()
    } catch {
      refuseReload(error.message, error)
    }
  }

  /// Puts a policy in force that was read, once nobody is being ended for a domain: until then the domain stays.
  mutating func takeUpWaitingPolicy() {
    guard let policy = waitingPolicy else { return }
    for number in watches.indices.dropFirst() where watches[number].pursuit != nil { return }
    waitingPolicy = nil
    putInForce(policy)
  }

  /// The policy is another from here on; who was judged by the old one is judged anew.
  mutating func putInForce(_ policy: CompiledPolicy) {
    judge.policy = policy
    judge.settings = policy.settings
    needs = judge.policy.needs
    takeUpDomains()
    takeUpHooks()
    roster.clear()
    // Learning reads what may wait for memory: not in trouble. The first calm look makes up for it.
    surveyedAt = .zero
    learnInPassing(budget: .max)
    let rules = judge.policy.rules.count
    recorder.reload(problem: nil, rules: rules)
    messages.say { line in
      line.append("the policy was read again and is in force: ")
      line.append(decimal: UInt64(rules))
      line.append(" rules")
    }
    sayLostPrivileges()
  }

  private mutating func refuseReload(_ problem: String, _ imageError: ImageError? = nil) {
    recorder.reload(problem: problem, rules: judge.policy.rules.count)
    messages.say { line in
      line.append("the policy in force stays: ")
      if let imageError { line.append(imageError) } else { line.append(problem) }
    }
  }
}
