/* A stand-in for libcuda, NVIDIA's driver, for machines without one. It is not a driver: NVIDIA's own cudart asks
   it, and it has no device (CUDA_DRIVER_STAND_IN=none) or is too old (old). With a device (device) it answers
   what the back end asks of libcuda itself; cudart needs more then, and has a stand-in, too. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

enum { SUCCESS = 0, NO_DEVICE = 100, UNKNOWN = 999 };

static int is(const char *mode) {
    const char *set = getenv("CUDA_DRIVER_STAND_IN");
    return set && strcmp(set, mode) == 0;
}

static int nothing(void) { return UNKNOWN; }

int cuInit(unsigned int flags) { (void) flags; return is("none") ? NO_DEVICE : SUCCESS; }
int cuDriverGetVersion(int *version) { *version = is("old") ? 12020 : 13000; return SUCCESS; }
int cuDeviceGetCount(int *count) { *count = is("none") ? 0 : 1; return SUCCESS; }
int cuDeviceGet(int *device, int ordinal) { *device = ordinal; return SUCCESS; }
/* No virtual memory management, so that none of the calls below is made. */
int cuDeviceGetAttribute(int *value, int attribute, int device) {
    (void) attribute; (void) device;
    *value = 0;
    return SUCCESS;
}
int cuGetErrorString(int error, const char **text) { (void) error; *text = "stand-in driver"; return SUCCESS; }
int cuGetExportTable(const void **table, const void *id) { (void) id; *table = NULL; return UNKNOWN; }

int cuGetProcAddress_v2(const char *name, void **function, int version, unsigned long long flags, int *status) {
    Dl_info own;
    (void) version; (void) flags;
    dladdr((void *) cuInit, &own);
    *function = dlsym(dlopen(own.dli_fname, RTLD_LAZY | RTLD_NOLOAD), name);
    if (!strcmp(name, "cuGetProcAddress")) *function = (void *) cuGetProcAddress_v2;
    if (!*function) *function = (void *) nothing;
    if (status) *status = 0;
    return SUCCESS;
}

int cuMemAddressFree(void) { return UNKNOWN; }
int cuMemAddressReserve(void) { return UNKNOWN; }
int cuMemCreate(void) { return UNKNOWN; }
int cuMemGetAllocationGranularity(void) { return UNKNOWN; }
int cuMemMap(void) { return UNKNOWN; }
int cuMemRelease(void) { return UNKNOWN; }
int cuMemSetAccess(void) { return UNKNOWN; }
int cuMemUnmap(void) { return UNKNOWN; }
