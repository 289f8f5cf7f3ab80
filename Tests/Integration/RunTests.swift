import Foundation
import Testing

/// The agent as a service: how it starts, reloads and stops.
@Suite(.serialized, .enabled(if: Namespace.isPossible, "pid namespaces need root"))
struct RunTests {
  private static let never = """
    version = 1
    [trigger]
    floor = { available = "1 KiB" }

    """

  @Test(arguments: ["TERM", "INT"]) func theAgentStopsAtSIGTERMAndSIGINT(signal: String) throws {
    let result = try Namespace.run(
      policy: Self.never,
      """
      agent
      until_record '"event":"start"'
      kill -\(signal) $agent; wait $agent; echo "ended with $?"
      """)
    #expect(result.output.contains("ended with 0"))
    #expect(result.records("stop").first?["reason"] as? String == "SIG" + signal)
  }

  /// As for a service of `Type=notify` under systemd. A name that begins with `@` is in no file system.
  @Test(arguments: ["$PWD/notify", "@spillway-$$-notify"]) func theAgentTellsTheServiceManagerWhenItIsReady(
    socket: String
  ) throws {
    let result = try Namespace.run(
      policy: Self.never,
      """
      export NOTIFY_SOCKET="\(socket)"
      python3 -c '
      import os, socket
      manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
      manager.settimeout(20)
      manager.bind(os.environ["NOTIFY_SOCKET"].replace("@", chr(0)))
      open("bound", "w").close()
      print("told", manager.recv(64).decode(), flush=True)' &
      manager=$!
      until [ -e bound ]; do kill -0 $manager || exit 1; sleep 0.05; done
      printf 'version = 1\n[trigger]\nfloor = { availlable = "100%%" }\n' >mistake.toml
      "$BIN/spillway" run --strict --config mistake.toml; echo "mistake: $?"
      agent
      wait $manager; finish
      """)
    #expect(result.output.contains("mistake: 78\ntold READY=1\nSTATUS=armed; policy /"))
    #expect(result.errors.contains("ready") == false)
    #expect(result.output.contains("agent status 0"))
  }

  @Test func anAgentThatCannotTellThatItIsReadyRunsAllTheSame() throws {
    let result = try Namespace.run(
      policy: Self.never, environment: ["NOTIFY_SOCKET": "/nonexistent/notify"],
      """
      agent
      until_record '"event":"start"'
      finish
      """)
    #expect(result.errors.contains("the service manager was not told that the agent is ready"))
    #expect(result.output.contains("agent status 0"))
  }

  @Test func aNewPolicyComesIntoForceOnSIGHUP() throws {
    let result = try Namespace.run(
      policy: Self.never,
      """
      start hog --mib 60
      agent
      until_record '"event":"start"'
      sed -i 's/1 KiB/100%/' policy.toml
      kill -HUP $agent
      until_record '"event":"outcome"'
      finish
      """)
    #expect(result.records("reload").first?["outcome"] as? String == "in_force")
    #expect(!result.isAlive("hog"))
  }

  @Test func aPolicyWithAMistakeLeavesTheOldOneInForce() throws {
    let result = try Namespace.run(
      policy: Self.never,
      """
      start hog --mib 60
      agent
      until_record '"event":"start"'
      printf 'version = 1\\n[trigger]\\nfloor = { availlable = "100%%" }\\n' >policy.toml
      kill -HUP $agent
      until_record '"event":"reload"'
      sleep 0.5
      finish
      """)
    #expect(result.records("reload").first?["outcome"] as? String == "refused")
    #expect(result.errors.contains("policy.toml:3:"))
    #expect(result.isAlive("hog"))
    #expect(result.records("decision").isEmpty)
    #expect(result.output.contains("agent status 0"))
  }

  @Test func onlyTheCapabilitiesInUseAreKept() throws {
    let result = try Namespace.run(
      policy: Self.never,
      """
      agent
      until_record '"event":"start"'
      grep -E '^(CapEff|CapPrm|CapInh|CapAmb|NoNewPrivs|CapBnd):' "/proc/$agent/status"
      finish
      """)
    // CAP_DAC_READ_SEARCH 2, CAP_KILL 5, CAP_IPC_LOCK 14, CAP_SYS_PTRACE 19, CAP_SYS_NICE 23.
    let kept: UInt64 = 1 << 2 | 1 << 5 | 1 << 14 | 1 << 19 | 1 << 23
    func mask(_ name: String) throws -> UInt64 {
      let line = try #require(result.output.split(separator: "\n").first { $0.hasPrefix(name + ":") })
      return try #require(UInt64(line.split(separator: "\t").last ?? "", radix: 16))
    }
    #expect(try mask("CapEff") & ~kept == 0)
    #expect(try mask("CapPrm") == mask("CapEff"))
    #expect(try mask("CapBnd") & ~kept == 0)
    #expect(try mask("CapInh") == 0)
    #expect(try mask("CapAmb") == 0)
    #expect(try mask("CapEff") & 1 << 5 != 0)
    #expect(result.output.contains("NoNewPrivs:\t1"))
  }

