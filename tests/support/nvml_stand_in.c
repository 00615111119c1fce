/* A stand-in for NVIDIA's management library, for machines without a card. It is not NVML: it answers the
   few calls that Stillroom makes with fixed figures for two cards.
   NVML_STAND_IN_MODE: "ok"; "fail": every card answers NVML_ERROR_GPU_IS_LOST; "hang": no call returns;
   "none": a driver without cards; "poor": a card that tells its memory only.
   NVML_STAND_IN_DRIVER, NVML_STAND_IN_CAPABILITY: the driver's version and the cards' generation, such as
   "535.10" and "6.1", or "8.6,6.1" for one and the other.
   NVML_STAND_IN_PID: the process that holds 5 GiB of the first card, in both of its lists. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SUCCESS = 0, NOT_SUPPORTED = 3, INSUFFICIENT_SIZE = 7, GPU_IS_LOST = 15, UNKNOWN = 999 };

typedef struct { unsigned long long total, free, used; } memory_t;
typedef struct { unsigned int gpu, memory; } utilisation_t;
typedef struct { unsigned int pid; unsigned long long used; unsigned int gpu_instance, compute_instance; } process_t;

static char cards[2];

static int mode_is(const char *mode) {
    const char *set = getenv("NVML_STAND_IN_MODE");
    return set && strcmp(set, mode) == 0;
}

static int answer(void) {
    while (mode_is("hang")) pause();
    return mode_is("fail") ? GPU_IS_LOST : SUCCESS;
}

static int detail(void) { return mode_is("poor") ? NOT_SUPPORTED : answer(); }

static int second(void *card) { return card == &cards[1]; }

int nvmlInitWithFlags(unsigned int flags) { (void) flags; while (mode_is("hang")) pause(); return SUCCESS; }
int nvmlDeviceGetCount_v2(unsigned int *count) { *count = mode_is("none") ? 0 : 2; return SUCCESS; }
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **card) { *card = &cards[index]; return SUCCESS; }

int nvmlDeviceGetName(void *card, char *name, unsigned int length) {
    strncpy(name, second(card) ? "Stand-in GPU B" : "Stand-in GPU A", length);
    return SUCCESS;
}

int nvmlDeviceGetUUID(void *card, char *uuid, unsigned int length) {
    strncpy(uuid, second(card) ? "GPU-stand-in-b" : "GPU-stand-in-a", length);
    return SUCCESS;
}

int nvmlShutdown(void) { return SUCCESS; }

int nvmlSystemGetDriverVersion(char *version, unsigned int length) {
    const char *set = getenv("NVML_STAND_IN_DRIVER");
    strncpy(version, set ? set : "580.00.stand-in", length);
    return SUCCESS;
}

int nvmlDeviceGetCudaComputeCapability(void *card, int *major, int *minor) {
    const char *set = getenv("NVML_STAND_IN_CAPABILITY");
    if (set && second(card) && strlen(set) >= 7) set += 4;
    *major = set ? set[0] - '0' : 8;
    *minor = set ? set[2] - '0' : 6;
    return detail();
}

int nvmlDeviceGetMemoryInfo(void *card, memory_t *memory) {
    memory->total = 12ULL << 30;
    memory->used = second(card) ? 1ULL << 30 : 6ULL << 30;
    memory->free = memory->total - memory->used;
    return answer();
}

int nvmlDeviceGetUtilizationRates(void *card, utilisation_t *use) {
    use->gpu = second(card) ? 0 : 87;
    use->memory = 40;
    return detail();
}

int nvmlDeviceGetTemperature(void *card, int sensor, unsigned int *celsius) {
    (void) sensor;
    *celsius = second(card) ? 35 : 64;
    return detail();
}

int nvmlDeviceGetPowerUsage(void *card, unsigned int *milliwatts) {
    *milliwatts = second(card) ? 15000 : 142500;
    return detail();
}

/* Counts up by a joule with each question. */
int nvmlDeviceGetTotalEnergyConsumption(void *card, unsigned long long *millijoules) {
    static unsigned long long spent = 5000000;
    (void) card;
    *millijoules = spent += 1000;
    return detail();
}

int nvmlDeviceGetMaxClockInfo(void *card, int kind, unsigned int *mhz) {
    (void) card;
    *mhz = kind == 2 ? 7501 : 1900;
    return detail();
}

int nvmlDeviceGetMemoryBusWidth(void *card, unsigned int *bits) { (void) card; *bits = 192; return detail(); }

int nvmlDeviceGetMaxPcieLinkGeneration(void *card, unsigned int *generation) {
    (void) card;
    *generation = 4;
    return detail();
}

int nvmlDeviceGetMaxPcieLinkWidth(void *card, unsigned int *width) { (void) card; *width = 16; return detail(); }

/* Bit 0x4 is the power cap, which is no throttling; 0x40 is the heat. */
int nvmlDeviceGetCurrentClocksThrottleReasons(void *card, unsigned long long *reasons) {
    *reasons = second(card) ? 0x44 : 0x4;
    return detail();
}

int nvmlDeviceGetComputeRunningProcesses_v3(void *card, unsigned int *count, process_t *processes) {
    const char *pid = getenv("NVML_STAND_IN_PID");
    unsigned int have = second(card) || !pid ? 0 : 2;
    if (detail() != SUCCESS) return detail();
    if (*count < have) { *count = have; return INSUFFICIENT_SIZE; }
    *count = have;
    if (have) {
        processes[0] = (process_t) { (unsigned int) atoi(pid), 5ULL << 30, 0, 0 };
        processes[1] = (process_t) { 1, 1ULL << 29, 0, 0 };
    }
    return SUCCESS;
}

int nvmlDeviceGetGraphicsRunningProcesses_v3(void *card, unsigned int *count, process_t *processes) {
    return nvmlDeviceGetComputeRunningProcesses_v3(card, count, processes);
}

const char *nvmlErrorString(int code) {
    return code == GPU_IS_LOST ? "GPU is lost (stand-in)" : code == SUCCESS ? "Success" : "Unknown error (stand-in)";
}
