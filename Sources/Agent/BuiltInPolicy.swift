/// The policy `server` as an image, for an agent that was given none. Generated from policies/server.toml by `make image`.
enum BuiltInPolicy {
  static func image() -> [UInt8] { [] }
}
