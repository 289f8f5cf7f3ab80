import Foundation
import LinuxSystem
import Policy
import ProcModel
import Testing

@testable import Agent
@testable import PolicyFile

@Suite struct KeptPolicyTests {
  private static let kept = KeptPolicy(
    image: BuiltInPolicy.image(), source: Array("/etc/spillway/spillway.toml".utf8), keptAt: 1_795_183_320)

  private static func fault(of bytes: [UInt8]) -> KeptPolicy.Fault? {
    do throws(KeptPolicy.Fault) {
      _ = try KeptPolicy(parsing: bytes)
      return nil
    } catch {
      return error
    }
  }

  @Test func aKeptPolicyIsReadAgain() throws {
    #expect(try KeptPolicy(parsing: Self.kept.bytes) == Self.kept)
    let nameless = KeptPolicy(image: Self.kept.image, source: [], keptAt: .max)
    #expect(try KeptPolicy(parsing: nameless.bytes) == nameless)
  }

  @Test func aPartOfAKeptPolicyIsRefused() {
    let bytes = Self.kept.bytes
    for count in 0..<bytes.count {
      #expect(Self.fault(of: Array(bytes[..<count])) == .damaged, "\(count)")
    }
    #expect(Self.fault(of: bytes + [0]) == .damaged)
  }

  @Test func aKeptPolicyWithAChangedByteIsRefused() {
    let bytes = Self.kept.bytes
    for index in bytes.indices where index < 64 || index % 97 == 0 {
      var changed = bytes
      changed[index] ^= 0x20
      let expected: KeptPolicy.Fault =
        index < 8 ? .foreign : index == 8 ? .unknownVersion(0x21) : index == 9 ? .unknownVersion(0x2001) : .damaged
      #expect(Self.fault(of: changed) == expected, "\(index)")
    }
  }

  /// An image of another release is whole, and may not be used.
  @Test func anImageOfAnotherFormatIsRefused() {
    var other = Self.kept
    other.image[8] = 9
    #expect(Self.fault(of: other.bytes) == .image(.unknownVersion(9)))
    other.image = []
    #expect(Self.fault(of: other.bytes) == .image(.truncated(found: 0)))
    other.image = [UInt8](repeating: 0, count: KeptPolicy.maximumLength)
    #expect(Self.fault(of: other.bytes) == .tooLarge)
  }
}

@Suite(.enabled(if: geteuid() == 0, "files of another user need root")) struct PolicyStoreTests {
  private final class Folder {
    let path = FileManager.default.temporaryDirectory.appending(path: "spillway-\(UUID().uuidString)").path()
    let image: String
    var store: PolicyStore { PolicyStore(path, user: 0) }

    init() throws {
      image = path + "/policy.image"
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    }

    deinit {
      try? FileManager.default.removeItem(atPath: path)
    }
  }

  private static let kept = KeptPolicy(image: BuiltInPolicy.image(), source: Array("/p.toml".utf8), keptAt: 1)

  @Test func onlyTheOwnerMayReadTheFileAndItReplacesTheLastOne() throws {
    let folder = try Folder()
    try folder.store.keep(Self.kept)
    var newer = Self.kept
    newer.keptAt = 2
    // The temporary file of a writer that was killed.
    try Data("half".utf8).write(to: URL(filePath: folder.image + ".new"))
    try folder.store.keep(newer)
    #expect(try folder.store.read() == newer)
    let attributes = try FileManager.default.attributesOfItem(atPath: folder.image)
    #expect(attributes[.posixPermissions] as? Int == 0o600)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["policy.image"])
  }

  @Test func aPolicyThatCannotBeWrittenLeavesTheLastOne() throws {
    let folder = try Folder()
    try folder.store.keep(Self.kept)
    try FileManager.default.createDirectory(atPath: folder.image + ".new", withIntermediateDirectories: false)
    #expect(throws: Errno.exists) { try folder.store.keep(Self.kept) }
    #expect(try folder.store.read() == Self.kept)
    #expect(throws: Errno.noSuchFile) { try PolicyStore(folder.path + "/missing", user: 0).keep(Self.kept) }
  }

  @Test(arguments: ["mode", "folder", "owner", "link", "pipe", "directory", "missing", "long"])
  func aFileThatOthersCanChangeIsNotUsed(spoil: String) throws {
    let folder = try Folder()
    let files = FileManager.default
    try folder.store.keep(Self.kept)
    switch spoil {
    case "mode": try files.setAttributes([.posixPermissions: 0o622], ofItemAtPath: folder.image)
    case "folder": try files.setAttributes([.posixPermissions: 0o777], ofItemAtPath: folder.path)
    case "owner": try files.setAttributes([.ownerAccountID: 1234], ofItemAtPath: folder.image)
    case "long": try Data(count: KeptPolicy.maximumLength + 1).write(to: URL(filePath: folder.image))
    default: try files.removeItem(atPath: folder.image)
    }
    switch spoil {
    case "link":
      try files.createSymbolicLink(atPath: folder.image, withDestinationPath: "/dev/zero")
    case "pipe":
      let made = unsafe mkfifo(folder.image, 0o600)
      #expect(made == 0)
    case "directory": try files.createDirectory(atPath: folder.image, withIntermediateDirectories: false)
    default: break
    }
    do throws(PolicyStore.Refusal) {
      _ = try folder.store.read()
      Issue.record("it was used")
    } catch {
      #expect(error.text.contains(spoil == "folder" ? folder.path : folder.image), "\(error.text)")
    }
  }

  @Test func aNoteCountsWhileItsAgentLives() throws {
    let folder = try Folder()
    #expect(try folder.store.note() == nil)
    let own = try #require(FallbackNote.identity(of: getpid()))
    let note = FallbackNote(agent: own, sentence: "the LAST GOOD policy, because a = b\nand more")
    try folder.store.note(note)
    let read = try #require(try folder.store.note())
    #expect(read.agent == own && read.sentence == "the LAST GOOD policy, because a = b and more")
    #expect(read.isOfTheLiving)
    var other = note
    other.agent.startTime = Ticks(own.startTime.count + 1)
    #expect(!other.isOfTheLiving)
    try Data("rubbish".utf8).write(to: URL(filePath: folder.path + "/policy.fallback"))
    #expect(try folder.store.note() == nil)
    folder.store.clearNote()
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/policy.fallback"))
    folder.store.clearNote()
  }
}
