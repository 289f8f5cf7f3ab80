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
      putInForce(try CompiledPolicy(image: image.span))
    } catch {
      refuseReload(error.message, error)
    }
  }

  /// The policy is another from here on; who was judged by the old one is judged anew.
  mutating func putInForce(_ policy: CompiledPolicy) {
    judge.policy = policy
    needs = judge.policy.needs
    detector.replace(judge.policy.settings.thresholds)
    sensors.serve(judge.policy.settings.thresholds)
    roster.clear()
    // Learning reads what may wait for memory: not in trouble. The first calm look makes up for it.
    surveyedAt = .zero
    if !detector.isInEpisode { learn(Nanoseconds(Clock.sinceBoot()), budget: .max) }
    let rules = judge.policy.rules.count
    recorder.reload(problem: nil, rules: rules)
    messages.say { line in
      line.append("the policy was read again and is in force: ")
      line.append(decimal: UInt64(rules))
      line.append(" rules")
    }
  }

  private mutating func refuseReload(_ problem: String, _ imageError: ImageError? = nil) {
    recorder.reload(problem: problem, rules: judge.policy.rules.count)
    messages.say { line in
      line.append("the policy in force stays: ")
      if let imageError { line.append(imageError) } else { line.append(problem) }
    }
  }
}
