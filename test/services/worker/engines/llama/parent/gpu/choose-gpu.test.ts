/**
 * The choice of a device, with backends that fail as real ones did: what they wrote was recorded on
 * an H200 with driver 580, and on a machine without a GPU.
 */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Inspection } from '../../../../../../../services/worker/engines/llama/inspection.ts'
import { chooseGpu } from '../../../../../../../services/worker/engines/llama/parent/gpu/choose-gpu.ts'
import { gpuFault } from '../../../../../../../services/worker/engines/llama/parent/gpu/gpu-faults.ts'
import {
  deviceEnv,
  type GpuSetting
} from '../../../../../../../services/worker/engines/llama/parent/gpu/gpu-setting.ts'
import {
  nvidiaGpus,
  parseGpus,
  parseProcesses
} from '../../../../../../../services/worker/engines/llama/parent/gpu/nvidia.ts'
import { InspectFailed } from '../../../../../../../services/worker/engines/llama/parent/inspect.ts'

const H200 = parseGpus('0, NVIDIA H200, 580.159.04, 143771, 143254\n')
const TWO = parseGpus('0, NVIDIA L4, 590.44, 23034, 22000\n1, NVIDIA L4, 590.44, 23034, 23000\n')

const SAID = {
  toolchain:
    'the process that looked at it died (SIGABRT)\n' +
    'CUDA error: the provided PTX was compiled with an unsupported toolchain.\n' +
    '  current device: 0, in function ggml_cuda_mul_mat_q at ggml-cuda/mmq.cu:140\n' +
    'ggml/src/ggml-cuda/ggml-cuda.cu:98: CUDA error\n',
  runtime:
    'linux-x64-cuda: libcublas.so.13: cannot open shared object file: No such file or directory',
  loader:
    'linux-x64-vulkan: libvulkan.so.1: cannot open shared object file: No such file or directory',
  full: 'ggml_backend_cuda_buffer_type_alloc_buffer: allocating 1.02 MiB on device 0: cudaMalloc failed: out of memory\n',
  old: 'CUDA error: CUDA driver version is insufficient for CUDA runtime version\n'
}

/** A machine on which each backend runs, or dies with what it wrote. */
function machine(backends: Record<string, string>, gpus = H200) {
  const tried: string[] = []
  const deps = {
    mayHaveGpu: () => true,
    nvidiaGpus: async () => gpus,
    platform: 'linux' as const,
    async tryBackend(backend: string): Promise<Inspection> {
      tried.push(backend)
      const outcome = backends[backend] ?? 'NoBinaryFoundError'
      if (outcome !== 'runs') throw new InspectFailed('it died', outcome)
      const names = gpus.map(({ name }) => name)
      return { version: 'v', gpu: { backend, names, totalBytes: 2e9, freeBytes: 1e9 } }
    }
  }
  return { tried, choose: (setting: GpuSetting = {}) => chooseGpu(setting, deps) }
}

