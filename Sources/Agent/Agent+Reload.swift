import Ladder
import LinuxSystem
import Policy
import Pressure
import ProcModel
import Record

/// The policy changes whole, between two looks, or not at all.
extension Agent where M: ~Copyable {
  /// Of the policy's files. Beyond those of all victims and hooks.
  static var filesTag: UInt64 { EventLoop.firstFreeTag + 96 }
  /// Between looks whether memory has come back, while files wait to be read.
  private static var reloadLook: Nanoseconds { .milliseconds(1000) }

  /// Has the kernel tell when the policy's files change. Where it does not, SIGHUP tells.
  mutating func watchFiles() {
    do throws(Errno) {
      try reloader.watchFiles(loop, tag: Self.filesTag)
    } catch {
      reporter.messages.say(.warning, "the policy's files are not watched: a change counts after SIGHUP", error)
    }
  }

  /// Reads the policy's files again that changed and have been left alone since. While memory is short they wait: a
  /// compiler takes some.
  mutating func reloadChangedFiles(_ now: Nanoseconds) {
    guard let due = reloader.due, due <= now, !reloader.isBusy else { return }
    for domain in domains where domain.isBusy { return }
    beginReload()
  }

  /// When it is time for that, or to ask again.
  func reloadDue(after now: Nanoseconds) -> Nanoseconds? {
    guard let due = reloader.due else { return nil }
    return due > now ? due : now + Self.reloadLook
  }

  mutating func beginReload() {
    do throws(Reloader.Refusal) {
      try reloader.begin(loop, tag: Self.compilerTag, now: machine.awake)
    } catch {
      refuseReload(error.text)
    }
  }

  @inline(never)
  mutating func finishReload() {
    let image: [UInt8]
    do throws(Reloader.Refusal) {
      image = try reloader.finish()
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
  mutating func putInForce(_ new: CompiledPolicy) {
    let old = policy
    policy = new
    needs = policy.needs
    takeUpDomains()
    takeUpHooks()
    chooser.forget()
    takeUpInquiry()
    // Learning reads what may wait for memory: not in trouble. The first calm look makes up for it.
    learnInPassing(budget: .max)
    reporter.report(ReloadEvent.inForce(old: old, new: new, PolicyChanges(from: old, to: new)))
    sayLostPrivileges()
    if let config = reloader.config { policyName = config }
    leaveFallback()
    if let image = reloader.takeImage() { keeper.offer(image) }
    sayUnwritableCgroups()
  }

  private mutating func refuseReload(_ problem: String, _ imageError: ImageError? = nil) {
    reporter.report(ReloadEvent.refused(problem, imageError, rules: policy.rules.count, fallback: supervision.fallback))
    sayFallback()
  }
}
