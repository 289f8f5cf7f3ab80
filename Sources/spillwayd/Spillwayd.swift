import Agent
import LinuxSystem

/// The resident agent's entry point.
@main
enum Spillwayd {
  static func main() {
    let words = (try? OwnProcess.arguments()) ?? []
    OwnProcess.exit(runCommandLine(words.dropFirst()).rawValue)
  }
}
