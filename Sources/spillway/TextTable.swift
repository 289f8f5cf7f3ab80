/// A table for people, cut to the terminal's width.
struct TextTable {
  /// A column: its heading, and whether its cells stand at the right.
  struct Column {
    var heading: String
    var isNumber = false
    /// Where the terminal is too narrow, the column with the highest value is dropped first; one with 0 never is.
    var expendability = 0
  }

  var columns: [Column]
  /// The rows: as many cells as there are columns, and the style of the line.
  var rows: [(cells: [String], style: Output.Style?)] = []

  /// The least width of the last column before other columns are dropped for it.
  private static let roomForLast = 24

  func text(_ output: Output) -> String {
    var widths = columns.indices.map { index in
      rows.reduce(columns[index].heading.count) { max($0, $1.cells[index].count) }
    }
    let kept = keptColumns(&widths, within: output.columns)
    var text = output.styled(line(columns.map(\.heading), widths, kept), .bold) + "\n"
    for row in rows {
      let line = line(row.cells, widths, kept)
      text += (row.style.map { output.styled(line, $0) } ?? line) + "\n"
    }
    return text
  }

  private func keptColumns(_ widths: inout [Int], within limit: Int?) -> [Int] {
    var kept = columns.indices.filter { index in
      index == columns.count - 1 || columns[index].expendability == 0
        || rows.contains { $0.cells[index] != "-" && !$0.cells[index].isEmpty }
    }
    guard let limit else { return kept }
    func total() -> Int { kept.reduce(0) { $0 + widths[$1] + 2 } - 2 }
    let last = columns.count - 1
    while total() > limit {
      let room = widths[last] - (total() - limit)
      if room >= TextTable.roomForLast {
        widths[last] = room
        break
      }
      let gone = kept.filter { columns[$0].expendability > 0 && $0 != last }
        .max { columns[$0].expendability < columns[$1].expendability }
      guard let gone else {
        widths[last] = max(room, 8)
        break
      }
      kept.removeAll { $0 == gone }
    }
    return kept
  }

  private func line(_ cells: [String], _ widths: [Int], _ kept: [Int]) -> String {
    TextTable.line(cells, widths, kept) { columns[$0].isNumber }
  }

  /// A line of a table: its cells at their widths, those that are too long cut.
  ///
  /// - Parameters:
  ///   - kept: The columns that are shown.
  ///   - isNumber: Whether the cells of a column stand at the right.
  static func line(_ cells: [String], _ widths: [Int], _ kept: [Int], isNumber: (Int) -> Bool) -> String {
    var line = ""
    for index in kept {
      let cell = cells[index].count > widths[index] ? cells[index].prefix(widths[index] - 1) + "…" : cells[index]
      let padding = String(repeating: " ", count: widths[index] - cell.count)
      line += (line.isEmpty ? "" : "  ") + (isNumber(index) ? padding + cell : cell + padding)
    }
    while line.last == " " { line.removeLast() }
    return line
  }
}
