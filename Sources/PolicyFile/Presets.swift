/// The policies that are built into the program: `policies/*.toml`, by way of the directory `Presets`.
package enum Preset: String, CaseIterable, Sendable {
  case server
  case classic
  case lowMemoryVPS = "low-memory-vps"
  case database
  case web
  case ciRunner = "ci-runner"
  case agentHost = "agent-host"
  case container
  case kubernetesNode = "kubernetes-node"
  case desktop

  /// The text of the preset's file.
  package var text: [UInt8] {
    switch self {
    case .server: PackageResources.server_toml
    case .classic: PackageResources.classic_toml
    case .lowMemoryVPS: PackageResources.low_memory_vps_toml
    case .database: PackageResources.database_toml
    case .web: PackageResources.web_toml
    case .ciRunner: PackageResources.ci_runner_toml
    case .agentHost: PackageResources.agent_host_toml
    case .container: PackageResources.container_toml
    case .kubernetesNode: PackageResources.kubernetes_node_toml
    case .desktop: PackageResources.desktop_toml
    }
  }

  /// The part of a message about an unknown preset that names the existing ones, and the one that was probably meant.
  package static func listed(nearTo name: String) -> String {
    var names = allCases.map(\.rawValue)
    // The name may be a path such as /usr/share/spillway/policies/server.toml.
    let file = name.split(separator: "/").last.map(String.init) ?? name
    let word = (file.hasSuffix(".toml") ? String(file.dropLast(5)) : file).lowercased()
    let near =
      names.first { $0 == word } ?? nearest(to: word, among: names)
      ?? names.first { $0.hasPrefix(word) && !word.isEmpty }
    guard let near else { return "there are " + names.map(quoted).joined(separator: ", ") }
    names.removeAll { $0 == near }
    return "did you mean \"\(near)\"? There are also " + names.map(quoted).joined(separator: ", ")
  }

  /// The name of the preset's file in messages.
  package var file: String { "policies/\(rawValue).toml" }
}
