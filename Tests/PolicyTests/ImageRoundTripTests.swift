import Badness
import Foundation
import Policy
import Pressure
import ProcModel
import Testing

@Suite struct ImageRoundTripTests {
  @Test(arguments: Sample.allCases) func aPolicyComesBackFromItsImageAsItWas(sample: Sample) {
    let policy = sample.policy
    let image = ImageWriter.image(of: policy)
    #expect(decode(image) == .success(policy))
    #expect(image == ImageWriter.image(of: policy))
  }

  @Test func everySettingComesBack() {
    let amounts: [Amount] = [
      .share(BasisPoints(0)), .share(BasisPoints(10_000)), .size(.zero), .size(KiB(1)), .size(KiB(.max)),
    ]
    var policy = Sample.empty.policy
    for formula in Formula.allCases {
      for adjustment in OomScoreAdjUse.allCases {
        policy.settings.formula = formula
        policy.settings.adjustment = adjustment
        for ignoresInherited in [false, true] {
          policy.settings.ignoresInherited = ignoresInherited
          #expect(decode(ImageWriter.image(of: policy)) == .success(policy))
        }
      }
    }
    for amount in amounts {
      policy.settings.thresholds = Thresholds(floor: Floor(available: amount, swapFree: amount), release: amount)
      policy.settings.minimumFootprint = .amount(amount)
      policy.settings.grace = Nanoseconds(.max)
      #expect(decode(ImageWriter.image(of: policy)) == .success(policy))
    }
  }

  @Test func everyTriggerComesBackOnItsOwn() {
    let full = Sample.full.policy.settings.thresholds
    let mixed = Sample.mixed.policy.settings.thresholds
    for source in [full, mixed] {
      for choice in 0..<16 {
        var policy = Sample.empty.policy
        if choice & 1 != 0 { policy.settings.thresholds.stall = source.stall }
        if choice & 2 != 0 { policy.settings.thresholds.thrash = source.thrash }
        if choice & 4 != 0 { policy.settings.thresholds.forecast = source.forecast }
        if choice & 8 != 0 { policy.settings.thresholds.confirmation = source.confirmation }
        #expect(decode(ImageWriter.image(of: policy)) == .success(policy))
      }
    }
  }

  @Test func whoseStallsCountComesBack() {
    for source in StallSource.allCases {
      for (isFull, isPatient) in [(false, false), (false, true), (true, false), (true, true)] {
        var policy = Sample.empty.policy
        policy.cgroups = [policy.add("/system.slice/ssh.service")]
        policy.settings.thresholds.stall = Stall(
          isFull: isFull, share: .percent(20), over: .milliseconds(2000), below: .share(.percent(25)),
          isPatient: isPatient, source: source)
        #expect(decode(ImageWriter.image(of: policy)) == .success(policy))
        #expect((policy.guardedCgroup == policy.cgroups[0]) == (source == .cgroup))
      }
    }
  }

  @Test func everyTierAndWeightComesBack() {
    for tier in [Tier?.none] + Tier.allCases {
      for weight in [0, 1, 0.5, 1e308, .leastNonzeroMagnitude] {
        var policy = Sample.empty.policy
        policy.addRule("rule", order: tier, weight: weight, [(.comm, [.never])])
        #expect(decode(ImageWriter.image(of: policy)) == .success(policy))
      }
    }
  }

  @Test func everyScopeSignalGraceAndHookComesBack() {
    for scope in Scope.allCases {
      for signal in VictimSignal.allCases {
        var policy = Sample.mixed.policy
        policy.settings.scope = scope
        policy.settings.signal = signal
        for ruleScope in [Scope?.none] + Scope.allCases {
          policy.rules[1].scope = ruleScope
          policy.rules[1].signal = ruleScope == nil ? nil : signal
          #expect(decode(ImageWriter.image(of: policy)) == .success(policy))
        }
      }
    }
    for grace in [Nanoseconds?.none, .zero, Nanoseconds(1), Nanoseconds(.max)] {
      for hook in [HookChoice?.none, .off, .command(0)] {
        var policy = Sample.mixed.policy
        policy.rules[1].grace = grace
        policy.rules[1].hook = hook
        #expect(decode(ImageWriter.image(of: policy)) == .success(policy))
      }
    }
  }