suite('the choice of a GPU', () => {
  test('CUDA that decodes a token is taken, and nothing else is tried', async () => {
    const { choose, tried } = machine({ cuda: 'runs', vulkan: 'runs' })
    const { setting, note, isFallback } = await choose()
    assert.deepEqual([setting, note, isFallback], [{ gpu: 'cuda' }, 'NVIDIA H200, CUDA', false])
    assert.deepEqual(tried, ['cuda'])
  })

  test('CUDA code that the driver does not take: Vulkan, and why', async () => {
    const { setting, note, isFallback } = await machine({
      cuda: SAID.toolchain,
      vulkan: 'runs'
    }).choose()
    assert.deepEqual([setting.gpu, isFallback], ['vulkan', true])
    const why = "this engine's CUDA code needs driver 590 or newer"
    assert.equal(note, `NVIDIA H200, driver 580: ${why}; using Vulkan`)
  })

  test('neither CUDA nor Vulkan: the CPU, with both reasons', async () => {
    const { choose, tried } = machine({ cuda: SAID.runtime, vulkan: SAID.loader })
    const { setting, gpu, note } = await choose()
    assert.deepEqual([setting.gpu, gpu, tried], [false, null, ['cuda', 'vulkan']])
    assert.equal(
      note,
      "NVIDIA H200, driver 580: libcublas.so.13 is missing: install CUDA 13's runtime (packages " +
        "cuda-cudart-13-0 and libcublas-13-0 of NVIDIA's repository); " +
        'Vulkan: libvulkan.so.1 is missing; using the CPU'
    )
  })

  test('a card that others have filled is told with what is free', async () => {
    const full = parseGpus('0, NVIDIA H200, 590.44, 143771, 120\n')
    const { note } = await machine({ cuda: SAID.full, vulkan: SAID.full }, full).choose()
    assert.match(note!, /its memory is taken \(0\.126 GB of 151 GB free\)/)
  })

  test('a GPU that is not there is refused with those that are', async () => {
    const { choose, tried } = machine({ cuda: 'runs' }, TWO)
    await assert.rejects(choose({ gpuDevices: [0, 7] }), {
      code: 'CONFIG_INVALID',
      message: 'there is no GPU 7: this machine has 0 (NVIDIA L4), 1 (NVIDIA L4)'
    })
    assert.deepEqual(tried, [])
    assert.equal((await choose({ gpuDevices: [0, 1] })).setting.gpu, 'cuda')
  })

  test('a device or a backend that was asked for is not replaced by another one', async () => {
    const { choose } = machine({ cuda: SAID.old, vulkan: 'runs' })
    await assert.rejects(choose({ gpu: 'cuda' }), {
      code: 'CONFIG_INVALID',
      message: /--gpu cuda cannot be used: .*580\.159\.04 .*CUDA 13 needs driver 580 or newer/
    })
    assert.equal((await choose({ gpuDevices: [0] })).setting.gpu, 'vulkan')
  })

  test('without a sign of a GPU nothing is tried, and nothing said', async () => {
    const untouched = () => assert.fail('it was asked')
    const deps = {
      mayHaveGpu: () => false,
      nvidiaGpus: untouched,
      tryBackend: untouched,
      platform: 'linux' as const
    }
    const { setting, note } = await chooseGpu({}, deps)
    assert.deepEqual([setting.gpu, note], [false, null])
    await assert.rejects(chooseGpu({ gpuDevices: [0] }, deps), { code: 'CONFIG_INVALID' })
    const { note: alsoNone } = await machine({ vulkan: SAID.loader }, []).choose()
    assert.equal(alsoNone, null, 'a screen without a GPU is no fault')
  })
})

suite("NVIDIA's own program", () => {
  test('is found where containers have it, and is no fault where it is not', async () => {
    const gpus = await nvidiaGpus(async (program) => {
      if (!program.startsWith('/usr/local')) throw new Error('ENOENT')
      return '0, NVIDIA H200, 580.159.04, 143771, 143254\n'
    })
    assert.deepEqual(gpus, H200)
    assert.deepEqual(await nvidiaGpus(() => Promise.reject(new Error('ENOENT'))), [])
  })

  test('tells the memory of each process, on all cards together', () => {
    const bytes = parseProcesses('4711, 2420\n12, 704\n4711, 100\n[N/A], 5\n')
    assert.deepEqual(bytes, [
      { pid: 4711, bytes: 2520 * 1024 ** 2 },
      { pid: 12, bytes: 704 * 1024 ** 2 }
    ])
    assert.equal(parseGpus('0, NVIDIA GB10, 580.1, [N/A], [N/A]\n')[0]?.totalBytes, 0)
    assert.deepEqual(parseGpus('No devices were found\n'), [])
  })
})

test('the environment of a process names its devices and the cache of kernels', () => {
  const env = deviceEnv({ gpuDevices: [0, 1], kernelCache: '/k' })
  assert.deepEqual([env['CUDA_VISIBLE_DEVICES'], env['GGML_VK_VISIBLE_DEVICES']], ['0,1', '0,1'])
  assert.deepEqual([env['CUDA_CACHE_PATH'], env['CUDA_CACHE_MAXSIZE']], ['/k', String(4 * 2 ** 30)])
  assert.equal(deviceEnv({})['CUDA_VISIBLE_DEVICES'], process.env['CUDA_VISIBLE_DEVICES'])
})

test('what is no fault of a GPU is not called one', () => {
  assert.equal(gpuFault('ggml-cuda.cu:98: CUDA error', TWO), 'its CUDA code failed on this card')
  assert.match(gpuFault('ggml-cuda.cu:98: CUDA error', H200)!, /needs driver 590 or newer/)
  assert.equal(gpuFault('unknown model architecture: mamba9'), null)
})
