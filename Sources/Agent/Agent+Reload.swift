import Ladder
import LinuxSystem
package import Policy
import Pressure
import ProcModel
import Record

/// The policy changes whole, between two looks, or not at all.
extension Agent where M: ~Copyable {
  /// Reads the policy's files again that changed, and has the policy in force kept. While memory is short both wait: a
  /// compiler takes some.
  mutating func advanceReload(_ now: Nanoseconds) {
    reload.giveUp(machine)
    for domain in domains where domain.isBusy { return }
    if reload.wantsReload(at: now) { beginReload() }
    reload.keep(&machine, &reporter)
  }

  mutating func beginReload() {
    do throws(Reloader.Refusal) {
      try reload.reloader.begin(&machine)
    } catch {
      refuseReload(error.text)
    }
  }

  @inline(never)
  mutating func finishReload() {
    let image: [UInt8]
    do throws(Reloader.Refusal) {
      image = try reload.reloader.finish()
    } catch {
      return refuseReload(error.text)
    }
    do throws(ImageError) {
      putInForce(try CompiledPolicy(image: image.span))
    } catch {
      refuseReload(error.message, error)
    }
  }

  /// The policy is another from here on; every process is judged anew. A victim that is being killed stays one.
  package mutating func putInForce(_ new: CompiledPolicy) {
    let old = policy
    let name = reload.reloader.config ?? supervision.mode.policy
    machine.takeUp(new, named: name)
    policy = new
    takeUpDomains()
    hooks.takeUp(policy, &machine, &reporter)
    chooser.forget()
    takeUpInquiry()
    // Learning reads what may wait for memory: not in trouble. The first calm look makes up for it.
    learnInPassing(budget: .max)
    reporter.report(ReloadEvent.inForce(old: old, new: new, PolicyChanges(from: old, to: new)))
    lastResort.sayLost(of: policy, machine, &reporter)
    relief.sayLost(of: policy, machine, &reporter)
    hooks.sayLost(of: policy, machine, &reporter)
    takeUpFlights(after: old)
    supervision.mode.rules = policy.rules.count
    supervision.mode.policy = name
    leaveFallback()
    if let image = reload.reloader.takeImage() { reload.keeper.offer(image) }
    sayUnwritableCgroups()
  }

  private mutating func takeUpFlights(after old: CompiledPolicy) {
    if flights != nil {
      flights?.takeUp(policy.measures.flight, &reporter)
    } else if old.measures.flight.ring == nil, policy.measures.flight.ring != nil {
      FlightCourse.sayLater(&reporter)
    }
  }

  private mutating func refuseReload(_ problem: String, _ imageError: ImageError? = nil) {
    reporter.report(ReloadEvent.refused(problem, imageError, rules: policy.rules.count, fallback: supervision.fallback))
    sayFallback()
  }
}