  @Test func everyMeasureComesBackOnItsOwn() {
    for sample in [Sample.mixed, .full] {
      let source = sample.policy
      for choice in 0..<128 {
        var policy = sample.policy
        policy.settings.swarm = choice & 1 != 0 ? source.settings.swarm : nil
        if choice & 2 == 0 { policy.measures.hooks = Hooks() }
        policy.measures.relief.high = choice & 4 != 0 ? source.measures.relief.high : nil
        policy.measures.relief.freeze = choice & 8 != 0 ? source.measures.relief.freeze : nil
        if choice & 16 == 0 { policy.measures.relief.reclaim = 0 }
        if choice & 32 == 0 { policy.measures.lastResort = nil }
        if choice & 64 == 0 { policy.measures.lastResort?.afterStall = nil }
        if choice & 65 == 0 { policy.measures.flight.ring = nil }
        #expect(decode(ImageWriter.image(of: policy)) == .success(policy))
      }
    }
  }

  @Test func theLargestPolicyFitsTheLargestImage() {
    let policy = Sample.largest.policy
    for section in ImageSection.allCases {
      #expect(policy.count(of: section) == section.maximum)
    }
    #expect(ImageWriter.image(of: policy).count <= ImageLayout.maximumLength)
  }

  /// Flights and kept policies hold images of the version before this one.
  @Test(arguments: Sample.allCases) func anImageOfTheVersionBeforeIsRead(sample: Sample) throws {
    var policy = sample.policy
    let image = asVersion2(ImageWriter.image(of: policy))
    // It says nothing of flights.
    policy.measures.flight = FlightSettings()
    #expect(decode(image) == .success(policy))
    // What is read is written as an image of this version.
    #expect(ImageWriter.image(of: try decode(image).get()) == ImageWriter.image(of: policy))
    for length in [10, ImageLayout.tablesOffset - 14, image.count - 1] where length < image.count {
      #expect(refusal([UInt8](image[..<length])) == .truncated(found: length))
    }
    #expect(refusal(image + [0]) == .trailing(1))
    // Each version has its own length.
    var other = image
    other[8] = 3
    #expect(refusal(sealed(other)) != nil)
    var another = ImageWriter.image(of: policy)
    another[8] = 2
    #expect(refusal(sealed(another)) != nil)
  }

  /// An image without the 13 bytes that version 3 has more.
  private func asVersion2(_ image: [UInt8]) -> [UInt8] {
    var image = image
    let more = 13
    image.removeSubrange(ImageLayout.tablesOffset - more..<ImageLayout.tablesOffset)
    image[8] = 2
    for offset in [12] + ImageSection.allCases.map({ ImageLayout.sectionsOffset + 8 * Int($0.rawValue) }) {
      let number = (0..<4).reduce(0) { $0 | Int(image[offset + $1]) << (8 * $1) } - more
      for index in 0..<4 { image[offset + index] = UInt8(truncatingIfNeeded: number >> (8 * index)) }
    }
    return sealed(image)
  }

