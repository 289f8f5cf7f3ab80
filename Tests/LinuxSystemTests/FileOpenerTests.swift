import Fixtures
import Foundation
import LinuxSystem
import Testing

@Suite struct FileOpenerTests {
  @Test func aFileIsOpenedAndGivenOnce() throws {
    let folder = try TemporaryFolder()
    let opener = try FileOpener(CPath(folder.path + "/new"), .write, [.create, .append])
    for _ in 0..<3 {
      try opener.begin()
      opener.wait(milliseconds: 10_000)
      switch try opener.take() {
      case .some(let file): try file.write(Array("x".utf8).span)
      case .none: Issue.record("it was not opened")
      }
      #expect(throws: Errno.wouldBlock) { _ = try opener.take() }
    }
    #expect(try String(contentsOfFile: folder.path + "/new", encoding: .utf8) == "xxx")
  }

  @Test func theReasonOfAFailureIsThatOfOpen() throws {
    let folder = try TemporaryFolder()
    let opener = try FileOpener(CPath(folder.path + "/missing/new"), .write, .create)
    try opener.begin()
    opener.wait(milliseconds: 10_000)
    #expect(throws: Errno.noSuchFile) { _ = try opener.take() }
    try folder.makeFolder("missing")
    try opener.begin()
    opener.wait(milliseconds: 10_000)
    #expect(try isThere(opener.take()))
    #expect(throws: Errno(ENAMETOOLONG)) {
      _ = try FileOpener(CPath(String(repeating: "x", count: 4096)), .read, [])
    }
  }

  /// A pipe without a reader: open(2) waits for one, as it waits for a file system that does not answer.
  @Test func aFileThatDoesNotAnswerIsNotWaitedFor() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/pipe"
    let made = unsafe mkfifo(path, 0o600)
    try #require(made == 0)
    let opener = try FileOpener(CPath(path), .write, [])
    try opener.begin()
    opener.wait(milliseconds: 0)
    let isBusy = opener.isBusy
    #expect(isBusy)
    #expect(try !isThere(opener.take()))
    #expect(throws: Errno.busy) { try opener.begin() }
    let reader = try OwnedDescriptor.open(CPath(path), .read, .nonBlocking)
    opener.wait(milliseconds: 10_000)
    #expect(try isThere(opener.take()))
    _ = consume reader
  }

  private func isThere(_ file: consuming OwnedDescriptor?) -> Bool {
    switch consume file {
    case .some: true
    case .none: false
    }
  }
}
