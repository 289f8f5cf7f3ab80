import Badness
import Policy
import Pressure
import ProcModel
import Testing

@Suite struct ImageRefusalTests {
  @Test(arguments: [
    "\u{7F}ELF\u{2}\u{1}\u{1}", "#!/bin/sh\n", "version = 1\nextends = \"server\"\n", "{}", "\n", "\0",
    "\u{89}SPW\r\n\u{1A}\n",  // In UTF-8, U+0089 is C2 89.
  ]) func bytesWithAnotherMagicAreForeign(text: String) {
    #expect(refusal([UInt8](text.utf8)) == .foreign)
    #expect(refusal([UInt8](text.utf8) + [UInt8](repeating: 0, count: 1 << 21)) == .foreign)
  }

  @Test func aTransferThatSpoilsLineEndsOrTheEighthBitIsRefused() {
    let image = ImageWriter.image(of: Sample.small.policy)
    #expect(refusal(image.filter { $0 != UInt8(ascii: "\r") }) == .foreign)
    #expect(refusal(image.map { $0 & 0x7F }) == .foreign)
  }

  @Test(arguments: [Sample.empty, Sample.small, Sample.full])
  func anImageCutShortAnywhereIsTruncated(sample: Sample) {
    let image = ImageWriter.image(of: sample.policy)
    for length in 0..<image.count {
      #expect(refusal([UInt8](image[..<length])) == .truncated(found: length))
    }
  }

  @Test func bytesAfterTheEndAreRefused() {
    let image = ImageWriter.image(of: Sample.small.policy)
    for count in [1, 2, 4096] {
      #expect(refusal(image + [UInt8](repeating: 0, count: count)) == .trailing(count))
    }
    #expect(refusal(image + image) == .trailing(image.count))
  }

  @Test func everyChangeOfAByteIsRefused() {
    let image = ImageWriter.image(of: Sample.small.policy)
    for offset in image.indices {
      for change in 1...UInt8.max {
        var altered = image
        altered[offset] ^= change
        let error = refusal(altered)
        switch offset {
        case ..<8: #expect(error == .foreign)
        case 8 where altered[8] == UInt8(ImageLayout.oldestVersion): #expect(error != nil)
        case 8..<10: #expect(error == .unknownVersion(UInt16(altered[8]) | UInt16(altered[9]) << 8))
        case 12..<16: #expect(error != nil)
        default: #expect(error == .altered, "offset \(offset)")
        }
      }
    }
  }

  @Test(arguments: [0, 1, 4, 255, 256, UInt16.max]) func anotherVersionIsNamed(version: UInt16) {
    var image = ImageWriter.image(of: Sample.small.policy)
    image[8] = UInt8(version & 255)
    image[9] = UInt8(version >> 8)
    #expect(refusal(sealed(image)) == .unknownVersion(version))
    // Nothing else of another version's header is looked at.
    #expect(refusal([UInt8](image[..<10])) == .unknownVersion(version))
  }

  @Test func aLengthBeyondTheLargestImageIsRefusedUnread() {
    var image = ImageWriter.image(of: Sample.small.policy)
    image.replaceSubrange(12..<16, with: [0x01, 0x00, 0x04, 0x00])
    #expect(refusal(image) == .tooLarge)
    image.replaceSubrange(12..<16, with: [0xFF, 0xFF, 0xFF, 0xFF])
    #expect(refusal(image) == .tooLarge)
    image.replaceSubrange(12..<16, with: [0x00, 0x00, 0x04, 0x00])
    #expect(refusal(image) == .truncated(found: image.count))
    let short = ImageLayout.tablesOffset - 1
    image.replaceSubrange(12..<16, with: [UInt8(short & 255), UInt8(short >> 8), 0x00, 0x00])
    #expect(refusal(image) == .altered)
  }

  @Test(arguments: ImageSection.allCases) func aSectionElsewhereOrTooLongIsNamed(section: ImageSection) {
    let image = ImageWriter.image(of: Sample.small.policy)
    let entry = ImageLayout.sectionsOffset + 8 * Int(section.rawValue)
    for shift in [1, 2, 128] as [UInt8] {
      var moved = image
      moved[entry] ^= shift
      #expect(refusal(sealed(moved)) == .misplaced(section))
    }
    var counted = image
    counted.replaceSubrange(entry + 4..<entry + 8, with: [0xFF, 0xFF, 0xFF, 0xFF])
    #expect(refusal(sealed(counted)) == .tooMany(section))
  }

  @Test func anErrorNamesTheMistakeAndWhatToDo() {
    #expect(ImageError.foreign.number == nil)
    #expect(ImageError.unknownVersion(2).number == 2)
    #expect(ImageError.invalid(.share, entry: 0).number == nil)
    #expect(ImageError.invalid(.ruleWeight, entry: 7).number == 7)
    #expect(PolicyFault.ruleNameLength.message.contains("\(CompiledPolicy.maximumNameLength) bytes"))
    #expect(PolicyFault.automatonPositions.message.contains("\(Automaton.maximumPositions)"))
    let errors =
      [.foreign, .truncated(found: 1), .unknownVersion(2), .tooLarge, .trailing(1), .altered]
      + ImageSection.allCases.map { ImageError.tooMany($0) } + [.misplaced(.text)]
      + PolicyFault.allCases.map { ImageError.invalid($0, entry: 0) }
    #expect(Set(errors.map(\.message)).count == errors.count)
    #expect(errors.allSatisfy { !$0.advice.isEmpty })
  }
}