  @Test func anArmedAgentRefusesAProcRootOfAnotherPidNamespace() throws {
    let result = try Namespace.run(
      policy: Self.never,
      """
      mkdir tree; cp /proc/meminfo /proc/uptime tree/
      "$BIN/spillway" run --config policy.toml --proc-root tree; echo "armed: $?"
      timeout 1 "$BIN/spillway" run --config policy.toml --proc-root tree --dry-run; echo "dry: $?"
      """)
    #expect(result.output.contains("armed: 64"))
    #expect(result.output.contains("dry: 124"))
    #expect(result.errors.contains("add --dry-run"))
  }

  @Test(arguments: [
    ("run --strict --config missing.toml", 78), ("run --bogus", 64), ("compile policy.toml", 64),
    ("rank --formula nonsense", 64),
    ("rank --proc-root missing", 64), ("explain 4194303", 64), ("check missing.toml", 78), ("check policy.toml", 0),
    ("run --strict --config policy.toml --record missing/record", 64), ("run --dry-run --proc-root missing", 64),
  ]) func exitCodesAreThoseOfTheManual(words: String, code: Int) throws {
    let result = try Namespace.run(policy: Self.never, "\"$BIN/spillway\" \(words); echo \"code $?\"")
    #expect(result.output.contains("code \(code)\n"), "\(result.output)\(result.errors)")
  }

  /// timeout(1) is too small to be worth killing. The survey of a decision leaves it out, and its `stat` is read for
  /// it.
  @Test func anAncestorThatADecisionLeavesOutCounts() throws {
    let result = try Namespace.run(
      policy: Self.never
        + "[[rule]]\nname = \"first\"\nmatch = { ancestor = \"timeout\", min_footprint = \"20 MiB\" }\norder = \"first\"\n",
      """
      start big --mib 200
      timeout --foreground 100 "$TEST_PROGRAM" --name small --mib 60 >small.ready &
      until grep -q ready small.ready; do sleep 0.05; done
      agent
      until_record '"event":"start"'
      sed -i 's/1 KiB/100%/' policy.toml
      until_record '"event":"outcome"'
      finish
      """)
    let victim = try #require(result.records("decision").first?["victim"] as? [String: Any])
    #expect(victim["comm"] as? String == "small", "\(result.output)\(result.errors)")
  }

  @Test func aDropInIsReadAndReadAgainOnSIGHUP() throws {
    let result = try Namespace.run(
      policy: Self.never,
      """
      start hog --mib 60
      start kept --mib 200
      mkdir policy.d
      printf 'version = 1\\n[[rule]]\\nname = "kept"\\nmatch.comm = "kept"\\nprotect = true\\n' >policy.d/kept.toml
      agent
      until_record '"event":"start"'
      printf 'version = 1\\n[trigger]\\nfloor = { available = "100%%" }\\n' >policy.d/now.toml
      kill -HUP $agent
      until_record '"event":"outcome"'
      finish
      """)
    #expect(result.records("reload").first?["outcome"] as? String == "in_force")
    #expect(!result.isAlive("hog") && result.isAlive("kept"))
  }

  @Test func aChangedFileIsReadByItselfAndOnce() throws {
    let result = try Namespace.run(
      policy: Self.never,
      """
      agent
      until_record '"event":"start"'
      sed -e 's/1 KiB/2 KiB/' policy.toml >new.toml; mv new.toml policy.toml
      mkdir policy.d
      rule='match.uid = 4711\\nprotect = true\\n'
      printf "version = 1\\n[[rule]]\\nname = \\"one\\"\\n$rule" >policy.d/1.toml
      until_record '"event":"reload"'
      printf "version = 1\\n[[rule]]\\nname = \\"two\\"\\n$rule" >policy.d/1.toml
      until_record '"added":\\["two"\\]'
      printf "verson = 1\\n" >policy.d/1.toml
      until_record '"outcome":"refused"'
      finish
      """)
    let changes = result.records("reload").map { $0["changes"] as? [String: Any] }
    try #require(changes.count == 3, "\(result.output)\(result.errors)")
    #expect(changes[0]?["settings"] as? Bool == true && changes[0]?["added"] as? [String] == ["one"])
    #expect(changes[1]?["settings"] as? Bool == false && changes[1]?["removed"] as? [String] == ["one"])
    #expect(changes[2] == nil)
    #expect(result.errors.contains("in force: 1 rules; 1 added, settings changed"))
    #expect(result.errors.contains("policy.d/1.toml:1:1: error: unknown key"))
  }

