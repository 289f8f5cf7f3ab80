package import Policy
import ProcModel

/// A policy that was in force and is kept for a start whose own policy cannot be used (docs/policy-image.md).
package struct KeptPolicy: Equatable, Sendable {
  /// The whole image.
  package var image: [UInt8]
  /// The file that it was compiled from.
  package var source: [UInt8]
  /// When it came into force, in seconds since 1970-01-01 UTC.
  package var keptAt: UInt64

  package init(image: [UInt8], source: [UInt8], keptAt: UInt64) {
    self.image = image
    self.source = source
    self.keptAt = keptAt
  }

  /// Why bytes cannot be used as a kept policy.
  package enum Fault: Error, Equatable, Sendable {
    case foreign
    /// The format version of the data around the image is not known.
    case unknownVersion(UInt16)
    case damaged
    case tooLarge
    case image(ImageError)

    package var sentence: String {
      switch self {
      case .foreign: "it is no kept policy"
      case .unknownVersion(let version): "it has a format version that this program does not know: \(version)"
      case .damaged: "it was cut short, altered or damaged: its checksum is not right"
      case .tooLarge: "it is larger than a kept policy may be: \(KeptPolicy.maximumLength) bytes"
      case .image(let error): error.message + (error.number.map { ": \($0)" } ?? "")
      }
    }
  }

  /// The file holds `SPWKEPT` and a newline, the format version, a checksum, the time, the length of the source, the
  /// source, and the image.
  private static let magic = Array("SPWKEPT\n".utf8)
  package static let version: UInt16 = 1
  private static let versionOffset = 8
  private static let checksumOffset = 10
  /// The offset from which the checksum counts, up to the end.
  private static let checksummedFrom = 14
  private static let timeOffset = 14
  private static let lengthOffset = 22
  private static let headerSize = 24
  /// The longest path, in bytes (PATH_MAX).
  package static let maximumSource = 4095
  package static let maximumLength = headerSize + maximumSource + ImageLayout.maximumLength

  /// The file's bytes. All numbers are little-endian.
  package var bytes: [UInt8] {
    let source = source.prefix(KeptPolicy.maximumSource)
    var rest: [UInt8] = []
    KeptPolicy.append(keptAt, 8, to: &rest)
    KeptPolicy.append(UInt64(source.count), 2, to: &rest)
    rest += source
    rest += image
    var bytes = KeptPolicy.magic
    KeptPolicy.append(UInt64(KeptPolicy.version), 2, to: &bytes)
    KeptPolicy.append(UInt64(CRC32.of(rest.span)), 4, to: &bytes)
    return bytes + rest
  }

  /// - Throws: ``Fault``, also if this release cannot read the image.
  package init(parsing bytes: [UInt8]) throws(Fault) {
    guard bytes.count <= KeptPolicy.maximumLength else { throw .tooLarge }
    guard bytes.starts(with: KeptPolicy.magic) else { throw bytes.count < KeptPolicy.headerSize ? .damaged : .foreign }
    guard bytes.count >= KeptPolicy.headerSize else { throw .damaged }
    let version = UInt16(truncatingIfNeeded: KeptPolicy.number(in: bytes, at: KeptPolicy.versionOffset, 2))
    guard version == KeptPolicy.version else { throw .unknownVersion(version) }
    let start = KeptPolicy.headerSize + Int(KeptPolicy.number(in: bytes, at: KeptPolicy.lengthOffset, 2))
    let checksum = KeptPolicy.number(in: bytes, at: KeptPolicy.checksumOffset, 4)
    guard start <= bytes.count, checksum == UInt64(CRC32.of(bytes.span, from: KeptPolicy.checksummedFrom)) else {
      throw .damaged
    }
    keptAt = KeptPolicy.number(in: bytes, at: KeptPolicy.timeOffset, 8)
    source = Array(bytes[KeptPolicy.headerSize..<start])
    image = Array(bytes[start...])
    do throws(ImageError) {
      _ = try CompiledPolicy(image: image.span)
    } catch {
      throw .image(error)
    }
  }

  private static func append(_ number: UInt64, _ count: Int, to bytes: inout [UInt8]) {
    for index in 0..<count { bytes.append(UInt8(truncatingIfNeeded: number >> UInt64(8 * index))) }
  }

  private static func number(in bytes: [UInt8], at offset: Int, _ count: Int) -> UInt64 {
    (0..<count).reduce(0) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * $1) }
  }
}
