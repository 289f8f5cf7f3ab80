/// The known word that was most likely meant by an unknown one; nil where there is none. It is the only known word at
/// the least edit distance, which is at most 2 and less than half of the word's length.
func nearest(to word: String, among known: [String]) -> String? {
  let typed = Array(word.lowercased().unicodeScalars)
  // A key of more than 64 letters is no typing mistake.
  guard typed.count <= 64 else { return nil }
  let ranked = known.map { (word: $0, distance: editDistance(typed, Array($0.lowercased().unicodeScalars))) }
  guard let best = ranked.min(by: { $0.distance < $1.distance }), best.distance <= 2,
    best.distance * 2 < max(typed.count, best.word.count), ranked.count(where: { $0.distance == best.distance }) == 1
  else { return nil }
  return best.word
}

/// The least number of insertions, deletions, replacements and swaps of neighbours that turn one word into the other
/// (the restricted Damerau-Levenshtein distance).
private func editDistance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
  var beforeLast: [Int] = []
  var last = Array(0...right.count)
  for row in 0..<left.count {
    var current = [row + 1]
    for column in 0..<right.count {
      var cost = last[column] + (left[row] == right[column] ? 0 : 1)
      cost = min(cost, last[column + 1] + 1, current[column] + 1)
      if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
        cost = min(cost, beforeLast[column - 1] + 1)
      }
      current.append(cost)
    }
    beforeLast = last
    last = current
  }
  return last[right.count]
}
