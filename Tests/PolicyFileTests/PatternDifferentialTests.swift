import Fixtures
import Glibc
import Policy
import Testing

@testable import PolicyFile

/// Our patterns compared with those of the C library, on generated pairs that are the same in every run.
///
/// Two things are left out, because glibc 2.36 is wrong about them, and are compared with the definition of a match
/// instead: it loses a `^` or `$` within a group that is repeated (it finds `(b|x$){2}` in "bxb"), and takes a newline
/// for the end of a line without being asked to (it finds `.(^.$)` in "a\nb").
@Suite struct PatternDifferentialTests {
  @Test(arguments: 0..<20) func regexAgreesWithRegexec(seed: Int) throws {
    var random = SplitMix64(seed: UInt64(seed))
    var matched = 0
    for _ in 0..<60 {
      let expression = RegexGenerator(repeatsAnchors: false).expression(&random)
      let pattern = try compiled(expression)
      let reference = try #require(Reference(expression), "regcomp refuses \(expression)")
      for _ in 0..<25 {
        let text = RegexGenerator.text(&random).filter { $0 != "\n" }
        let expected = reference.finds(text)
        if expected { matched += 1 }
        #expect(pattern?.matches(Array(text.utf8)) ?? false == expected, "/\(expression)/ on \"\(text)\"")
      }
    }
    // If the texts never matched, or always did, this would show nothing.
    #expect((100...1400).contains(matched), "\(matched)")
  }

  @Test(arguments: 0..<20) func regexAgreesWithItsDefinition(seed: Int) throws {
    var random = SplitMix64(seed: 500 + UInt64(seed))
    for _ in 0..<60 {
      let expression = RegexGenerator(repeatsAnchors: true).expression(&random)
      let pattern = try compiled(expression)
      var parser = RegexParser(PatternCursor(Array(expression.utf8)))
      let node = try parser.parse()
      for _ in 0..<25 {
        let text = Array(RegexGenerator.text(&random).utf8)
        let expected = (0...text.count).contains { !node.ends(in: text, from: $0).isEmpty }
        #expect(pattern?.matches(text) ?? false == expected, "/\(expression)/ on \(text)")
      }
    }
  }

  /// Nil where it can never match. That is a mistake of the operator, but the pattern has a meaning.
  private func compiled(_ expression: String) throws -> Pattern? {
    do {
      return try Pattern("/" + expression + "/", flavour: .plain)
    } catch  where error.message.hasPrefix("the pattern can never match") {
      return nil
    }
  }

  @Test(arguments: 0..<20, [PatternFlavour.path, .plain])
  func globAgreesWithFnmatch(seed: Int, flavour: PatternFlavour) throws {
    var random = SplitMix64(seed: 1000 + UInt64(seed))
    var matched = 0
    for _ in 0..<80 {
      let glob = GlobGenerator.glob(&random)
      let texts = (0..<25).map { _ in GlobGenerator.text(&random) }
      matched += try matches(glob, flavour, texts)
    }
    #expect((10...1900).contains(matched), "\(matched)")
  }

  /// The texts have two letters, so that both ends of a pattern often fit a text that is too short for both.
  @Test(arguments: 0..<20, [PatternFlavour.path, .plain])
  func globWithLiteralEndsAgreesWithFnmatch(seed: Int, flavour: PatternFlavour) throws {
    var random = SplitMix64(seed: 2000 + UInt64(seed))
    var matched = 0
    for _ in 0..<80 {
      let prefix = GlobGenerator.letters(&random)
      let middle = random.pick(["*", "?", "[ab]", "[!a]", "*/*", "?*", "*a*"])
      let suffix = GlobGenerator.letters(&random)
      let texts = (0..<25).map { _ in
        random.pick(["", "a", prefix]) + GlobGenerator.letters(&random) + random.pick(["", "/", suffix])
      }
      matched += try matches(prefix + middle + suffix, flavour, texts)
    }
    #expect((100...1900).contains(matched), "\(matched)")
  }

  /// The number of `texts` that the glob matches. For each of them it has to agree with fnmatch(3).
  private func matches(_ glob: String, _ flavour: PatternFlavour, _ texts: [String]) throws -> Int {
    let pattern = try Pattern(glob, flavour: flavour)
    var matched = 0
    for text in texts {
      let expected = unsafe fnmatch(glob, text, flavour == .path ? FNM_PATHNAME : 0) == 0
      if expected { matched += 1 }
      #expect(pattern.matches(Array(text.utf8)) == expected, "\(glob) on \"\(text)\"")
    }
    return matched
  }

  @Test(arguments: [
    "*a", "a|*b", "(*a)", "+", "?", "{2}", "(a", "[a", "[b-a]", "[[:alfa:]]", "a{2,1}", "a{x}", "a{2", "a\\",
  ]) func anExpressionThatRegcompRefusesIsRefused(expression: String) {
    #expect(Reference(expression) == nil)
    #expect(throws: PatternError.self) { try Pattern("/\(expression)/", flavour: .plain) }
  }
}

