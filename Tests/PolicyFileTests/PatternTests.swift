import Policy
import PolicyFile
import Testing

@Suite struct PatternTests {
  @Test(arguments: [
    ("plain", "plain"), (#"a\*b"#, "a*b"), (#"\\"#, #"\"#), ("/usr/bin/x", "/usr/bin/x"), ("/^java$/", "java"),
    ("]", "]"), ("[a]", "a"), (#"/^a\.b$/"#, "a.b"), ("é", "é"),
    ("/^(a(b))c$/", "abc"), ("/^$/", ""),
  ]) func aPatternOfOneTextIsALiteral(pattern: String, text: String) throws {
    #expect(try Pattern(pattern, flavour: .path).form == .literal(Array(text.utf8)))
  }

  @Test(arguments: [
    ("/batch.slice/**", "/batch.slice", true), ("/batch.slice/**", "/batch.slice/", true),
    ("/batch.slice/**", "/batch.slice/a/b", true), ("/batch.slice/**", "/batch.slices", false),
    ("/batch.slice/**", "/x/batch.slice", false), ("/**", "/", true), ("/**", "/a/b", true),
    ("/a/*", "/a/b", true), ("/a/*", "/a/b/c", false), ("/a/*/c", "/a/b/c", true), ("/a/*/c", "/a/b/d/c", false),
    ("/a/**/c", "/a/b/d/c", true), ("/a/?", "/a//", false), ("/a/[!b]", "/a//", false), ("**/c", "/a/b/c", true),
    ("/a**", "/a/b", true), ("/a**", "/ab", true),
  ]) func starsOfAPathStopAtSlashes(glob: String, path: String, matches: Bool) throws {
    #expect(try Pattern(glob, flavour: .path).matches(Array(path.utf8)) == matches)
  }

  @Test(arguments: [
    ("a*c", "a/b/c", true), ("a?c", "a/c", true), ("*", "", true), ("?", "", false), ("?", "é", false),
    ("??", "é", true), ("a*", "ba", false), ("/a/", "bab", true), ("/^a/", "ba", false), ("/é+x/", "ééx", true),
    ("/^é{2}$/", "éé", true), ("/a/b/", "xa/bx", true),
  ]) func otherFieldsAreMatchedByteByByte(pattern: String, text: String, matches: Bool) throws {
    #expect(try Pattern(pattern, flavour: .plain).matches(Array(text.utf8)) == matches)
  }

  @Test func bytesThatAreNotUTF8AreMatchedToo() throws {
    #expect(try Pattern("a*", flavour: .plain).matches([0x61, 0xFF, 0x00, 0x0A]))
    #expect(try Pattern("/a.b/", flavour: .plain).matches([0x61, 0xFF, 0x62]))
  }

  @Test(arguments: [
    ("/usr/lib/openssh/**", PatternFlavour.path, "/usr/lib/openssh", ""), ("/**", .path, "", ""),
    ("sshd@*.service", .plain, "sshd@", ".service"), ("*", .plain, "", ""), ("a?", .plain, "a", ""),
    (#"a\*[b]*c\*"#, .plain, "a*b", "c*"), ("ü*ü", .plain, "ü", "ü"), ("a*b*c", .plain, "a", "c"),
    ("/^ab+c$/", .plain, "a", "c"), ("/^(ab)(c|d)(ef)$/", .plain, "ab", "ef"),
    // These match anywhere, or have anchors elsewhere, so no part is literal.
    ("/ab+c/", .plain, "", ""), ("/^ab+c/", .plain, "", ""), ("/^ab|cd$/", .plain, "", ""),
    ("/^a(b$|c)d*e$/", .plain, "", ""), ("/^^ab*$/", .plain, "", ""),
  ]) func literalEndsAreNotForTheAutomaton(
    pattern: String, flavour: PatternFlavour, prefix: String, suffix: String
  ) throws {
    guard case .automaton(let found, _, let foundToo) = try Pattern(pattern, flavour: flavour).form else {
      Issue.record("not an automaton")
      return
    }
    #expect(String(decoding: found, as: UTF8.self) == prefix)
    #expect(String(decoding: foundToo, as: UTF8.self) == suffix)
  }

  @Test(arguments: [
    ("aba*aba", "aba", false), ("aba*aba", "ababa", false), ("aba*aba", "abaaba", true), ("a*a", "a", false),
    ("a*a", "aa", true), ("ab?ab", "abab", false), ("/^ab+b$/", "ab", false), ("/^ab+b$/", "abb", true),
    ("/^ax{0}b$/", "ab", true), ("/^ax{0}b$/", "axb", false),
  ]) func literalEndsDoNotOverlap(pattern: String, text: String, matches: Bool) throws {
    #expect(try Pattern(pattern, flavour: .plain).matches(Array(text.utf8)) == matches)
  }

  @Test func aPatternMayHaveAsManyPositionsAsAnAutomatonHolds() throws {
    // One more each is for what may stand before and after.
    let most = try Pattern("/a{254}/", flavour: .plain)
    guard case .automaton(_, let automaton, _) = most.form else {
      Issue.record("not an automaton")
      return
    }
    #expect(automaton.positions.count == Automaton.maximumPositions)
    #expect(most.matches([UInt8](repeating: UInt8(ascii: "a"), count: 254)))
    #expect(!most.matches([UInt8](repeating: UInt8(ascii: "a"), count: 253)))
    #expect(throws: PatternError(offset: 0, tooMany(257), isTooLarge: true)) {
      try Pattern("/a{255}/", flavour: .plain)
    }
  }

  @Test func aPartThatCannotBeReachedTakesNoPosition() throws {
    // With anchors nothing stands before, and `x` can never come after the end.
    guard case .automaton(_, let automaton, _) = try Pattern("/^a+$(x*)/", flavour: .plain).form else {
      Issue.record("not an automaton")
      return
    }
    #expect(automaton.positions == [Automaton.Position(bytes: .only(UInt8(ascii: "a")), follow: .only(0))])
  }

  @Test func aStarAmongLiteralsIsOnePosition() throws {
    guard case .automaton(_, let automaton, _) = try Pattern("sshd@*.service", flavour: .plain).form else {
      Issue.record("not an automaton")
      return
    }
    #expect(automaton.positions == [Automaton.Position(bytes: .set(0), follow: .only(0))])
    #expect(automaton.first == .only(0) && automaton.accepting == .only(0) && automaton.acceptsEmpty)
  }

  @Test(arguments: ["/(a*)*(b|(c*)*)*$/", "/(((a?){9}){5}){5}/", "/(^|$)*x(^|$)*/"])
  func loopsWithinLoopsEnd(pattern: String) throws {
    let compiled = try Pattern(pattern, flavour: .plain)
    #expect(compiled.matches([UInt8](repeating: UInt8(ascii: "x"), count: 300)))
  }

  @Test func theLengthOfAPatternIsBounded() {
    let long = String(repeating: "a", count: 4096)
    #expect(throws: Never.self) { try Pattern(long, flavour: .path) }
    #expect(throws: PatternError.self) { try Pattern(long + "a", flavour: .path) }
    #expect(throws: PatternError.self) { try Pattern("/" + String(repeating: "(a|", count: 400) + "/", flavour: .path) }
  }

  private func tooMany(_ count: Int) -> String {
    "the pattern needs \(count) positions, at most 256, write it shorter or as several"
  }
}
