package server

import "runtime"

func lockThread() { runtime.LockOSThread() }
