import ProcModel

/// The names of months as dmesg(1) and syslog write them, in English and in other languages.
enum Months {
  /// Beginnings of names in small letters, the longer before the shorter where they are ambiguous.
  private static let beginnings: [(String, Int64)] = [
    ("juin", 6), ("juil", 7), ("janv", 1), ("févr", 2), ("août", 8), ("märz", 3), ("sept", 9),
    ("jan", 1), ("feb", 2), ("mar", 3), ("apr", 4), ("may", 5), ("jun", 6), ("jul", 7), ("aug", 8), ("sep", 9),
    ("oct", 10), ("nov", 11), ("dec", 12),
    // French, German, Dutch, Spanish, Italian, Portuguese.
    ("fév", 2), ("avr", 4), ("mai", 5), ("aoû", 8), ("déc", 12), ("mär", 3), ("okt", 10), ("dez", 12), ("mrt", 3),
    ("mei", 5), ("ene", 1), ("abr", 4), ("ago", 8), ("dic", 12), ("gen", 1), ("mag", 5), ("giu", 6), ("lug", 7),
    ("set", 9), ("ott", 10), ("fev", 2), ("out", 10),
    // Polish, Russian, Czech.
    ("sty", 1), ("lut", 2), ("kwi", 4), ("maj", 5), ("cze", 6), ("lip", 7), ("sie", 8), ("wrz", 9), ("paź", 10),
    ("lis", 11), ("gru", 12), ("янв", 1), ("фев", 2), ("мар", 3), ("апр", 4), ("мая", 5), ("май", 5), ("июн", 6),
    ("июл", 7), ("авг", 8), ("сен", 9), ("окт", 10), ("ноя", 11), ("дек", 12), ("led", 1), ("úno", 2), ("bře", 3),
    ("dub", 4), ("kvě", 5), ("srp", 8), ("zář", 9), ("říj", 10), ("pro", 12),
  ]

  /// The number of the month that a word names: `Aug`, `août`, `8月`; nil where it names none.
  static func number(of word: ArraySlice<UInt8>) -> Int64? {
    if let first = word.first, first.decimalDigit != nil {
      var cursor = TextCursor(Array(word))
      // Chinese, Japanese and Korean number them, with a word right after the digits.
      guard let number = cursor.number(), let next = cursor.next, next >= 0x80, (1...12).contains(number) else {
        return nil
      }
      return Int64(number)
    }
    let text = String(decoding: word, as: UTF8.self).lowercased()
    return beginnings.first { text.hasPrefix($0.0) }?.1
  }
}
