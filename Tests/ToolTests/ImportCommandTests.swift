import Foundation
import Testing

/// `spillway import`: what it reads and where it writes. The policies that it writes have their own tests.
@Suite struct ImportCommandTests {
  @Test func theImportedPolicyPassesTheCheck() throws {
    let tool = try Tool()
    try tool.write("EARLYOOM_ARGS=\"-m 7 --ignore sshd --unheard-of\"\n", to: "earlyoom")
    let shown = try tool.run("import", "earlyoom", "earlyoom")
    #expect(shown.status == 0)
    #expect(shown.output.contains("available = \"7%\""))
    #expect(shown.errors.hasPrefix("earlyoom:1:35: warning: \"--unheard-of\" is no option"))
    let written = try tool.run("import", "earlyoom", "earlyoom", "-o", "policy.toml")
    #expect(written.status == 0 && written.output.isEmpty)
    #expect(try tool.read("policy.toml") == shown.output)
    let check = try tool.run("check", "policy.toml")
    #expect(check.status == 0)
    #expect(check.errors.contains("any process can give itself this name"))
  }

  @Test func anExistingFileIsReplacedOnlyWithForce() throws {
    let tool = try Tool()
    try tool.write("min_sleep = 1\n", to: "nohang.conf")
    try tool.write("mine", to: "policy.toml")
    let refused = try tool.run("import", "nohang", "nohang.conf", "-o", "policy.toml")
    #expect(refused.status == 64)
    #expect(refused.errors.contains("policy.toml exists already"))
    #expect(try tool.read("policy.toml") == "mine")
    #expect(try tool.run("import", "nohang", "nohang.conf", "-o", "policy.toml", "--force").status == 0)
    #expect(try tool.read("policy.toml").contains("Made by `spillway import nohang`"))
  }

  @Test func eachMistakeHasItsExitCode() throws {
    let tool = try Tool()
    try tool.write("EARLYOOM_ARGS=-m much", to: "earlyoom")
    let wrong = try tool.run("import", "earlyoom", "earlyoom", "-o", "policy.toml")
    #expect(wrong.status == 78)
    #expect(wrong.errors.hasPrefix("earlyoom:1:15: error: "))
    #expect(throws: (any Error).self) { try tool.read("policy.toml") }
    #expect(try tool.run("import", "earlyoom", "missing").status == 78)
    #expect(try tool.run("import", "oomd").status == 64)
    try tool.write("", to: "empty")
    for (agent, file) in [
      ("earlyoom", "empty"), ("nohang", "empty"), ("nohang", "earlyoom"), ("earlyoom", "/etc/passwd"),
      ("nohang", "/etc/passwd"), ("earlyoom", "/usr/bin/env"), ("nohang", "/usr/bin/env"),
    ] {
      let refused = try tool.run("import", agent, file, "-o", "policy.toml")
      #expect(refused.status == 78 && refused.errors.contains("is it the right file?"), "\(agent) \(file)")
      #expect(throws: (any Error).self) { try tool.read("policy.toml") }
    }
    try tool.write("min_sleep = 1\n", to: "nohang.conf")
    #expect(try tool.run("import", "nohang", "nohang.conf", "-o", "missing/policy.toml").status == 64)
  }
}
