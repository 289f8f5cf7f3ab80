import FoundationEssentials
import LinuxSystem
import Policy
import PolicyFile
import Record

/// A compiled policy, and where it was found.
struct LoadedPolicy {
  /// The file's path as given, or `built-in: server`.
  var name: String
  /// Absolute; nil for the built-in policy.
  var path: String?
  var policy: CompiledPolicy
  /// The patterns as the policy writes them, for messages.
  var patterns: [String]

  static let systemPath = "/etc/spillway/spillway.toml"

  /// Loads the policy of a file; without one that of the system, or the built-in preset `server` if the system has
  /// none.
  ///
  /// Diagnostics go to standard error.
  static func load(_ file: String?) throws(Failure) -> LoadedPolicy {
    if let path = file ?? (FileManager.default.fileExists(atPath: systemPath) ? systemPath : nil) {
      return try load(path: path)
    }
    let folder = PolicyFolder.folder(beside: systemPath)
    if FileManager.default.fileExists(atPath: folder) {
      StandardError.write(
        "spillway: \(folder) is not read without \(systemPath); create it, with version = 1 and extends = \"server\"\n")
    }
    return try load(.server)
  }

  /// Like `load`, but `name` may also be that of a preset. A file of that name is preferred.
  static func named(_ name: String?) throws(Failure) -> LoadedPolicy {
    guard let name, !FileManager.default.fileExists(atPath: name) else { return try load(name) }
    if let preset = Preset(rawValue: name) { return try load(preset) }
    if name.contains("/") { return try load(name) }
    throw Failure(
      .configuration,
      "\(visible(Array(name.utf8).span)): no such file, and no preset of that name: "
        + Preset.listed(nearTo: name))
  }

  private static func load(_ preset: Preset) throws(Failure) -> LoadedPolicy {
    let compilation = PolicyCompiler.compile(preset, accounts: .live)
    return try LoadedPolicy(compilation, name: "built-in: \(preset.rawValue)", path: nil)
  }

  static func load(path: String) throws(Failure) -> LoadedPolicy {
    try LoadedPolicy(try compile(path: path, inspectsAnyway: false), name: path, path: path.absolute)
  }

  /// Reads and compiles a file with its drop-ins. The result may hold errors.
  ///
  /// - Parameter inspectsAnyway: Whether the content is also checked if a user other than root can change the file.
  static func compile(path: String, inspectsAnyway: Bool) throws(Failure) -> PolicyCompilation {
    let folder: PolicyFolder
    do throws(PolicyFolder.Missing) {
      folder = try PolicyFolder(
        path: path, from: FileManager.default.currentDirectoryPath, user: OwnProcess.effectiveUID)
    } catch {
      let isForbidden = error.errno == .accessDenied || error.errno == .notPermitted
      throw Failure(
        isForbidden ? .noPermission : .configuration,
        isForbidden ? "\(path): may not be read" : "\(path): cannot be read: does it exist, and is it a regular file?")
    }
    return PolicyCompiler.compile(folder, accounts: .live, inspectsAnyway: inspectsAnyway)
  }

  /// The content of a file that was named on the command line.
  static func bytes(of path: String) throws(Failure) -> [UInt8] {
    do {
      return [UInt8](try Data(contentsOf: URL(filePath: path)))
    } catch {
      let isForbidden = (error as? CocoaError)?.code == .fileReadNoPermission
      throw Failure(
        isForbidden ? .noPermission : .configuration,
        isForbidden ? "\(path): may not be read" : "\(path): cannot be read: does it exist, and is it a regular file?")
    }
  }

  init(name: String, path: String?, policy: CompiledPolicy, patterns: [String]) {
    self.name = name
    self.path = path
    self.policy = policy
    self.patterns = patterns
  }

  private init(_ compilation: PolicyCompilation, name: String, path: String?) throws(Failure) {
    for diagnostic in compilation.diagnostics {
      StandardError.write(diagnostic.text)
    }
    guard let policy = compilation.policy else {
      let first = compilation.diagnostics.first { $0.severity == .error }
      throw Failure(.configuration, "", told: first?.description ?? "")
    }
    self.name = name
    self.path = path
    self.policy = policy
    patterns = compilation.patterns
  }

  /// The policy's image, validated.
  func image() throws(Failure) -> [UInt8] {
    do throws(ImageError) {
      try policy.validate()
    } catch {
      throw Failure(.configuration, "\(name): \(error.sentence)")
    }
    return ImageWriter.image(of: policy)
  }
}

extension ImageError {
  var sentence: String {
    var text: [UInt8] = []
    text.append(self)
    return String(decoding: text, as: UTF8.self)
  }
}

extension String {
  /// This path from the root.
  var absolute: String {
    hasPrefix("/") ? self : FileManager.default.currentDirectoryPath + "/" + self
  }
}
