/// The policies that come with the program, built into it: `policies/*.toml`, by way of the folder `Presets`.
package enum Preset: String, CaseIterable, Sendable {
  case server
  case classic
  case lowMemoryVPS = "low-memory-vps"
  case database
  case web
  case ciRunner = "ci-runner"
  case container
  case kubernetesNode = "kubernetes-node"
  case desktop

  /// The text of its file.
  package var text: [UInt8] {
    switch self {
    case .server: PackageResources.server_toml
    case .classic: PackageResources.classic_toml
    case .lowMemoryVPS: PackageResources.low_memory_vps_toml
    case .database: PackageResources.database_toml
    case .web: PackageResources.web_toml
    case .ciRunner: PackageResources.ci_runner_toml
    case .container: PackageResources.container_toml
    case .kubernetesNode: PackageResources.kubernetes_node_toml
    case .desktop: PackageResources.desktop_toml
    }
  }

  /// As messages name it.
  package var file: String { "policies/\(rawValue).toml" }
}
