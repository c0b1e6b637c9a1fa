import { describe, expect, test } from "vitest";
import { openError } from "./onnx-provider.ts";

// Messages of ONNX Runtime 1.30: those of WebGPU and of fallback as seen; CUDA's by its source, `CUDA_CALL`.
const cuda = { type: "cuda", index: 1 } as const;
const webgpu = { type: "webgpu" } as const;

describe("a device that does not open", () => {
  test.each([
    {
      device: webgpu,
      message:
        "webgpu_context.cc:136 Initialize adapter_result.status == wgpu::RequestAdapterStatus::Success was " +
        "false. Failed to get a WebGPU adapter: No supported adapters",
      said: /^webgpu: expected a GPU with a driver for Vulkan .* run: sudo apt-get install libvulkan1/,
    },
    {
      device: webgpu,
      message: "Invalid argument: sessionOptions.executionProviders[0] is unsupported: 'webgpu'.",
      said: /^webgpu: this platform's ONNX Runtime has no WebGPU/,
    },
    {
      device: cuda,
      message: "OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library",
      said: /^cuda:1: expected the libraries of CUDA 12 and cuDNN 9/,
    },
    {
      device: cuda,
      message:
        "CUDA failure 101: invalid device ordinal ; GPU=1 ; hostname=h ; expr=cudaSetDevice(info_.device_id);",
      said: /^cuda:1: there is no CUDA device of this index; `nvidia-smi`/,
    },
    {
      device: cuda,
      message: "CUDA failure 100: no CUDA-capable device is detected ; GPU=-1 ; hostname=h",
      said: /^cuda:1: expected an NVIDIA GPU and a driver for CUDA 12/,
    },
    {
      device: cuda,
      message:
        "This session contains graph nodes that are assigned to the default CPU EP, but fallback to CPU EP has " +
        "been explicitly disabled by the user.",
      said: /^cuda:1: the graph has an operator that ONNX Runtime cannot compute there; use the device cpu/,
    },
    {
      device: { type: "cpu" } as const,
      message: "something new",
      said: /^cpu: ONNX Runtime refused the graph: Error: something new/,
    },
  ])("$message", ({ device, message, said }) => {
    const error = openError(device, new Error(message));
    expect(error.message).toMatch(said);
    expect(error.code).toBe("E_DEVICE");
    expect(error.cause).toEqual(new Error(message));
  });
});
