/** What a machine has, and how much of it is in use. */
import type { WorkerBody } from '../../mesh/bodies.ts'
import { Meter } from '../../ui/parts.tsx'
import { nameOf } from '../../mesh/live.ts'
import { linkText } from '../../ui/words.tsx'
import { partOf, shortKey } from '../../view/figures.ts'

/** With the beginning of its key, because two machines may have one name. */
export const MachineName = ({ worker }: { worker: WorkerBody }) => (
  <>
    {nameOf(worker)}
    <span class="sub">
      <code>{shortKey(worker.id)}</code> · {linkText(worker)}
    </span>
  </>
)

export function MemoryMeters({ worker: { hardware } }: { worker: WorkerBody }) {
  if (hardware === undefined) return <span class="note">not known</span>
  const { ram, gpu } = hardware
  return (
    <span class="meters">
      <MemoryMeter label="RAM" total={ram.total_bytes} free={ram.free_bytes} />
      {gpu !== undefined && (
        <MemoryMeter label="VRAM" total={gpu.total_bytes} free={gpu.free_bytes} />
      )}
    </span>
  )
}

interface MemoryMeterProps {
  label: string
  total: number
  free: number
}

const MemoryMeter = ({ label, total, free }: MemoryMeterProps) => (
  <Meter label={label} used={total - free} total={total} text={partOf(total - free, total)} />
)

export function SlotsMeter({ worker }: { worker: WorkerBody }) {
  const { running, slots, waiting } = worker
  const text = `${running} of ${slots}${waiting > 0 ? `, ${waiting} waiting` : ''}`
  return <span>{text}</span>
}
