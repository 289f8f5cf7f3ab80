import Fixtures
import ProcModel
import Testing

@testable import Flight

/// The texts of processes: told once, then by number, then not at all.
@Suite struct TextTests {
  private static func texts(_ entries: [FlightEntry]) -> [FlightText] {
    entries.compactMap { if case .text(_, _, let text) = $0.item { text } else { nil } }
  }

  private static func written(_ flown: inout Flown) -> Int { flown.file().count }

  @Test func aTextThatManyShareIsToldOnce() throws {
    var flown = Flown(ring: 256 * 1024)
    let cgroup = [UInt8](repeating: 66, count: 200)
    let before = Self.written(&flown)
    for pid in 1...300 { flown.text(cgroup, .cgroup, of: Int32(pid)) }
    let cost = Self.written(&flown) - before
    // The kind, the process, the file and the number: four bytes, and frames.
    #expect(cost < 200 + 300 * 4 + 100)
    #expect(Self.texts(try read(flown.file())) == [FlightText](repeating: .content(FlightBytes(cgroup)), count: 300))
  }

  @Test func textsThatStayTheSameAreCounted() throws {
    var flown = Flown(ring: 256 * 1024)
    let town = Town(processes: 300, seed: 30)
    func survey(_ flown: inout Flown) -> Int {
      let before = Self.written(&flown)
      flown.beginSurvey()
      for row in town.rows { flown.text(Town.cgroup(row), .cgroup, of: row.identity.pid) }
      for row in town.rows { flown.text(Town.program(row), .exe, of: row.identity.pid) }
      let cost = Self.written(&flown) - before
      flown.endSurvey(town.rows, town.tally)
      return cost
    }
    _ = survey(&flown)
    let again = survey(&flown)
    #expect(again < 30)
    let (entries, told) = (try read(flown.file()), flown.entries)
    #expect(entries.count == told.count && zip(entries, told).allSatisfy { $0.isSame($1) })
  }

  /// What changes after texts that are counted is told after them.
  @Test func aRunOfTextsHasItsOwnTime() throws {
    var flown = Flown()
    let town = Town(processes: 5, seed: 35)
    for round in 0..<3 {
      flown.beginSurvey()
      for row in town.rows { flown.text(Town.cgroup(row), .cgroup, of: row.identity.pid) }
      flown.recorder.awakeOffset = .milliseconds(UInt64(round))
      flown.now += .milliseconds(2)
      flown.endSurvey(town.rows, town.tally)
    }
    let (entries, told) = (try read(flown.file()), flown.entries)
    #expect(entries.count == told.count && zip(entries, told).allSatisfy { $0.isSame($1) })
  }

  @Test func aTextThatChangesIsToldAndSoIsTheOldOneWhenItComesBack() throws {
    var flown = Flown()
    for text in ["a", "b", "a", "a", ""] { flown.text([UInt8](text.utf8), .exe, of: 5) }
    flown.text(failed: .denied, .exe, of: 5)
    flown.text(failed: .failed(errno: 2), .exe, of: 5)
    flown.text(failed: .vanished, .exe, of: 5)
    let (entries, told) = (try read(flown.file()), flown.entries)
    #expect(entries.count == 8 && zip(entries, told).allSatisfy { $0.isSame($1) })
  }

  @Test func aLongTextIsCutAndMarked() throws {
    var flown = Flown(ring: 256 * 1024)
    let long = (0..<5000).map { UInt8(truncatingIfNeeded: $0) }
    flown.text(long, .cgroup, of: 1)
    flown.text([UInt8](long.prefix(4096)), .cgroup, of: 2)
    flown.bytes(long, code: 1, of: 3)
    let entries = try read(flown.file())
    #expect(Self.texts(entries)[0] == .content(FlightBytes([UInt8](long.prefix(4096)), of: 5000)))
    #expect(Self.texts(entries)[1] == .content(FlightBytes([UInt8](long.prefix(4096)))))
    guard case .bytes(_, _, let bytes) = entries[2].item else {
      Issue.record("no bytes")
      return
    }
    #expect(bytes.isCut && bytes.bytes.count == 4096 && bytes.length == 5000)
  }

