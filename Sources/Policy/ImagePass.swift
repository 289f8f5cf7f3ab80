import Badness
import Pressure
import ProcModel

/// Something that goes through the fields of a policy in the order in which an image has them (docs/policy-image.md).
///
/// Each record describes its fields once, in ``ImageRecord/pass(through:)``. The reader fills them, the writer lays
/// them out, the check holds their figures to their limits, and the measure counts their bytes: what one of the four
/// knows of a field, all of them know.
protocol ImagePass: ~Copyable, ~Escapable {
  /// The entry at hand of the section at hand, from 0; of the settings it is 0.
  var entry: Int { get }

  /// Passes one number, as many bytes as it has.
  mutating func number<Number: FixedWidthInteger & UnsignedInteger>(_ number: inout Number)

  /// Passes a record that images have since a version of their format. In an older image it is left as it is.
  mutating func record<Record: ImageRecord>(_ record: inout Record, since first: UInt16) throws(ImageError)

  /// Passes how many entries of `section` belong to the record at hand.
  ///
  /// - Throws: ``ImageError/invalid(_:entry:)`` with `fault` where there are fewer.
  mutating func share(_ count: inout UInt16, of section: ImageSection, _ fault: PolicyFault) throws(ImageError)

  /// Passes the bytes of something that is not there: zeros.
  ///
  /// - Throws: ``ImageError/invalid(_:entry:)`` with `fault` where one of them is not zero.
  mutating func absent(bytes: Int, _ fault: PolicyFault) throws(ImageError)

  /// Holds a figure to its limits. The check alone asks: what is read is checked when all of it is there, and what is
  /// written was checked before.
  ///
  /// - Throws: ``ImageError/invalid(_:entry:)`` with `fault` where it is outside.
  func limit(_ isWithin: @autoclosure () -> Bool, _ fault: PolicyFault) throws(ImageError)

  /// Passes all entries of one section.
  mutating func table<Record: ImageRecord>(_ records: inout [Record], _ section: ImageSection) throws(ImageError)
}

/// What stands in an image.
protocol ImageRecord {
  /// One of its kind to be filled, and to be measured.
  static var blank: Self { get }

  mutating func pass<Pass: ImagePass & ~Copyable & ~Escapable>(through pass: inout Pass) throws(ImageError)
}

extension ImageRecord {
  /// The bytes that it takes in an image.
  static var byteCount: Int {
    var measure = ImageMeasure()
    var record = blank
    // A measure refuses nothing.
    try? record.pass(through: &measure)
    return measure.byteCount
  }
}

/// A record that may be absent: a number before it tells whether it is there, and in which form.
protocol OptionalImageRecord: ImageRecord {
  /// Never 0, which says that it is absent.
  var form: UInt8 { get }

  /// One to be filled; nil where there is no such form.
  init?(form: UInt8)
}

extension OptionalImageRecord {
  var form: UInt8 { ImageLayout.on }

  init?(form: UInt8) {
    guard form == ImageLayout.on else { return nil }
    self = Self.blank
  }
}

// What fields are made of.
extension ImagePass where Self: ~Copyable & ~Escapable {
  mutating func record<Record: ImageRecord>(_ record: inout Record) throws(ImageError) {
    try record.pass(through: &self)
  }

  // What is not read is of the present version.
  mutating func record<Record: ImageRecord>(_ record: inout Record, since first: UInt16) throws(ImageError) {
    try record.pass(through: &self)
  }

  /// - Parameter fault: What is said of an unknown form, and of figures where the record is absent.
  mutating func optional<Record: OptionalImageRecord>(
    _ record: inout Record?, _ fault: PolicyFault, absent none: UInt8 = ImageLayout.off
  ) throws(ImageError) {
    var form = record?.form ?? none
    number(&form)
    if form == none {
      try absent(bytes: Record.byteCount, fault)
      record = nil
      return
    }
    var present: Record
    if let known = record, known.form == form {
      present = known
    } else if let blank = Record(form: form) {
      present = blank
    } else {
      throw .invalid(fault, entry: entry)
    }
    try present.pass(through: &self)
    record = present
  }

  /// One of a closed set, by its raw value.
  mutating func choice<Choice: RawRepresentable>(
    _ choice: inout Choice, _ fault: PolicyFault
  ) throws(ImageError) where Choice.RawValue == UInt8 {
    var rawValue = choice.rawValue
    number(&rawValue)
    guard let known = Choice(rawValue: rawValue) else { throw .invalid(fault, entry: entry) }
    choice = known
  }

  /// One of a closed set or none, for which 0 stands.
  mutating func optionalChoice<Choice: RawRepresentable>(
    _ choice: inout Choice?, _ fault: PolicyFault
  ) throws(ImageError) where Choice.RawValue == UInt8 {
    var rawValue = choice?.rawValue ?? ImageLayout.off
    number(&rawValue)
    choice = Choice(rawValue: rawValue)
    guard choice != nil || rawValue == ImageLayout.off else { throw .invalid(fault, entry: entry) }
  }

