/// The content of one kernel file as a value.
package protocol KernelFile {
  /// - Parameter bytes: The content of the whole file.
  /// - Throws: What is wrong with the content, and where.
  init(parsing bytes: Span<UInt8>) throws(ProcParseError)
}

extension Meminfo: KernelFile {}
extension VMStat: KernelFile {}
extension PressureStall: KernelFile {}
extension SwapTable: KernelFile {}
extension Uptime: KernelFile {}
extension ProcessStat: KernelFile {}
extension ProcessStatm: KernelFile {}
extension ProcessStatus: KernelFile {}
extension OomScore: KernelFile {}
extension OomScoreAdj: KernelFile {}
extension SyscallFile: KernelFile {}
extension ProcessStance: KernelFile {}
extension SysctlNumber: KernelFile {}
extension CgroupMembership: KernelFile {}
extension OwnLimitCount: KernelFile {}
extension CgroupAmount: KernelFile {}
extension CgroupMemoryStat: KernelFile {}
extension LimitCounts: KernelFile {}
extension CgroupKillCount: KernelFile {}
