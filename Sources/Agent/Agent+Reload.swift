import Ladder
import LinuxSystem
import Policy
import Pressure
import ProcModel
import Record

/// The policy changes whole, between two looks, or not at all.
extension Agent where Source: ~Copyable, Hand: ~Copyable {
  /// Of the policy's files. Beyond those of all victims and hooks.
  static var filesTag: UInt64 { EventLoop.firstFreeTag + 96 }
  /// Between looks whether memory has come back, while files wait to be read.
  private static var reloadLook: Nanoseconds { .milliseconds(1000) }

  /// Has the kernel tell when the policy's files change. Where it does not, SIGHUP tells.
  mutating func watchFiles() {
    do throws(Errno) {
      try reloader.watchFiles(loop, tag: Self.filesTag)
    } catch {
      messages.say(.warning, "the policy's files are not watched: a change counts after SIGHUP", error)
    }
  }

  /// Reads the policy's files again that changed and have been left alone since. While memory is short they wait: a
  /// compiler takes some.
  mutating func reloadChangedFiles(_ now: Nanoseconds) {
    guard let due = reloader.due, due <= now, !reloader.isBusy else { return }
    for watch in watches where watch.pursuit != nil || watch.verdict?.acts == true { return }
    beginReload()
  }

  /// When it is time for that, or to ask again.
  func reloadDue(after now: Nanoseconds) -> Nanoseconds? {
    guard let due = reloader.due else { return nil }
    return due > now ? due : now + Self.reloadLook
  }

  mutating func beginReload() {
    do throws(Reloader.Refusal) {
      try reloader.begin(loop, tag: Self.compilerTag, now: Nanoseconds(Clock.awake()))
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
      waitingImage = reloader.takeImage()
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
    let old = judge.policy
    judge.policy = policy
    judge.settings = policy.settings
    needs = judge.policy.needs
    takeUpDomains()
    takeUpHooks()
    roster.clear()
    takeUpInquiry()
    survey.forgetElders()
    // Learning reads what may wait for memory: not in trouble. The first calm look makes up for it.
    surveyedAt = .zero
    learnInPassing(budget: .max)
    let rules = judge.policy.rules.count
    let changes = PolicyChanges(from: old, to: policy)
    recorder.reload(from: old, to: policy, changes)
    messages.say(.info) { line in
      line.append("the policy was read again and is in force: ")
      line.append(decimal: UInt64(rules))
      line.append(" rules; ")
      line.append(changes)
    }
    sayLostPrivileges()
    if let config = reloader.config { policyName = config }
    leaveFallback()
    if let image = waitingImage.take() { keeper.offer(image) }
    sayUnwritableCgroups()
  }

  private mutating func refuseReload(_ problem: String, _ imageError: ImageError? = nil) {
    recorder.reload(refused: problem, rules: judge.policy.rules.count, fallback: supervision.fallback)
    messages.say(.error) { line in
      line.append("the policy in force stays: ")
      if let imageError { line.append(imageError) } else { line.append(problem) }
    }
    sayFallback()
  }
}