  // If this fails, the format changed: that takes a new version, and docs/policy-image.md.
  @Test func aSmallImageHasTheseBytes() {
    let hex = """
      89 53 50 57 0d 0a 1a 0a 03 00 6c 00 a7 01 00 00 \
      07 03 00 74 \
      66 01 00 00 00 00 00 00 \
      66 01 00 00 01 00 00 00 8e 01 00 00 01 00 00 00 \
      97 01 00 00 01 00 00 00 a0 01 00 00 00 00 00 00 \
      a0 01 00 00 00 00 00 00 a0 01 00 00 00 00 00 00 \
      a0 01 00 00 00 00 00 00 a0 01 00 00 00 00 00 00 \
      a0 01 00 00 00 00 00 00 a0 01 00 00 07 00 00 00 \
      07 01 00 f2 05 2a 01 00 00 00 00 00 00 00 00 00 \
      00 00 00 01 20 03 00 00 00 00 00 00 01 e8 03 00 \
      00 00 00 00 00 01 b0 04 00 00 00 00 00 00 \
      00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 \
      00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 \
      00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 \
      00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 \
      01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 \
      00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 \
      01 01 \
      00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 \
      00 00 00 00 00 00 00 00 00 \
      00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 \
      00 00 00 00 00 00 00 00 00 00 00 00 00 \
      00 01 00 00 10 00 00 00 00 40 00 00 00 \
      04 00 00 00 03 00 00 00 00 00 00 00 01 00 00 00 \
      00 01 00 00 00 00 00 00 00 f0 3f \
      00 00 00 00 00 00 00 00 00 00 00 00 00 \
      01 00 00 00 00 01 00 00 00 \
      01 00 00 00 00 04 00 00 00 \
      73 73 68 64 73 73 68
      """
    let image = ImageWriter.image(of: Sample.small.policy)
    #expect(image.map { String(format: "%02x", $0) }.joined(separator: " ") == hex)
  }

  @Test func settingsWithEverythingOnHaveTheseBytes() {
    let hex = """
      07 01 00 f2 05 2a 01 00 00 00 00 00 00 00 00 00 \
      00 00 00 01 20 03 00 00 00 00 00 00 01 e8 03 00 \
      00 00 00 00 00 01 b0 04 00 00 00 00 00 00 \
      02 dc 05 00 00 00 94 35 77 00 00 00 00 01 c4 09 00 00 00 00 00 00 \
      01 10 27 00 00 00 5e d0 b2 00 00 00 00 02 00 04 00 00 00 00 00 00 \
      01 00 65 cd 1d 00 00 00 00 01 40 06 00 00 00 00 00 00 \
      00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 \
      02 00 f2 05 2a 01 00 00 00 00 ca 9a 3b 00 00 00 00 0a 00 00 00 \
      00 86 3b a1 01 00 00 00 01 00 00 00 00 00 00 00 00 \
      06 06 01 0c 00 00 00 00 ac 23 fc 06 00 00 00 03 00 00 00 \
      01 00 01 00 01 01 00 01 00 \
      01 00 01 00 00 01 40 1f 00 00 00 00 00 00 00 ac 23 fc 06 00 00 00 \
      01 00 e4 0b 54 02 00 00 00 \
      01 05 00 00 00 00 ac 23 fc 06 00 00 00 \
      00 02 00 00 04 00 00 00 00 20 00 00 01
      """
    let image = ImageWriter.image(of: Sample.mixed.policy)
    let settings = image[ImageLayout.settingsOffset..<ImageLayout.tablesOffset]
    #expect(settings.map { String(format: "%02x", $0) }.joined(separator: " ") == hex)
  }

  @Test func theLayoutIsAsDocumented() throws {
    let path = URL(filePath: #filePath).appending(path: "../../../docs/policy-image.md").standardized.path()
    let document = String(decoding: try #require(FileManager.default.contents(atPath: path)), as: UTF8.self)
    for section in ImageSection.allCases {
      #expect(document.contains("| `\(section.name)` | \(section.recordSize) | \(section.maximum) |"))
    }
    for fault in PolicyFault.allCases {
      #expect(document.contains("| `\(fault)` |"), "\(fault)")
    }
    for line in [
      "header: \(ImageLayout.headerSize) bytes", "settings: \(ImageLayout.settingsSize) bytes",
      "longest image: \(ImageLayout.maximumLength) bytes", "format version: \(ImageLayout.version)",
      "| 8 | 2 | format version | \(ImageLayout.oldestVersion), \(ImageLayout.version) |",
      "together make \(ImageWriter.image(of: Sample.largest.policy).count) bytes",
      "longest name: \(CompiledPolicy.maximumNameLength) bytes",
    ] {
      #expect(document.contains(line), "\(line)")
    }
  }
}
