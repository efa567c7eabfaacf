/**
 * System calls that no tool needs and that would lead out of its limits or deep into the kernel,
 * as a filter of the kernel's: https://www.kernel.org/doc/html/latest/userspace-api/seccomp_filter.html
 *
 * A call that is refused answers "not implemented", which programs know from older kernels.
 */

/** Numbers of the calls, and the name of their table for the kernel. */
interface Calls {
  audit: number
  socket: number
  refused: readonly number[]
}

/**
 * Memory that belongs to no process and so escapes the limits (memfd_create, memfd_secret, shmget,
 * msgget, mq_open), keys of the kernel (add_key, request_key, keyctl), and interfaces with a record
 * of holes: bpf, perf_event_open, userfaultfd, io_uring_setup, fanotify_init, open_by_handle_at,
 * kexec_load, init_module, finit_module, process_vm_readv, process_vm_writev, ptrace, setns,
 * unshare, mount, fsopen, open_tree, move_mount.
 */
const CALLS: Readonly<Record<string, Calls>> = {
  x64: {
    audit: 0xc000_003e,
    socket: 41,
    refused: [
      319, 447, 29, 68, 240, 248, 249, 250, 321, 298, 323, 425, 300, 304, 246, 175, 313, 310, 311,
      101, 308, 272, 165, 430, 428, 429
    ]
  },
  arm64: {
    audit: 0xc000_00b7,
    socket: 198,
    refused: [
      279, 447, 194, 186, 180, 217, 218, 219, 280, 241, 282, 425, 262, 265, 104, 105, 273, 270, 271,
      117, 268, 97, 40, 430, 428, 429
    ]
  }
}

export const hasFilter = (arch: string): boolean => CALLS[arch] !== undefined

/**
 * Families of sockets that have a network namespace: unix, IPv4, IPv6, netlink. Those of a virtual
 * machine to its host (vsock) have none, and would lead out.
 */
const FAMILIES = [1, 2, 10, 16]

const LOAD = 0x20 // of 32 bits, from the description of the call
const JUMP_IF_EQUAL = 0x15
const JUMP_IF_AT_LEAST = 0x35
const RETURN = 0x06
const NUMBER_AT = 0
const AUDIT_AT = 4
const FIRST_ARGUMENT_AT = 16
const ALLOW = 0x7fff_0000
const KILL = 0x8000_0000
const ENOSYS = 0x0005_0000 | 38
const EAFNOSUPPORT = 0x0005_0000 | 97
/** Calls of the x32 ABI have this bit in their number. */
const X32 = 0x4000_0000

/** The program that bubblewrap reads: eight bytes for each instruction. */
export function seccompFilter(arch: string): Buffer {
  const calls = CALLS[arch]
  if (calls === undefined) throw new Error(`no filter for ${arch}`)
  const { audit, socket, refused } = calls
  const ofSockets = FAMILIES.length + 2
  const program = [
    instruction(LOAD, 0, 0, AUDIT_AT),
    instruction(JUMP_IF_EQUAL, 1, 0, audit),
    instruction(RETURN, 0, 0, KILL), // a call of another architecture would mean another number
    instruction(LOAD, 0, 0, NUMBER_AT),
    instruction(JUMP_IF_AT_LEAST, refused.length + ofSockets + 2, 0, X32),
    ...refused.map((call, i) =>
      instruction(JUMP_IF_EQUAL, refused.length - i + ofSockets + 1, 0, call)
    ),
    instruction(JUMP_IF_EQUAL, 0, ofSockets, socket),
    instruction(LOAD, 0, 0, FIRST_ARGUMENT_AT),
    ...FAMILIES.map((family, i) => instruction(JUMP_IF_EQUAL, FAMILIES.length - i, 0, family)),
    instruction(RETURN, 0, 0, EAFNOSUPPORT),
    instruction(RETURN, 0, 0, ALLOW),
    instruction(RETURN, 0, 0, ENOSYS)
  ]
  return Buffer.concat(program)
}

function instruction(code: number, jumpTrue: number, jumpFalse: number, value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt16LE(code, 0)
  bytes.writeUInt8(jumpTrue, 2)
  bytes.writeUInt8(jumpFalse, 3)
  bytes.writeUInt32LE(value >>> 0, 4)
  return bytes
}
