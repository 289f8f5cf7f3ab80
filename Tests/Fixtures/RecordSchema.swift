package import Foundation

/// packaging/schema/record.schema.json, and the part of JSON Schema (2020-12) that it uses: `type`, `const`, `enum`, `pattern`,
/// `minimum`, `maximum`, `maxItems`, `properties`, `required`, `items`, `allOf`, `anyOf`, `if` with `then`, and `$ref` to `$defs`.
///
/// It is stricter than the schema in one thing: a member that the schema does not name is a problem, so that the schema has
/// each member that is written.
package struct RecordSchema: Sendable {
  private let root: [String: Value]
  private let definitions: [String: Value]

  /// Words of JSON Schema that say nothing of a value.
  private static let notes: Set<String> = ["$schema", "title", "description", "$defs", "then"]

  package static let shared = RecordSchema()

  private init() {
    let file = Fixture.repository.appending(path: "packaging/schema/record.schema.json")
    guard let data = try? Data(contentsOf: file),
      case .object(let root)? = try? JSONDecoder().decode(Value.self, from: data),
      case .object(let definitions)? = root["$defs"]
    else { fatalError("no schema at \(file.path())") }
    (self.root, self.definitions) = (root, definitions)
  }

  /// What is wrong with a line of the record; empty where nothing is.
  package func problems(_ line: Data) -> [String] {
    guard let value = try? JSONDecoder().decode(Value.self, from: line) else { return ["no JSON"] }
    var problems: [String] = []
    check(value, root, "", &problems)
    return problems
  }

  /// The names of a closed list: of a definition, or of a member of one, as `hook.occasion`.
  package func names(_ path: String) -> Set<String>? {
    let parts = path.split(separator: ".").map(String.init)
    var schema = definitions[parts[0]]
    for part in parts.dropFirst() {
      guard case .object(let object)? = schema, case .object(let properties)? = object["properties"] else { return nil }
      schema = properties[part]
    }
    guard case .object(let object)? = schema, case .list(let list)? = object["enum"] else { return nil }
    return Set(list.compactMap { if case .text(let name) = $0 { name } else { nil } })
  }

  /// The names of the events that there are.
  package var events: Set<String> {
    guard case .object(let properties)? = root["properties"], case .object(let event)? = properties["event"],
      case .list(let list)? = event["enum"]
    else { return [] }
    return Set(list.compactMap { if case .text(let name) = $0 { name } else { nil } })
  }

  // MARK: -

  private func check(_ value: Value, _ schema: [String: Value], _ place: String, _ problems: inout [String]) {
    var named: Set<String> = []
    apply(schema, to: value, place, &named, &problems)
    guard case .object(let object) = value else { return }
    for key in object.keys.sorted() where !named.contains(key) {
      problems.append("\(place).\(key) is not in the schema")
    }
  }

  /// - Parameter named: The members that a schema names which is for this value.
  private func apply(
    _ schema: [String: Value], to value: Value, _ place: String, _ named: inout Set<String>, _ problems: inout [String]
  ) {
    for (word, rule) in schema.sorted(by: { $0.key < $1.key }) where !Self.notes.contains(word) {
      switch (word, rule) {
      case ("$ref", .text(let reference)):
        guard case .object(let definition)? = definitions[String(reference.dropFirst("#/$defs/".count))] else {
          problems.append("\(reference) is not defined")
          continue
        }
        apply(definition, to: value, place, &named, &problems)
      case ("allOf", .list(let parts)):
        for case .object(let part) in parts { apply(part, to: value, place, &named, &problems) }
      case ("anyOf", .list(let parts)): applyAny(parts, to: value, place, &named, &problems)
      case ("if", .object(let condition)):
        var (ignored, found): (Set<String>, [String]) = ([], [])
        apply(condition, to: value, place, &ignored, &found)
        if found.isEmpty, case .object(let consequence)? = schema["then"] {
          apply(consequence, to: value, place, &named, &problems)
        }
      case ("properties", .object(let members)):
        guard case .object(let object) = value else { continue }
        for (key, member) in members.sorted(by: { $0.key < $1.key }) {
          named.insert(key)
          if let value = object[key], case .object(let member) = member {
            check(value, member, "\(place).\(key)", &problems)
          }
        }
      case ("items", .object(let member)):
        guard case .list(let list) = value else { continue }
        for (index, item) in list.enumerated() { check(item, member, "\(place)[\(index)]", &problems) }
      default:
        if let problem = Self.problem(of: value, word, rule) { problems.append("\(place) \(problem)") }
      }
    }
  }

  private func applyAny(
    _ parts: [Value], to value: Value, _ place: String, _ named: inout Set<String>, _ problems: inout [String]
  ) {
    var reasons: [String] = []
    for case .object(let part) in parts {
      var (names, found): (Set<String>, [String]) = ([], [])
      apply(part, to: value, place, &names, &found)
      if found.isEmpty {
        named.formUnion(names)
        return
      }
      reasons += found
    }
    problems += reasons
  }

  /// What is wrong by one word of a schema that needs no other.
  private static func problem(of value: Value, _ word: String, _ rule: Value) -> String? {
    switch (word, rule, value) {
    case ("type", .text(let type), _): value.is(type) ? nil : "is no \(type)"
    case ("type", .list(let types), _):
      types.contains { if case .text(let type) = $0 { value.is(type) } else { false } } ? nil : "is none of \(types)"
    case ("const", _, _): value == rule ? nil : "is not \(rule)"
    case ("enum", .list(let values), _): values.contains(value) ? nil : "is \(value), which is not in the list"
    case ("pattern", .text(let pattern), .text(let text)):
      (try? Regex(pattern).firstMatch(in: text)) != nil ? nil : "is \(text), which has another form than \(pattern)"
    case ("minimum", .number(let least), .number(let number)): number >= least ? nil : "is \(number), below \(least)"
    case ("maximum", .number(let most), .number(let number)): number <= most ? nil : "is \(number), above \(most)"
    case ("maxItems", .number(let most), .list(let list)): Double(list.count) <= most ? nil : "has \(list.count) items"
    case ("required", .list(let names), .object(let object)):
      names.first { if case .text(let name) = $0 { object[name] == nil } else { false } }.map { "has no \($0)" }
    case ("pattern", .text, _), ("minimum", .number, _), ("maximum", .number, _), ("maxItems", .number, _),
      ("required", .list, _):
      nil
    default: "has a schema that is not understood: \(word)"
    }
  }

  fileprivate enum Value: Decodable, Equatable, Sendable {
    case null
    case flag(Bool)
    case number(Double)
    case text(String)
    case list([Value])
    case object([String: Value])

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if container.decodeNil() {
        self = .null
      } else if let flag = try? container.decode(Bool.self) {
        self = .flag(flag)
      } else if let number = try? container.decode(Double.self) {
        self = .number(number)
      } else if let text = try? container.decode(String.self) {
        self = .text(text)
      } else if let list = try? container.decode([Value].self) {
        self = .list(list)
      } else {
        self = .object(try container.decode([String: Value].self))
      }
    }

    func `is`(_ type: String) -> Bool {
      switch self {
      case .null: type == "null"
      case .flag: type == "boolean"
      case .number(let number): type == "number" || type == "integer" && number == number.rounded()
      case .text: type == "string"
      case .list: type == "array"
      case .object: type == "object"
      }
    }
  }
}
