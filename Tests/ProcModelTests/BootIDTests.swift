import Foundation
import ProcModel
import Testing

@Suite struct BootIDTests {
  private static let real = "1e4b4a41-7b1f-4f0c-9d5c-3b9b1a3b9a11"

  @Test(arguments: [real, real + "\n"]) func theKernelsTextIsABootID(text: String) {
    let id = BootID(parsing: Array(text.utf8).span)
    #expect(id != nil && id == BootID(parsing: Array(Self.real.utf8).span))
  }

  @Test(arguments: [
    "", "\n", "1e4b4a41", real.uppercased(), real + "x", "1e4b4a417b1f-4f0c-9d5c-3b9b1a3b9a11-", " " + real.dropLast(),
    real.replacingOccurrences(of: "-", with: "a"), real.replacingOccurrences(of: "e", with: "\""),
  ])
  func anyOtherTextIsNoBootID(text: String) {
    #expect(BootID(parsing: Array(text.utf8).span) == nil)
  }
}
