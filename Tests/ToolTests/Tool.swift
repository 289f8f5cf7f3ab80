import Foundation

/// The tool as a program of its own, in a folder of its own.
struct Tool: ~Copyable {
  struct Result {
    var status: Int32
    var output: String
    var errors: String
  }

  private static let program = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: ".build/debug/spillway")

  /// Its working directory.
  let folder = FileManager.default.temporaryDirectory.appending(path: "spillway-\(UUID().uuidString)")

  private let program: URL

  /// - Parameter isCopied: Whether the program lies alone in its working directory, without the agent's beside it.
  init(copied isCopied: Bool = false) throws {
    program = isCopied ? folder.appending(path: "spillway") : Tool.program
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    if isCopied { try FileManager.default.copyItem(at: Tool.program.resolvingSymlinksInPath(), to: program) }
  }

  deinit {
    try? FileManager.default.removeItem(at: folder)
  }

  /// Where it lies.
  var path: URL { program }

  func write(_ text: String, to name: String) throws {
    try Data(text.utf8).write(to: folder.appending(path: name))
  }

  func read(_ name: String) throws -> String {
    try String(contentsOf: folder.appending(path: name), encoding: .utf8)
  }

  func run(_ words: String...) throws -> Result { try run(words) }

  func run(_ words: [String], environment: [String: String] = [:]) throws -> Result {
    let process = Process()
    process.executableURL = program
    if !environment.isEmpty {
      process.environment = ProcessInfo.processInfo.environment.merging(environment) { _, own in own }
    }
    process.arguments = words
    process.currentDirectoryURL = folder
    let (output, errors) = (folder.appending(path: ".output"), folder.appending(path: ".errors"))
    for file in [output, errors] { try Data().write(to: file) }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = try FileHandle(forWritingTo: errors)
    try process.run()
    process.waitUntilExit()
    return Result(
      status: process.terminationStatus, output: try read(".output"), errors: try read(".errors"))
  }
}
