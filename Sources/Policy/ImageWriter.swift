import Badness
import Pressure
import ProcModel

/// Lays a policy out as an image.
package struct ImageWriter {
  private var bytes: [UInt8] = []

  /// The image of `policy`: the same bytes for equal policies, always. Allocates.
  ///
  /// A policy that ``CompiledPolicy/validate()`` refuses has an image that the reader refuses.
  package static func image(of policy: CompiledPolicy) -> [UInt8] {
    var writer = ImageWriter()
    writer.header(of: policy)
    writer.settings(policy.settings)
    writer.measures(policy.measures)
    for domain in policy.domains { writer.domain(domain) }
    for rule in policy.rules { writer.rule(rule) }
    for test in policy.tests { writer.test(test) }
    for alternative in policy.alternatives { writer.alternative(alternative) }
    for pattern in policy.patterns { writer.pattern(pattern) }
    for automaton in policy.automata { writer.automaton(automaton) }
    for automaton in policy.automata {
      for position in automaton.positions { writer.position(position) }
    }
    for automaton in policy.automata {
      for set in automaton.sets { writer.bits(set) }
    }
    for command in policy.commands { writer.command(command) }
    for cgroup in policy.cgroups { writer.slice(cgroup) }
    writer.bytes.append(contentsOf: policy.text)
    writer.put(crc32(writer.bytes.span, from: ImageLayout.checksummedFrom), at: ImageLayout.checksumOffset)
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

  private mutating func settings(_ settings: Settings) {
    put(settings.formula.rawValue)
    put(settings.adjustment.rawValue)
    put(settings.grace.count)
    switch settings.minimumFootprint {
    case .automatic: amount(nil)
    case .amount(let minimum): amount(minimum)
    }
    let thresholds = settings.thresholds
    amount(thresholds.floor.available)
    amount(thresholds.floor.swapFree)
    amount(thresholds.release)
    stall(thresholds.stall)
    thrash(thresholds.thrash)
    forecast(thresholds.forecast)
    limit(thresholds.limit)
    confirmation(thresholds.confirmation)
    put(settings.scope.rawValue)
    put(settings.signal.rawValue)
    swarm(settings.swarm)
  }

  private mutating func measures(_ measures: Measures) {
    hooks(measures.hooks)
    relief(measures.relief)
    lastResort(measures.lastResort)
  }

  // What is off has no figures: zeros stand in their places.

  private mutating func stall(_ stall: Stall?) {
    var kind = ImageLayout.stallOff
    if let stall {
      kind = stall.isFull ? ImageLayout.stallFull : ImageLayout.stallSome
      if !stall.isPatient { kind += ImageLayout.stallIgnoresSwap }
    }
    put(kind)
    put(stall?.share.count ?? 0)
    put(stall?.over.count ?? 0)
    amount(stall?.below)
  }

  private mutating func thrash(_ thrash: Thrash?) {
    put(thrash == nil ? ImageLayout.triggerOff : ImageLayout.triggerOn)
    put(thrash?.refaults.count ?? 0)
    put(thrash?.over.count ?? 0)
    amount(thrash?.swapFree)
  }

  private mutating func forecast(_ forecast: Forecast?) {
    put(forecast == nil ? ImageLayout.triggerOff : ImageLayout.triggerOn)
    put(forecast?.horizon.count ?? 0)
    amount(forecast?.below)
  }

  private mutating func limit(_ limit: Limit?) {
    put(limit == nil ? ImageLayout.triggerOff : ImageLayout.triggerOn)
    amount(limit?.available)
    amount(limit?.swapFree)
  }

  private mutating func confirmation(_ confirmation: Confirmation) {
    let constants: ClassicConstants?
    switch confirmation {
    case .immediate:
      put(ImageLayout.confirmationImmediate)
      constants = nil
    case .classic(let own):
      put(ImageLayout.confirmationClassic)
      constants = own
    }
    put(constants?.gap.count ?? 0)
    put(constants?.youngest.count ?? 0)
    put(constants?.failures ?? 0)
    put(constants?.pause.count ?? 0)
    amount(constants?.swapFree)
  }

  private mutating func swarm(_ swarm: Swarm?) {
    put(swarm == nil ? ImageLayout.triggerOff : ImageLayout.triggerOn)
    put(swarm?.members ?? 0)
    put(swarm?.age.count ?? 0)
    put(swarm?.times ?? 0)
  }

  private mutating func hooks(_ hooks: Hooks) {
    hook(hooks.warn)
    hook(hooks.before)
    put(hooks.beforeTakesOver ? UInt8(1) : 0)
    hook(hooks.after)
    hook(hooks.noCandidate)
  }

  private mutating func hook(_ command: UInt16?) {
    put(command.map { $0 &+ 1 } ?? ImageLayout.commandNone)
  }

  private mutating func relief(_ relief: Relief) {
    put(relief.reclaim)
    put(relief.high == nil ? ImageLayout.triggerOff : ImageLayout.triggerOn)
    put(relief.high?.cgroup ?? 0)
    amount(relief.high?.to)
    put(relief.high?.duration.count ?? 0)
    put(relief.freeze == nil ? ImageLayout.triggerOff : ImageLayout.triggerOn)
    put(relief.freeze?.count ?? 0)
  }

  private mutating func lastResort(_ lastResort: LastResort?) {
    put(lastResort?.action.rawValue ?? ImageLayout.actionNone)
    put(lastResort?.afterVictims ?? 0)
    put(lastResort?.afterStall?.count ?? 0)
  }

  private mutating func amount(_ amount: Amount?) {
    switch amount {
    case nil:
      put(ImageLayout.amountNone)
      put(UInt64(0))
    case .share(let points):
      put(ImageLayout.amountShare)
      put(UInt64(points.count))
    case .size(let size):
      put(ImageLayout.amountSize)
      put(size.count)
    }
  }

  private mutating func domain(_ domain: Domain) {
    slice(domain.name)
    slice(domain.cgroup)
    settings(domain.settings)
  }

  private mutating func rule(_ rule: Rule) {
    slice(rule.name)
    slice(rule.tests)
    put(rule.exceptions)
    put(rule.protects ? UInt8(1) : 0)
    put(rule.order?.rawValue ?? ImageLayout.orderNone)
    put(rule.weight.bitPattern)
    put(rule.scope?.rawValue ?? ImageLayout.scopeNone)
    put(rule.signal?.rawValue ?? ImageLayout.signalNone)
    put(rule.grace == nil ? ImageLayout.graceNone : ImageLayout.graceOwn)
    put(rule.grace?.count ?? 0)
    switch rule.hook {
    case nil: put(ImageLayout.commandNone)
    case .off: put(ImageLayout.commandOff)
    case .command(let index): hook(index)
    }
  }

  private mutating func command(_ command: Command) {
    slice(command.words)
    put(command.uid)
    put(command.gid)
    put(command.limit.count)
  }

  private mutating func test(_ test: FieldTest) {
    put(test.field.rawValue)
    slice(test.alternatives)
  }

  private mutating func alternative(_ alternative: Alternative) {
    switch alternative {
    case .literal(let text):
      put(ImageLayout.alternativeLiteral)
      slice(text)
    case .pattern(let index):
      put(ImageLayout.alternativePattern)
      put(index)
      put(UInt32(0))
    case .range(let low, let high):
      put(ImageLayout.alternativeRange)
      put(low)
      put(high)
    case .capabilities(let set):
      put(ImageLayout.alternativeCapabilities)
      put(set.rawValue)
    case .never:
      put(ImageLayout.alternativeNever)
      put(UInt64(0))
    case .signedRange(let low, let high):
      put(ImageLayout.alternativeSignedRange)
      put(UInt32(bitPattern: low))
      put(UInt32(bitPattern: high))
    case .time(let time):
      put(ImageLayout.alternativeTime)
      put(time.count)
    case .amount(.share(let points)):
      put(ImageLayout.alternativeShare)
      put(UInt64(points.count))
    case .amount(.size(let size)):
      put(ImageLayout.alternativeSize)
      put(size.count)
    case .flag(let flag):
      put(ImageLayout.alternativeFlag)
      put(UInt64(flag ? 1 : 0))
    }
  }

  private mutating func pattern(_ pattern: TextPattern) {
    slice(pattern.prefix)
    put(pattern.automaton)
    slice(pattern.suffix)
  }

  private mutating func automaton(_ automaton: Automaton) {
    put(UInt16(truncatingIfNeeded: automaton.positions.count))
    put(UInt16(truncatingIfNeeded: automaton.sets.count))
    put(automaton.first.rawValue)
    put(automaton.accepting.rawValue)
    put(automaton.acceptsEmpty ? UInt8(1) : 0)
  }

  private mutating func position(_ position: Automaton.Position) {
    put(position.bytes.rawValue)
    put(position.follow.rawValue)
  }

  private mutating func slice(_ slice: Slice) {
    put(slice.start)
    put(slice.count)
  }

  private mutating func bits(_ bits: Bits256) {
    for index in 0..<4 {
      put(bits.words[index])
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
