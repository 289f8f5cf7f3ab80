import ProcModel
