/** Line icons on a grid of 20; all decorative, so the control around one carries the name. */
const PATHS = {
  plus: 'M10 4v12M4 10h12',
  send: 'M10 16V4m0 0L5 9m5-5 5 5',
  stop: 'M6 6h8v8H6z',
  copy: 'M7 7V4.5A1.5 1.5 0 0 1 8.5 3h7A1.5 1.5 0 0 1 17 4.500v7a1.5 1.5 0 0 1-1.5 1.500H13M4.5 7h7A1.5 1.5 0 0 1 13 8.500v7a1.5 1.5 0 0 1-1.5 1.500h-7A1.5 1.5 0 0 1 3 15.500v-7A1.5 1.5 0 0 1 4.5 7z',
  check: 'm4 10.5 4 4 8-9',
  retry: 'M4 10a6 6 0 1 0 2-4.500M4 3.500V7h3.5',
  edit: 'm4 16 .7-3.200L13 4.500a1.6 1.6 0 0 1 2.3 0l.2.2a1.6 1.6 0 0 1 0 2.300L7.2 15.300z',
  left: 'm12 5-5 5 5 5',
  right: 'm8 5 5 5-5 5',
  down: 'm5 8 5 5 5-5',
  menu: 'M3 6h14M3 10h14M3 14h14',
  close: 'm5 5 10 10M15 5 5 15',
  sliders: 'M3 6h8m4 0h2M3 14h2m4 0h8M13 4v4M7 12v4',
  trash: 'M4 6h12M8 6V4h4v2m-6.5 0 .7 10h7.600l.7-10',
  download: 'M10 3v9m0 0 3.5-3.500M10 12 6.5 8.500M4 16h12',
  upload: 'M10 12V3m0 0L6.5 6.500M10 3l3.500 3.500M4 16h12',
  sun: 'M10 6.500a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM10 2v1.500m0 13V18M2 10h1.500m13 0H18M4.3 4.300l1.1 1.100m9.2 9.2 1.1 1.100m0-11.4-1.1 1.100m-9.2 9.2-1.1 1.1',
  moon: 'M16.5 11.800A7 7 0 0 1 8.2 3.500a7 7 0 1 0 8.3 8.300z',
  system: 'M3 4.500h14v9H3zM7 17h6',
  keyboard:
    'M2.5 5.500h15v9h-15zM5.5 8.500h.01M8.5 8.500h.01M11.5 8.500h.01M14.5 8.500h.01M6.5 11.500h7',
  key: 'M7 9a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM9.800 10.200 17 3m-3.500 3.500L16 9',
  pulse: 'M2 10.500h3.500l2.500-6 4 11 2.500-5H18',
  machine: 'M3 4h14v8.500H3zM7 16.500h6M10 12.500v4',
  model: 'm10 2.500 7 3.800v7.400l-7 3.800-7-3.800V6.300zM3 6.300l7 3.900 7-3.900M10 10.200v7.300',
  list: 'M7 5h10M7 10h10M7 15h10M3.500 5h.01M3.500 10h.01M3.500 15h.01',
  queue: 'M4 4v12M8.500 4v12M13 7v6M17 9v2',
  graph:
    'M5 7.500a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM15 7.500a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM10 16.500a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM6 7.300l3 5.400M14 7.300l-3 5.400',
  chart: 'M3 17h14M5 14v-4M10 14V5M15 14V8',
  book: 'M4 4.500A1.500 1.500 0 0 1 5.500 3H16v14H5.500A1.500 1.500 0 0 1 4 15.500zM4 15.500A1.500 1.500 0 0 1 5.500 14H16M8 7h5',
  chat: 'M3 4.500h14v9H9l-4 3v-3H3z',
  code: 'm7 5-5 5 5 5M13 5l5 5-5 5',
  play: 'M6 4.500v11l9.500-5.500z',
  pause: 'M7 5v10M13 5v10',
  alert: 'M10 3.5 2.5 16.500h15zM10 8.500v3.500m0 2.200v.1'
} as const
export type IconName = keyof typeof PATHS

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  )
}

/** The sign of HAIF: three machines that are one. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <path d="M8 9h16L16 24z" />
      <circle cx="8" cy="9" r="4" />
      <circle cx="24" cy="9" r="4" />
      <circle cx="16" cy="24" r="4" />
    </svg>
  )
}
