import FoundationEssentials
package import ProcModel

/// A line of the record, as its fields.
package struct RecordLine: Sendable {
  private var fields: [String: JSONValue]

  package init(_ line: [UInt8]) {
    fields = (try? JSONDecoder().decode([String: JSONValue].self, from: Data(line))) ?? [:]
  }

  package var isDecision: Bool { fields["event"] == .text("decision") }

  var isOfAnIncident: Bool { isDecision || fields["event"] == .text("outcome") }
  /// The value of a field, by its path such as `victim.comm`, as a person would write it; nil where it is null or
  /// missing.
  package subscript(path: String) -> String? {
    var value = JSONValue.object(fields)
    for key in path.split(separator: ".") {
      guard case .object(let object) = value, let next = object[String(key)], next != .null else { return nil }
      value = next
    }
    return value.words
  }

  /// The process that it is about; nil without a victim.
  package var victim: ProcessIdentity? {
    guard let pid = self["victim.pid"].flatMap(Int32.init), let start = self["victim.start_time"].flatMap(UInt64.init)
    else { return nil }
    return ProcessIdentity(pid: pid, startTime: Ticks(start))
  }

  /// The victim that is dead by a signal of the agent, which an outcome tells; nil in any other line.
  var killedVictim: ProcessIdentity? {
    guard fields["event"] == .text("outcome"),
      fields["outcome"] == .text("exited") || fields["outcome"] == .text("killed")
    else { return nil }
    return victim
  }

  /// The incident's number, which is the last part of its name and counts from the agent's start.
  var incidentNumber: Double? {
    get { self["incident"]?.split(separator: "-").last.flatMap { Double($0) } }
    set {
      guard let newValue, let parts = self["incident"]?.split(separator: "-") else { return }
      fields["incident"] = .text((parts.dropLast().map(String.init) + ["\(newValue)"]).joined(separator: "-"))
    }
  }

  /// The episode's number, which counts from the agent's start.
  var episode: Double? {
    get { if case .number(let number) = fields["episode"] { number } else { nil } }
    set { if let newValue { fields["episode"] = .number(newValue) } }
  }

  /// Which incident it is of, in a few words.
  var title: String {
    var name = "no victim"
    if case .object(let victim) = fields["victim"] {
      name = "\(victim["comm"]?.words ?? "?") (\(victim["pid"]?.words ?? "?"))"
    }
    return "\(fields["event"]?.words ?? "?") of incident \(fields["incident"]?.words ?? "?"), \(name)"
  }

  /// The first field that another line has otherwise, with both values. The time of day is not compared: nothing is
  /// decided by it.
  func firstDifference(from other: RecordLine) -> String? {
    JSONValue.object(fields.filter { $0.key != "time" })
      .firstDifference(from: .object(other.fields.filter { $0.key != "time" }), at: "")
  }
}

/// A value of JSON (RFC 8259).
enum JSONValue: Decodable, Equatable, Sendable {
  case null
  case flag(Bool)
  case number(Double)
  case text(String)
  case list([JSONValue])
  case object([String: JSONValue])

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
    } else if let list = try? container.decode([JSONValue].self) {
      self = .list(list)
    } else {
      self = .object(try container.decode([String: JSONValue].self))
    }
  }

  /// As a person would write it.
  var words: String {
    switch self {
    case .null: "null"
    case .flag(let flag): flag ? "true" : "false"
    case .number(let number): number == number.rounded() ? "\(Int64(number))" : "\(number)"
    case .text(let text): text
    case .list(let list): "a list of \(list.count)"
    case .object(let object): "an object of \(object.count)"
    }
  }

  /// - Parameter path: Where the value is, such as `victim.pid`.
  func firstDifference(from other: JSONValue, at path: String) -> String? {
    switch (self, other) {
    case (.object(let one), .object(let other)):
      for key in Set(one.keys).union(other.keys).sorted() {
        let place = path.isEmpty ? key : path + "." + key
        if let difference = JSONValue.difference(one[key], other[key], place) { return difference }
      }
      return nil
    case (.list(let one), .list(let other)):
      for index in 0..<max(one.count, other.count) {
        let (left, right) = (index < one.count ? one[index] : nil, index < other.count ? other[index] : nil)
        if let difference = JSONValue.difference(left, right, "\(path)[\(index)]") { return difference }
      }
      return nil
    default: return self == other ? nil : "\(path) was \(words), and is now \(other.words)"
    }
  }

  private static func difference(_ one: JSONValue?, _ other: JSONValue?, _ path: String) -> String? {
    switch (one, other) {
    case (nil, nil): nil
    case (let one?, let other?): one.firstDifference(from: other, at: path)
    case (let one?, nil): "\(path) was \(one.words), and is not there now"
    case (nil, let other?): "\(path) was not there, and is now \(other.words)"
    }
  }
}
