import Policy
import ProcModel
import Testing

@Suite struct InVainTests {
  @Test func aProcessThatWasKilledInVainIsRememberedByNumberAndStartTime() {
    var inVain = InVain()
    let identity = ProcessIdentity(pid: 7, startTime: Ticks(70))
    #expect(!inVain.contains(identity))
    inVain.insert(identity)
    #expect(inVain.contains(identity))
    #expect(!inVain.contains(ProcessIdentity(pid: 7, startTime: Ticks(71))))
    #expect(!inVain.contains(ProcessIdentity(pid: 8, startTime: Ticks(70))))
  }

  @Test func theOldestIsForgottenFirst() {
    var inVain = InVain()
    func identity(_ number: Int32) -> ProcessIdentity { ProcessIdentity(pid: number, startTime: Ticks(5)) }
    for number: Int32 in 1...64 { inVain.insert(identity(number)) }
    for number: Int32 in 1...64 { #expect(inVain.contains(identity(number))) }
    inVain.insert(identity(65))
    inVain.insert(identity(66))
    for number: Int32 in 1...66 { #expect(inVain.contains(identity(number)) == (number > 2)) }
  }
}
