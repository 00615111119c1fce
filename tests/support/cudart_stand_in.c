/* A stand-in for NVIDIA's cudart with one card of 8 GB whose memory is the computer's, and on which no kernel
   starts: each launch answers that there is none for this card. It is not cudart. The test adds the remaining
   functions that the back end calls; they answer success and do nothing. */
#include <cuda_runtime_api.h>
#include <stdlib.h>
#include <string.h>

static cudaError_t last = cudaSuccess;
static char handle;

static cudaError_t refuse(void) { return last = cudaErrorNoKernelImageForDevice; }

cudaError_t cudaGetDeviceCount(int *count) { *count = 1; return cudaSuccess; }
cudaError_t cudaGetDevice(int *device) { *device = 0; return cudaSuccess; }
cudaError_t cudaGetLastError(void) { cudaError_t error = last; last = cudaSuccess; return error; }
cudaError_t cudaPeekAtLastError(void) { return last; }
const char *cudaGetErrorString(cudaError_t error) {
    return error == cudaErrorNoKernelImageForDevice ? "no kernel image is available for execution on the device"
                                                    : "stand-in error";
}

#undef cudaGetDeviceProperties
cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *properties, int device) {
    (void) device;
    memset(properties, 0, sizeof *properties);
    strcpy(properties->name, "Stand-in GPU A");
    properties->totalGlobalMem = (size_t) 8 << 30;
    properties->major = 8;
    properties->minor = 6;
    properties->multiProcessorCount = 28;
    properties->warpSize = 32;
    properties->sharedMemPerBlock = 48 << 10;
    properties->sharedMemPerBlockOptin = 100 << 10;
    return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t *available, size_t *total) {
    *total = (size_t) 8 << 30;
    *available = (size_t) 7 << 30;
    return cudaSuccess;
}

cudaError_t cudaDeviceGetPCIBusId(char *address, int length, int device) {
    (void) device;
    strncpy(address, "0000:01:00.0", length);
    return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr attribute, int device) {
    (void) attribute; (void) device;
    *value = 0;
    return cudaSuccess;
}

cudaError_t cudaMalloc(void **memory, size_t size) { *memory = malloc(size); return cudaSuccess; }
cudaError_t cudaFree(void *memory) { free(memory); return cudaSuccess; }
cudaError_t cudaMallocHost(void **memory, size_t size) { *memory = malloc(size); return cudaSuccess; }
cudaError_t cudaFreeHost(void *memory) { free(memory); return cudaSuccess; }
cudaError_t cudaMemset(void *memory, int value, size_t size) { memset(memory, value, size); return cudaSuccess; }
cudaError_t cudaMemsetAsync(void *memory, int value, size_t size, cudaStream_t stream) {
    (void) stream;
    memset(memory, value, size);
    return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t size, enum cudaMemcpyKind kind, cudaStream_t stream) {
    (void) kind; (void) stream;
    memcpy(to, from, size);
    return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned int flags) {
    (void) flags;
    *stream = (cudaStream_t) &handle;
    return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned int flags) {
    (void) flags;
    *event = (cudaEvent_t) &handle;
    return cudaSuccess;
}
cudaError_t cudaStreamIsCapturing(cudaStream_t stream, enum cudaStreamCaptureStatus *status) {
    (void) stream;
    *status = cudaStreamCaptureStatusNone;
    return cudaSuccess;
}
cudaError_t cudaFuncGetAttributes(struct cudaFuncAttributes *attributes, const void *function) {
    (void) function;
    memset(attributes, 0, sizeof *attributes);
    return cudaSuccess;
}

void **__cudaRegisterFatBinary(void *binary) { (void) binary; return (void **) &handle; }
int __cudaGetKernel(void **kernel, const void *function) { (void) function; *kernel = &handle; return 0; }
cudaError_t __cudaLaunchKernel(void) { return refuse(); }
#undef cudaLaunchKernelExC
cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t *config, const void *function, void **arguments) {
    (void) config; (void) function; (void) arguments;
    return refuse();
}
