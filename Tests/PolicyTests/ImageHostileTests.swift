import Badness
import Fixtures
import Policy
import Pressure
import ProcModel
import Testing

/// Images with the right length and checksum and arbitrary content: each is refused, or is the one image of a policy
/// that can be used without harm.
@Suite struct ImageHostileTests {
  /// Decodes an image, and uses all that its policy points to.
  ///
  /// - Returns: Whether it could be decoded.
  private func isSound(_ image: [UInt8]) -> Bool {
    guard case .success(let policy) = decode(image) else { return false }
    #expect(ImageWriter.image(of: policy) == image)
    for rule in policy.rules {
      _ = policy.bytes(rule.name)
      _ = policy.tests[rule.tests.indices]
    }
    for test in policy.tests {
      _ = policy.alternatives[test.alternatives.indices]
    }
    for alternative in policy.alternatives {
      switch alternative {
      case .literal(let slice): _ = policy.bytes(slice)
      case .pattern(let index): _ = policy.patterns[Int(index)]
      case .range, .capabilities, .signedRange, .time, .amount, .flag, .never: break
      }
    }
    var process = ProcessFacts(identity: ProcessIdentity(pid: 1, startTime: .zero))
    process.age = Ticks(.max)
    _ = policy.ruleOutcome(policy.matchStatic(Subject()), at: DynamicFacts(process: process, machine: .sample))
    for command in policy.commands { _ = policy.bytes(command.words) }
    for cgroup in policy.cgroups { _ = policy.bytes(cgroup) }
    let hooks = policy.measures.hooks
    for hook in [hooks.warn, hooks.before, hooks.after, hooks.noCandidate] + policy.rules.map({ $0.hook?.command }) {
      if let hook { _ = policy.commands[Int(hook)] }
    }
    _ = policy.cgroups[..<Int(policy.measures.relief.reclaim)]
    if let high = policy.measures.relief.high { _ = policy.cgroups[Int(high.cgroup)] }
    for text in [[], [0], [0, 255, 97], [UInt8]("cc1plus".utf8)] as [[UInt8]] {
      for pattern in policy.patterns { _ = policy.matches(pattern, text.span) }
      for automaton in policy.automata { _ = automaton.matches(text.span) }
    }
    return true
  }

  @Test func everyFieldAtEveryExtremeIsRefusedOrSound() {
    let image = ImageWriter.image(of: Sample.mixed.policy)
    var sound = 0
    for width in [1, 2, 4, 8] {
      let extremes: [UInt64] = [
        0, 1, 2, 3, 5, 127, 128, 255, 256, 257, 1 << 15, 1 << 16, 10_000, 10_001, 1 << 20, 1 << 31, (1 << 31) - 1,
        (1 << 32) - 1, 1 << 32, 1 << 63, (1 << 63) - 1, .max - 1, .max, Double.infinity.bitPattern,
        Double.nan.bitPattern, UInt64(image.count), UInt64(image.count) + 1,
      ]
      for offset in 0...image.count - width {
        for extreme in extremes where width == 8 || extreme >> (8 * width) == 0 {
          var hostile = image
          for index in 0..<width {
            hostile[offset + index] = UInt8(truncatingIfNeeded: extreme >> (8 * index))
          }
          if isSound(sealed(hostile)) { sound += 1 }
        }
      }
    }
    // Many changes give another sound policy: in the grace, in weights, in the bytes of patterns and literals.
    #expect(sound > 1000)
  }

  @Test(arguments: 0..<8 as Range<UInt64>) func randomChangesAreRefusedOrSound(seed: UInt64) {
    var numbers = SplitMix64(seed: seed)
    let image = ImageWriter.image(of: (seed % 2 == 0 ? Sample.mixed : Sample.small).policy)
    var sound = 0
    for _ in 0..<3000 {
      var hostile = image
      for _ in 0..<Int.random(in: 1...4, using: &numbers) {
        let offset = Int.random(in: 10..<hostile.count, using: &numbers)
        switch Int.random(in: 0..<5, using: &numbers) {
        case 0: hostile[offset] = UInt8.random(in: 0...255, using: &numbers)
        case 1: hostile[offset] ^= 1 << UInt8.random(in: 0..<8, using: &numbers)
        case 2: hostile[offset] = [0, 1, 127, 128, 254, 255][Int.random(in: 0..<6, using: &numbers)]
        case 3:
          hostile.insert(UInt8.random(in: 0...255, using: &numbers), at: offset)
        default:
          let end = min(hostile.count, offset + Int.random(in: 1...16, using: &numbers))
          if end < hostile.count { hostile.removeSubrange(offset..<end) }
        }
      }
      if isSound(sealed(hostile)) { sound += 1 }
    }
    #expect(sound > 0 && sound < 3000)
  }

  @Test func noiseAfterTheHeaderIsRefusedOrSound() {
    var numbers = SplitMix64(seed: 1983)
    let image = ImageWriter.image(of: Sample.mixed.policy)
    for _ in 0..<3000 {
      var hostile = image
      for offset in ImageLayout.settingsOffset..<hostile.count where Bool.random(using: &numbers) {
        hostile[offset] = UInt8.random(in: 0...255, using: &numbers)
      }
      _ = isSound(sealed(hostile))
    }
  }
}
