import Agent
import ArgumentParser
import Policy
import PolicyFile

struct Check: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Read policy files and say what is wrong with them.",
    discussion: """
      Silent with exit code 0 where all are right; otherwise FILE:LINE:COLUMN: error: … and exit code 78. The drop-ins
      in policy.d beside each file are read with it.
      """)

  @Argument(help: ArgumentHelp("Policy files.", valueName: "file"))
  var files: [String]

  @Flag(name: .shortAndLong, help: "Show each policy as it was compiled.")
  var verbose = false

  func run() throws {
    try reportingFailures { () throws(Failure) in
      var hasErrors = false
      for file in files {
        let compilation = try LoadedPolicy.compile(path: file, inspectsAnyway: true)
        for diagnostic in compilation.diagnostics {
          StandardError.write("\(diagnostic)\n")
        }
        guard let policy = compilation.policy else {
          hasErrors = true
          continue
        }
        do throws(ImageError) {
          try policy.validate()
        } catch {
          StandardError.write("\(file):1:1: error: \(error.sentence)\n")
          hasErrors = true
        }
        if verbose { Output().write(describe(policy, patterns: compilation.patterns)) }
      }
      if hasErrors { throw Failure(.configuration, "") }
    }
  }
}
