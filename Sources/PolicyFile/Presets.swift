/// The policies that come with the program, built into it: `policies/*.toml`, by way of the folder `Presets`.
package enum Preset: String, CaseIterable, Sendable {
  case server
  case classic

  /// The text of its file.
  package var text: [UInt8] {
    switch self {
    case .server: PackageResources.server_toml
    case .classic: PackageResources.classic_toml
    }
  }

  /// As messages name it.
  package var file: String { "policies/\(rawValue).toml" }
}
