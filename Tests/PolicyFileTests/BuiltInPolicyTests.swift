import Agent
import Policy
import PolicyFile
import Testing

@Suite struct BuiltInPolicyTests {
  @Test func theBuiltInImageIsThePresetServer() throws {
    let policy = try #require(PolicyCompiler.compile(.server, accounts: AccountLookup([])).policy)
    #expect(BuiltInPolicy.image() == ImageWriter.image(of: policy), "run `make image`")
  }

  @Test func theBuiltInImageIsSmall() {
    // The agent has less than 1 MB in all.
    #expect(BuiltInPolicy.image().count < 16_384)
  }
}
