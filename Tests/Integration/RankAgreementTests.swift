import Foundation
import Testing

/// `rank --json` shows of a process what a decision of the agent records of it, from the same files.
@Suite(.serialized, .enabled(if: Namespace.isPossible, "pid namespaces need root"))
struct RankAgreementTests {
  private static let policy = """
    version = 1
    extends = "server"
    [trigger]
    floor = { available = "99%" }
    release = "99.5%"
    [[rule]]
    name = "weighed"
    match = { min_footprint = "1 MiB", max_age = "1000d" }
    weight = 1.5
    [[rule]]
    name = "first"
    match = { comm = ["node", "cc1plus"] }
    order = "first"

    """

  @Test(arguments: ["4.19", "5.10", "6.1"]) func rankAndTheDecisionAgreeFieldByField(tree: String) throws {
    let result = try Namespace.run(
      policy: Self.policy, environment: ["TREE": Namespace.root.path() + "Tests/Fixtures/proc/" + tree],
      """
      "$BIN/spillway" rank --json --policy policy.toml --proc-root "$TREE" 2>/dev/null
      "$BIN/spillway" run --dry-run --config policy.toml --proc-root "$TREE" --record record.jsonl 2>/dev/null &
      agent=$!
      until_record '"event":"decision"'
      kill -TERM $agent; wait $agent
      """)
    let decision = try #require(result.records("decision").first, "\(result.output)\(result.errors)")
    let candidates = try #require(decision["candidates"] as? [NSDictionary])
    try #require(!candidates.isEmpty)
    let line = try #require(result.output.split(separator: "\n").first)
    let ranked = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [NSDictionary])
    for (index, candidate) in candidates.enumerated() {
      // The ranking also shows processes that are too small to be worth killing.
      let same = try #require(ranked.first { $0["pid"] as? Int == candidate["pid"] as? Int }, "\(index)")
      #expect(candidate == same)
    }
    // The order is the same.
    let pids = candidates.map { $0["pid"] as? Int }
    #expect(ranked.map { $0["pid"] as? Int }.filter { pids.contains($0) } == pids)
    // The victim has its cgroup and executable beside that.
    let victim = try #require((decision["victim"] as? NSDictionary)?.mutableCopy() as? NSMutableDictionary)
    #expect(victim["cgroup"] != nil)
    victim.removeObjects(forKeys: ["unit", "cgroup", "exe"])
    #expect(victim == ranked.first { $0["pid"] as? Int == victim["pid"] as? Int })
  }
}