  @Test func commandLinesAreKeptOnlyOnRequest() throws {
    let secret = [UInt8]("mysqld --password=hunter2".utf8)
    for keeps in [false, true] {
      var flown = Flown(keepsCommandLines: keeps)
      flown.text(secret, .cmdline, of: 8)
      let file = flown.file()
      let isInFile = (0..<file.count - secret.count).contains { file[$0..<$0 + secret.count].elementsEqual(secret) }
      #expect(isInFile == keeps)
      let text = Self.texts(try read(file)).first
      #expect(text == (keeps ? .content(FlightBytes(secret)) : .unkept(length: secret.count)))
      #expect(try FlightReader(file).header.keepsCommandLines == keeps)
    }
  }

  /// More different texts than there are numbers, and more than keyframes have room for.
  @Test func textsThatAreForgottenAreToldAgain() throws {
    var random = SplitMix64(seed: 31)
    var flown = Flown()
    let town = Town(processes: 60, seed: 32)
    let texts = (0..<400).map { _ in random.bytes(10 + random.below(120)) }
    flown.beginSurvey()
    flown.endSurvey(town.rows, town.tally)
    for _ in 0..<3000 {
      let row = town.rows[random.below(60)]
      flown.text(texts[random.below(400)], random.isOnce(in: 2) ? .cgroup : .exe, of: row.identity.pid)
    }
    #expect(flown.recorder.ring.number > 5)
    var entries = try read(flown.file())
    guard case .state(let state) = entries.removeFirst().item else {
      Issue.record("no state")
      return
    }
    #expect(!state.texts.isEmpty && state.texts.count < 120)
    let told = flown.entries.suffix(entries.count)
    #expect(zip(entries, told).allSatisfy { $0.isSame($1) })
  }

  /// A process's texts are in the next keyframe as long as it lives, and no longer.
  @Test func aKeyframeHasTheTextsOfThoseThatLive() throws {
    var flown = Flown(ring: 256 * 1024)
    let town = Town(processes: 30, seed: 33)
    for row in town.rows {
      flown.text(Town.cgroup(row), .cgroup, of: row.identity.pid)
      flown.text(Town.program(row), .exe, of: row.identity.pid)
    }
    flown.text([UInt8]("gone".utf8), .exe, of: 99_999)
    for rows in [town.rows, [ProcessFacts](town.rows.prefix(20))] {
      flown.beginSurvey()
      flown.endSurvey(rows, town.tally)
      for _ in 0..<FlightCapacity.segments { flown.recorder.advance() }
      let entries = try read(flown.file())
      guard case .state(let state) = entries.first?.item else {
        Issue.record("no state")
        return
      }
      var expected: [FlightState.Text] = []
      for row in rows {
        let pid = row.identity.pid
        expected.append(.init(pid: pid, file: .cgroup, text: .content(FlightBytes(Town.cgroup(row)))))
        expected.append(.init(pid: pid, file: .exe, text: .content(FlightBytes(Town.program(row)))))
      }
      #expect(state.texts == expected)
      #expect(areSame(state.rows, rows))
    }
  }

  @Test func theMapOfProcessesForgetsThoseInNoRow() {
    var random = SplitMix64(seed: 34)
    for _ in 0..<200 {
      var map = FlightProcesses(processes: 8)
      var kept: Set<Int32> = []
      for _ in 0..<12 {
        let pid = Int32(1 + random.below(40))
        guard let slot = map.take(pid) else { continue }
        map[slot].next = random.isOnce(in: 2) ? FlightProcesses.isUnlisted : FlightProcesses.isLast
        if map[slot].next == FlightProcesses.isLast { kept.insert(pid) } else { kept.remove(pid) }
      }
      map.removeUnlisted()
      #expect(map.count == kept.count)
      for pid in 1...40 as ClosedRange<Int32> { #expect((map.slot(of: pid) != nil) == kept.contains(pid)) }
    }
  }
}
