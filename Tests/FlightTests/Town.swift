import Fixtures
import ProcModel

@testable import Flight

/// A made-up server whose processes live on from survey to survey: services of a few processes each, most of them idle.
struct Town {
  private(set) var rows: [ProcessFacts] = []
  private(set) var random: SplitMix64
  /// The present in ticks.
  var now = Ticks(30_000_000)
  private var nextPID: Int32 = 1
  private let services: Int

  private static let names = [
    "systemd", "systemd-journal", "systemd-udevd", "dbus-daemon", "sshd", "cron", "nginx", "postgres", "php-fpm8.2",
    "node", "java", "redis-server", "containerd", "containerd-shim", "dockerd", "agetty", "bash", "python3",
    "rsyslogd", "unattended-upgr", "(sd-pam)", "master", "qmgr", "chronyd", "polkitd",
  ]

  init(processes: Int, seed: UInt64) {
    random = SplitMix64(seed: seed)
    services = max(processes / 5, 1)
    for _ in 0..<processes { addProcess(isYoung: false) }
  }

  private mutating func addProcess(isYoung: Bool) {
    let pid = nextPID
    nextPID += Int32(1 + random.below(isYoung ? 4 : 30))
    let service = random.below(services)
    let startTime = isYoung ? now.count : 1000 + UInt64(pid) * 90 + UInt64(random.below(80))
    var facts = ProcessFacts(identity: ProcessIdentity(pid: pid, startTime: Ticks(startTime)))
    let isWorker = random.isOnce(in: 3)
    facts.parent = rows.isEmpty ? 0 : isWorker ? rows[random.below(rows.count)].identity.pid : 1
    facts.processGroup = isWorker ? facts.parent : pid
    facts.session = facts.processGroup
    facts.comm = Comm(Town.names[service % Town.names.count])
    facts.image = random.next()
    facts.threads = random.isOnce(in: 4) ? UInt32(2 + random.below(40)) : 1
    facts.cpu = Ticks(random.next() >> UInt64(44 + random.below(16)))
    facts.age = now - facts.identity.startTime
    let user: UInt32 = service % 3 == 0 ? 0 : UInt32(100 + service % 900)
    facts.realUID = user
    facts.effectiveUID = user
    facts.effectiveGID = user
    facts.effectiveCapabilities = CapabilitySet(rawValue: user == 0 ? (1 << 41) - 1 : 0)
    let size = UInt64(400 + random.below(2000)) << UInt64(random.below(8))
    facts.anonymous = KiB(size & ~3)
    facts.file = KiB(UInt64(2000 + random.below(30_000)) & ~3)
    facts.shared = service % 11 == 7 ? KiB(131_072) : KiB(UInt64(random.below(3)) * 4)
    facts.sharedElsewhere = KiB(facts.shared.count / 2)
    facts.resident = facts.anonymous + facts.file + facts.shared
    facts.virtual = KiB(size * 4 + 20_000 & ~3)
    facts.pageTables = KiB(44 + size / 400 & ~3)
    facts.oomScore = Int32(666 + size / 40_000)
    facts.cgroupKey = FNV1a64.hash([UInt8]("/system.slice/service-\(service).service".utf8).span)
    facts.memoryKey = facts.cgroupKey ?? 0
    rows.append(facts)
  }

  /// The content of a process's `cgroup`.
  static func cgroup(_ facts: ProcessFacts) -> [UInt8] {
    let name = facts.cgroupKey.map { String($0 % 100_000) } ?? "none"
    return [UInt8]("0::/system.slice/system-\(name).slice/service-of-\(name).service\n".utf8)
  }

  /// The target of a process's `exe`.
  static func program(_ facts: ProcessFacts) -> [UInt8] {
    var path = [UInt8]("/usr/lib/programs/".utf8)
    for index in facts.comm.bytes.indices { path.append(facts.comm.bytes[index]) }
    return path
  }

  /// Lets time pass: a part of the processes run a little, fewer of them take or give back memory, one is born and one
  /// exits.
  ///
  /// - Parameters:
  ///   - busy: One in so many processes runs.
  ///   - growing: One in so many takes or gives back memory.
  mutating func pass(_ ticks: UInt64, busy: Int, growing: Int, births: Int = 1) {
    now += Ticks(ticks)
    for row in rows.indices {
      rows[row].age = now - rows[row].identity.startTime
      if random.isOnce(in: busy) { rows[row].cpu += Ticks(UInt64(1 + random.below(20))) }
      if random.isOnce(in: growing) {
        let change = UInt64(4 + random.below(100) * 4)
        rows[row].anonymous =
          random.isOnce(in: 2) ? rows[row].anonymous + KiB(change) : rows[row].anonymous - KiB(change)
        rows[row].resident = rows[row].anonymous + rows[row].file + rows[row].shared
      }
    }
    for _ in 0..<births {
      rows.remove(at: 1 + random.below(rows.count - 1))
      addProcess(isYoung: true)
    }
  }

  /// Lets one process hold so much.
  mutating func set(_ row: Int, anonymous: UInt64) {
    rows[row].anonymous = KiB(anonymous)
  }

  /// What a survey of all tells beside its rows.
  var tally: SurveyTally {
    var tally = SurveyTally()
    tally.seen = UInt32(rows.count + 130)
    tally.kernelThreads = 130
    tally.isHidden = false
    return tally
  }

  // MARK: Disorder

  /// Lets anything happen that may: new facts, births, deaths, numbers that others had, and another order.
  mutating func shake() {
    now += Ticks(UInt64(random.below(1000)))
    for row in rows.indices {
      rows[row].age = now - rows[row].identity.startTime
      switch random.below(40) {
      case 0:
        var facts = random.facts()
        facts.identity = rows[row].identity
        rows[row] = facts
      case 1: rows[row].identity.startTime += Ticks(1)
      case 2: rows[row].state = UInt8(ascii: "D")
      case 3: rows[row].age = nil
      case 4...12: rows[row].cpu += Ticks(1)
      default: break
      }
    }
    for _ in 0..<random.below(4) where rows.count > 3 { rows.remove(at: random.below(rows.count)) }
    for _ in 0..<random.below(4) { addProcess(isYoung: true) }
    if random.isOnce(in: 6), rows.count > 1 { rows.swapAt(random.below(rows.count), random.below(rows.count)) }
    if random.isOnce(in: 40) { rows.shuffle(using: &random) }
  }

  mutating func removeHalf() {
    for _ in 0..<rows.count / 2 { rows.remove(at: random.below(rows.count)) }
  }
}
