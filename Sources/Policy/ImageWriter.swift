import Pressure
import ProcModel

/// Lays a policy out as an image.
package struct ImageWriter: ImagePass {
  private var bytes: [UInt8] = []
  let entry = 0

  /// The image of `policy`: the same bytes for equal policies, always. Allocates.
  ///
  /// A policy that ``CompiledPolicy/validate()`` refuses has an image that the reader refuses.
  package static func image(of policy: CompiledPolicy) -> [UInt8] {
    var writer = ImageWriter()
    writer.header(of: policy)
    var policy = policy
    // A writer refuses nothing.
    try? policy.pass(through: &writer)
    writer.put(CRC32.of(writer.bytes.span, from: ImageLayout.checksummedFrom), at: ImageLayout.checksumOffset)
    return writer.bytes
  }

  private mutating func header(of policy: CompiledPolicy) {
    var end = ImageLayout.tablesOffset
    for section in ImageSection.allCases {
      end += policy.count(of: section) * section.recordSize
    }
    bytes.reserveCapacity(end)
    for index in ImageLayout.magic.indices {
      bytes.append(ImageLayout.magic[index])
    }
    put(ImageLayout.version)
    put(UInt16(ImageLayout.headerSize))
    put(UInt32(truncatingIfNeeded: end))
    put(UInt32(0))  // The checksum, once all is there.
    var offset = ImageLayout.tablesOffset
    for section in ImageSection.allCases {
      let count = policy.count(of: section)
      put(UInt32(truncatingIfNeeded: offset))
      put(UInt32(truncatingIfNeeded: count))
      offset += count * section.recordSize
    }
  }

  mutating func number<Number: FixedWidthInteger & UnsignedInteger>(_ number: inout Number) {
    put(number)
  }

  mutating func share(_ count: inout UInt16, of section: ImageSection, _ fault: PolicyFault) throws(ImageError) {
    put(count)
  }

  mutating func absent(bytes count: Int, _ fault: PolicyFault) throws(ImageError) {
    for _ in 0..<count { bytes.append(0) }
  }

  func limit(_ isWithin: @autoclosure () -> Bool, _ fault: PolicyFault) throws(ImageError) {}

  mutating func table<Record: ImageRecord>(_ records: inout [Record], _ section: ImageSection) throws(ImageError) {
    for index in records.indices {
      var record = records[index]
      try record.pass(through: &self)
    }
  }

  private mutating func put<Number: FixedWidthInteger & UnsignedInteger>(_ number: Number) {
    for shift in stride(from: 0, to: Number.bitWidth, by: 8) {
      bytes.append(UInt8(truncatingIfNeeded: number >> shift))
    }
  }

  private mutating func put(_ number: UInt32, at offset: Int) {
    for index in 0..<4 {
      bytes[offset + index] = UInt8(truncatingIfNeeded: number >> (8 * index))
    }
  }
}