  mutating func flag(_ flag: inout Bool, _ fault: PolicyFault) throws(ImageError) {
    var number: UInt8 = flag ? 1 : 0
    self.number(&number)
    guard number <= 1 else { throw .invalid(fault, entry: entry) }
    flag = number == 1
  }

  mutating func time(_ time: inout Nanoseconds) {
    var count = time.count
    number(&count)
    time = Nanoseconds(count)
  }

  mutating func time(
    _ time: inout Nanoseconds, in limits: ClosedRange<Nanoseconds>, _ fault: PolicyFault
  ) throws(ImageError) {
    self.time(&time)
    let time = time
    try limit(limits.contains(time), fault)
  }

  /// Basis points.
  mutating func share(
    _ share: inout BasisPoints, in limits: ClosedRange<BasisPoints>, _ fault: PolicyFault
  ) throws(ImageError) {
    number(&share.count)
    let share = share
    try limit(limits.contains(share), fault)
  }

  mutating func number(
    _ number: inout UInt32, in limits: ClosedRange<UInt32>, _ fault: PolicyFault
  ) throws(ImageError) {
    self.number(&number)
    let number = number
    try limit(limits.contains(number), fault)
  }

  /// An amount that must be there.
  mutating func amount(_ amount: inout Amount) throws(ImageError) {
    var present: Amount? = amount
    try optionalAmount(&present)
    guard let present else { throw .invalid(.amount, entry: entry) }
    amount = present
  }

  /// A share is of the whole at most.
  mutating func optionalAmount(_ amount: inout Amount?) throws(ImageError) {
    var (kind, value) = amount?.parts ?? (ImageLayout.off, 0)
    number(&kind)
    number(&value)
    switch kind {
    case ImageLayout.off where value == 0: amount = nil
    case ImageLayout.amountShare:
      guard let points = UInt32(exactly: value) else { throw .invalid(.share, entry: entry) }
      amount = .share(BasisPoints(points))
      try limit(BasisPoints(points) <= .percent(100), .share)
    case ImageLayout.amountSize: amount = .size(KiB(value))
    default: throw .invalid(.amount, entry: entry)
    }
  }

  mutating func slice(_ slice: inout Slice) {
    number(&slice.start)
    number(&slice.count)
  }

  /// A program by its number, or none: 0 is none, and each number is written one higher.
  mutating func command(_ index: inout UInt16?) {
    var number = index.map { $0 &+ 1 } ?? ImageLayout.commandNone
    self.number(&number)
    index = number == ImageLayout.commandNone ? nil : number - 1
  }
}

extension Amount {
  fileprivate var parts: (kind: UInt8, value: UInt64) {
    switch self {
    case .share(let points): (ImageLayout.amountShare, UInt64(points.count))
    case .size(let size): (ImageLayout.amountSize, size.count)
    }
  }
}

/// Counts the bytes that a record takes.
struct ImageMeasure: ImagePass {
  private(set) var byteCount = 0

  let entry = 0

  mutating func number<Number: FixedWidthInteger & UnsignedInteger>(_ number: inout Number) {
    byteCount += Number.bitWidth / 8
  }

  mutating func share(_ count: inout UInt16, of section: ImageSection, _ fault: PolicyFault) throws(ImageError) {
    number(&count)
  }

  mutating func absent(bytes: Int, _ fault: PolicyFault) throws(ImageError) {
    byteCount += bytes
  }

  func limit(_ isWithin: @autoclosure () -> Bool, _ fault: PolicyFault) throws(ImageError) {}

  mutating func table<Record: ImageRecord>(_ records: inout [Record], _ section: ImageSection) throws(ImageError) {
    byteCount += records.count * Record.byteCount
  }
}

/// Holds every figure of a policy to its limits.
struct ImageCheck: ImagePass {
  private(set) var entry = 0

  mutating func number<Number: FixedWidthInteger & UnsignedInteger>(_ number: inout Number) {}

  mutating func share(_ count: inout UInt16, of section: ImageSection, _ fault: PolicyFault) throws(ImageError) {}

  mutating func absent(bytes: Int, _ fault: PolicyFault) throws(ImageError) {}

  func limit(_ isWithin: @autoclosure () -> Bool, _ fault: PolicyFault) throws(ImageError) {
    guard isWithin() else { throw .invalid(fault, entry: entry) }
  }

  mutating func table<Record: ImageRecord>(_ records: inout [Record], _ section: ImageSection) throws(ImageError) {
    for index in records.indices {
      entry = index
      // A copy: the table stays as it is, and is not copied as a whole.
      var record = records[index]
      try record.pass(through: &self)
    }
    entry = 0
  }
}
