/// Something that the reader of a source has to tell: what it could not read, and what was no line of its kind.
package struct ReadingNote: Equatable, Sendable {
  /// The source's name, such as a path.
  package var source: String
  /// The line that it is about first; nil where it is about all of the source.
  package var line: UInt64?
  package var text: String
  /// How many more lines of the source it is about.
  package var others: UInt64 = 0
  /// Whether the source could not be read for want of a permission.
  package var isDenial = false

  package init(_ source: String, line: UInt64? = nil, _ text: String, isDenial: Bool = false) {
    self.source = source
    self.line = line
    self.text = text
    self.isDenial = isDenial
  }

  /// `decisions.jsonl.1:3412: the line is cut off or damaged, and left out (and 3 more)`.
  package var sentence: String {
    let place = line.map { "\(source):\($0)" } ?? source
    return "\(place): \(text)" + (others > 0 ? " (and \(others) more)" : "")
  }
}

/// Notes of all sources: the same of one source is told once, with a count.
package struct ReadingNotes: Sendable {
  package private(set) var notes: [ReadingNote] = []
  /// The number of sources that could be read.
  package var sourcesRead = 0

  package init() {}

  package mutating func add(_ note: ReadingNote) {
    if let index = notes.lastIndex(where: { $0.source == note.source && $0.text == note.text }) {
      notes[index].others += 1
    } else {
      notes.append(note)
    }
  }

  package var hasDenials: Bool { notes.contains { $0.isDenial } }
}
