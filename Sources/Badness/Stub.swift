import ProcModel

func classicScore<S: TermSink>(_ p: ProcessFacts, units: KernelUnits, terms: inout S) -> Double { 0 }
func linux24Score<S: TermSink>(_ p: ProcessFacts, units: KernelUnits, terms: inout S) -> Double { 0 }
func linux26Score<S: TermSink>(_ p: ProcessFacts, units: KernelUnits, adjustment: OomScoreAdjUse, terms: inout S)
  -> Double
{ 0 }
func linuxScore<S: TermSink>(_ p: ProcessFacts, on: MachineFacts, adjustment: OomScoreAdjUse, terms: inout S) -> Double
{ 0 }
func oomScoreScore<S: TermSink>(_ p: ProcessFacts, terms: inout S) -> Double { 0 }
func footprintScore<S: TermSink>(_ p: ProcessFacts, terms: inout S) -> Double { 0 }
func spillwayScore<S: TermSink>(_ p: ProcessFacts, units: KernelUnits, adjustment: OomScoreAdjUse, terms: inout S)
  -> Double
{ 0 }
