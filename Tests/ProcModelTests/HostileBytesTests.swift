import Fixtures
import ProcModel
import Testing

/// For any bytes a parser gives a value or throws its typed error. A trap would end the test run.
@Suite struct HostileBytesTests {
  /// Every parser, by the file that it reads.
  enum Parser: String, CaseIterable {
    case meminfo, vmstat, pressure, swaps, uptime, stat, statm, status, stance, cgroup
    case oomScore = "oom_score"
    case oomScoreAdj = "oom_score_adj"
    case smapsRollup = "smaps_rollup"

    /// Whether the bytes gave a value.
    func accepts(_ array: [UInt8]) -> Bool {
      let bytes = array.span
      do throws(ProcParseError) {
        switch self {
        case .meminfo: _ = try Meminfo(parsing: bytes)
        case .vmstat: _ = try VMStat(parsing: bytes)
        case .pressure: _ = try PressureStall(parsing: bytes)
        case .swaps: _ = try SwapTable(parsing: bytes)
        case .uptime: _ = try Uptime(parsing: bytes)
        case .stat: _ = try ProcessStat(parsing: bytes)
        case .statm: _ = try ProcessStatm(parsing: bytes)
        case .status: _ = try ProcessStatus(parsing: bytes)
        case .stance: _ = try ProcessStance(parsing: bytes)
        case .cgroup:
          let membership = try CgroupMembership(parsing: bytes)
          _ = bytes.extracting(membership.path)
          if let unit = membership.unit { _ = bytes.extracting(unit) }
          let freezer = FreezerPath(parsing: bytes)
          for range in [freezer.first, freezer.second] { if let range { _ = bytes.extracting(range) } }
        case .oomScore: _ = try OomScore(parsing: bytes)
        case .oomScoreAdj: _ = try OomScoreAdj(parsing: bytes)
        case .smapsRollup: _ = try SmapsRollup(parsing: bytes)
        }
        return true
      } catch {
        return false
      }
    }

    var fixtures: [String] {
      switch self {
      case .pressure: ["5.10/pressure/memory", "6.18/pressure/memory"]
      case .meminfo: ["3.10/meminfo", "4.4/meminfo", "6.18/meminfo"]
      case .vmstat, .swaps, .uptime: ["4.4/", "5.10/", "6.1/", "6.18/"].map { $0 + rawValue }
      case .smapsRollup: ["rollups/4.14", "rollups/6.18"]
      case .stance: ["4.4/950/status", "5.10/520/status", "6.18/3/status", "6.18/9/status"]
      default: ["4.4/950/", "5.10/520/", "6.18/3/", "6.18/9/", "6.18/10/", "6.18/15/"].map { $0 + rawValue }
      }
    }
  }

  @Test(arguments: Parser.allCases) func everyFixtureIsAccepted(parser: Parser) {
    for name in parser.fixtures {
      #expect(parser.accepts(Fixture.bytes(name)), "\(name)")
    }
  }

  @Test(arguments: Parser.allCases) func truncationAtEveryOffsetGivesAValueOrAnError(parser: Parser) {
    for name in parser.fixtures {
      let bytes = Fixture.bytes(name)
      for end in 0...bytes.count {
        _ = parser.accepts(Array(bytes[..<end]))
        _ = parser.accepts(Array(bytes[end...]))
      }
    }
  }

  @Test(arguments: Parser.allCases) func randomMutationsGiveAValueOrAnError(parser: Parser) {
    var random = Linear(seed: 0x5311_1aa7)
    var accepted = 0
    var refused = 0
    for name in parser.fixtures {
      let original = Fixture.bytes(name)
      for _ in 0..<2000 {
        var bytes = original
        random.mutate(&bytes)
        if parser.accepts(bytes) { accepted += 1 } else { refused += 1 }
      }
    }
    // Both must happen. Otherwise the mutations would not reach the parser.
    #expect(accepted > 0 && refused > 0)
  }

  @Test(arguments: Parser.allCases) func noiseGivesAValueOrAnError(parser: Parser) {
    var random = Linear(seed: 1972)
    for length in 0..<600 {
      let bytes = (0..<length).map { _ in UInt8(truncatingIfNeeded: random.next() >> 40) }
      _ = parser.accepts(bytes)
      _ = parser.accepts([UInt8](repeating: bytes.first ?? 0, count: length))
    }
  }

  @Test func aStatOf64KiBOfParenthesesIsRefused() {
    #expect(!Parser.stat.accepts([UInt8](repeating: UInt8(ascii: ")"), count: 65_536)))
    #expect(!Parser.stat.accepts((Array("1 (".utf8) + [UInt8](repeating: UInt8(ascii: ")"), count: 65_536))))
  }
}

/// Knuth's MMIX generator: the same mutations on every run.
struct Linear {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state
  }

  mutating func below(_ bound: Int) -> Int {
    Int(next() >> 33) % max(bound, 1)
  }

  /// Changes one to eight places: a byte is replaced by any other or by one with a meaning, removed, or doubled, or a
  /// long run of digits is put in.
  mutating func mutate(_ bytes: inout [UInt8]) {
    let meaningful = Array("0189 \t\n\0():-./_=kBMVUS".utf8)
    for _ in 0...below(8) where !bytes.isEmpty {
      let place = below(bytes.count)
      switch below(6) {
      case 0: bytes[place] = UInt8(truncatingIfNeeded: next() >> 40)
      case 1: bytes[place] = meaningful[below(meaningful.count)]
      case 2: bytes.remove(at: place)
      case 3: bytes.insert(bytes[place], at: place)
      case 4: bytes.insert(contentsOf: Array("99999999999999999999".utf8), at: place)
      default: bytes.removeSubrange(place..<min(bytes.count, place + below(40)))
      }
    }
  }
}