  @Test(arguments: [
    "chmod 666 policy.toml", "chown 1234 policy.toml", "chmod 775 .", "ln -s policy.toml p; chown -h 1 p",
  ])
  func aPolicyThatOthersCanChangeIsRefused(spoil: String) throws {
    let result = try Namespace.run(
      policy: Self.never,
      """
      \(spoil)
      file=policy.toml; [ ! -e p ] || file=p
      for command in 'check' 'compile -o image'; do
        "$BIN/spillway" $command $file; echo "$command $?"
      done
      "$BIN/spillway" run --strict --dry-run --config $file; echo "run $?"
      "$BIN/spillway" rank --policy $file >/dev/null; echo "rank $?"
      "$BIN/spillway" compile -o /dev/null /dev/stdin <$file; echo "handed over $?"
      """)
    for command in ["check", "compile -o image", "run", "rank"] {
      #expect(result.output.contains("\(command) 78\n"), "\(result.output)\(result.errors)")
    }
    #expect(result.output.contains("handed over 0\n"))
    #expect(result.errors.contains(": error: /") && result.errors.contains(", ch"))
  }

  @Test func aCheckPrintsJSONAndLooksAtTheMachine() throws {
    let result = try Namespace.run(
      policy: Self.never + "[[rule]]\nname = \"nobody's\"\nmatch.exe = \"/no/such\"\nprotect = true\nbogus = 1\n",
      """
      "$BIN/spillway" check --json policy.toml; echo "json $?"
      sed -i -e /bogus/d -e 's/1 KiB/99.99%/' policy.toml
      "$BIN/spillway" check --live policy.toml; echo "live $?"
      "$BIN/spillway" check policy.toml 2>/dev/null; echo "quiet $?"
      """)
    let line = try #require(result.output.split(separator: "\n").first)
    let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: [[String: Any]]])
    let finding = try #require(object["findings"]?.first)
    #expect(finding["file"] as? String == "policy.toml" && finding["severity"] as? String == "error")
    #expect(finding["line"] as? Int == 8 && finding["column"] as? Int == 1 && finding["end_column"] as? Int == 6)
    #expect(finding["message"] as? String == "unknown key \"bogus\" in [[rule]]")
    #expect((finding["help"] as? String)?.hasPrefix("known here are ") == true)
    #expect(result.output.contains("json 78\n") && result.output.contains("live 0\n"))
    #expect(result.output.contains("quiet 0\n"))
    #expect(result.errors.contains("policy.toml:5:8: warning: the rule protects no process"))
    #expect(result.errors.contains("policy.toml:1:1: warning: the trigger floor is true now"))
  }

  @Test func aReloadRefusesAPolicyThatOthersCanChange() throws {
    let result = try Namespace.run(
      policy: Self.never,
      """
      agent
      until_record '"event":"start"'
      chmod o+w policy.toml
      kill -HUP $agent
      until_record '"event":"reload"'
      finish
      """)
    #expect(result.records("reload").first?["outcome"] as? String == "refused")
    #expect(result.errors.contains("chmod go-w"))
  }

  @Test func aDamagedImageIsRefused() throws {
    let result = try Namespace.run(
      policy: Self.never,
      """
      "$BIN/spillway" compile policy.toml -o whole.image
      size=$(wc -c <whole.image)
      head -c $((size - 1)) whole.image >short.image
      printf 'x' | cat - whole.image >foreign.image
      cp whole.image altered.image; printf '\\377' | dd of=altered.image bs=1 seek=$((size - 1)) conv=notrunc 2>/dev/null
      for image in short foreign altered; do
        timeout 5 "$BIN/spillwayd" --dry-run --image $image.image; echo "$image $?"
      done
      timeout 1 "$BIN/spillwayd" --dry-run --image whole.image; echo "whole $?"
      """)
    for image in ["short", "foreign", "altered"] {
      #expect(result.output.contains("\(image) 78\n"), "\(result.output)")
    }
    // The message names the mistake, the figure that belongs to it, and what to do.
    #expect(result.errors.contains("cut short; bytes there: "), "\(result.errors)")
    #expect(result.errors.contains("; compile the policy again"))
    // The agent ran until timeout(1) sent it SIGTERM.
    #expect(result.output.contains("whole 124\n"), "\(result.output)")
  }
}