/// A compiled `regex_t`.
@safe private final class Reference {
  private var compiled: regex_t = unsafe regex_t()

  init?(_ expression: String) {
    guard unsafe regcomp(&compiled, expression, REG_EXTENDED | REG_NOSUB) == 0 else { return nil }
  }

  deinit { unsafe regfree(&compiled) }

  func finds(_ text: String) -> Bool {
    unsafe regexec(&compiled, text, 0, nil, 0) == 0
  }
}

extension SplitMix64 {
  mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }

  mutating func pick(_ choices: [String]) -> String { choices[below(choices.count)] }
}

extension PatternNode {
  /// The places at which a match from `start` on can end, by the definition of the pattern.
  func ends(in text: [UInt8], from start: Int) -> Set<Int> {
    switch self {
    case .empty: return [start]
    case .begin: return start == 0 ? [start] : []
    case .end: return start == text.count ? [start] : []
    case .bytes(let set): return start < text.count && set.contains(text[start]) ? [start + 1] : []
    case .choice(let parts): return parts.reduce(into: []) { $0.formUnion($1.ends(in: text, from: start)) }
    case .sequence(let parts):
      return parts.reduce([start]) { starts, part in
        starts.reduce(into: []) { $0.formUnion(part.ends(in: text, from: $1)) }
      }
    case .repeated(let body, let least, let most):
      var current: Set<Int> = [start]
      var found: Set<Int> = least == 0 ? current : []
      // Without a bound, more rounds than there are bytes find every end.
      for round in 1..<max((most ?? least + text.count + 1) + 1, 1) {
        current = current.reduce(into: []) { $0.formUnion(body.ends(in: text, from: $1)) }
        if round >= least { found.formUnion(current) }
      }
      return found
    }
  }
}

private struct RegexGenerator {
  /// Whether a group that holds `^` or `$` may be repeated.
  let repeatsAnchors: Bool

  func expression(_ random: inout SplitMix64, depth: Int = 0) -> String {
    (0..<(1 + random.below(3))).map { _ in branch(&random, depth) }.joined(separator: "|")
  }

  private func branch(_ random: inout SplitMix64, _ depth: Int) -> String {
    var text = random.below(4) == 0 ? "^" : ""
    for _ in 0..<(1 + random.below(4)) {
      let piece = atom(&random, depth)
      text += piece
      let isAnchored = piece.hasPrefix("(") && (piece.contains("^") || piece.contains("$"))
      if random.below(3) == 0, repeatsAnchors || !isAnchored {
        text += random.pick(["*", "+", "?", "{2}", "{1,2}", "{0,3}", "{2,}", "{0}"])
      }
    }
    return random.below(4) == 0 ? text + "$" : text
  }

  private func atom(_ random: inout SplitMix64, _ depth: Int) -> String {
    if depth < 2, random.below(4) == 0 { return "(" + expression(&random, depth: depth + 1) + ")" }
    return random.pick([
      "a", "b", "c", "a", "b", ".", "[ab]", "[^a]", "[a-c]", "[^[:space:]]", "[[:digit:]]", "[]a]", "[b-]",
      "[[:upper:][:digit:]]", "\\.", "\\*", "\\$", "\\w", "\\S", "[\\]", "]", "}", "/", "[[.-.]]", "[[=c=]]",
    ])
  }

  static func text(_ random: inout SplitMix64) -> String {
    (0..<random.below(9)).map { _ in
      random.pick(["a", "b", "c", "a", "b", "A", "0", "-", ".", "*", "$", "^", " ", "\n", "]", "\\", "/", "é"])
    }.joined()
  }
}

private enum GlobGenerator {
  static func glob(_ random: inout SplitMix64) -> String {
    var glob = ""
    for _ in 0..<(1 + random.below(6)) {
      var piece = random.pick([
        "a", "b", "/", "*", "?", "[ab]", "[!a]", "[^b]", "[a-c]", "[]a]", "[!]a]", "[[:alpha:]]", "\\*", "\\a", ".",
        "[\\]]", "[a-]", "]", "-",
      ])
      // Two stars side by side mean more here than for fnmatch(3).
      if glob.hasSuffix("*"), !glob.hasSuffix("\\*"), piece == "*" { piece = "a" }
      glob += piece
    }
    // Between two slashes it would be a regular expression.
    return glob.hasPrefix("/") && glob.hasSuffix("/") ? glob + "a" : glob
  }

  static func letters(_ random: inout SplitMix64) -> String {
    (0..<random.below(4)).map { _ in random.pick(["a", "b"]) }.joined()
  }

  static func text(_ random: inout SplitMix64) -> String {
    (0..<random.below(7)).map { _ in random.pick(["a", "b", "c", "a", "b", "/", "*", ".", "]", "-", "Z"]) }.joined()
  }
}
