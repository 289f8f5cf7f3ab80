import ProcModel
import Record
import Testing

@Suite struct RunIDTests {
  private static func id(_ number: UInt32, _ run: RunID) -> String {
    var text: [UInt8] = []
    text.append(incident: number, of: run)
    return String(decoding: text, as: UTF8.self)
  }

  @Test func anIncidentIsNamedByBootStartAndNumber() {
    let boot = BootID(parsing: Array("1e4b4a41-7b1f-4f0c-9d5c-3b9b1a3b9a11".utf8).span)
    #expect(Self.id(3, RunID(boot: boot, startedAt: .milliseconds(8_412_999))) == "1e4b4a41-8412-3")
    #expect(Self.id(.max, RunID()) == "00000000-0-4294967295")
  }
}
