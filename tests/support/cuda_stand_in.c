/* A stand-in for ggml's CUDA back end, for machines without a card. It is not CUDA: its one device hands all
   work to the processor. It is linked to stand-ins for cudart and cublas, so that it loads only where those
   were loaded before. Structures: ggml/src/ggml-backend-impl.h of llama.cpp, API version 2.
   CUDA_STAND_IN_MODE: "wrong": it computes nothing and says that it did; "crash": the process aborts when the
   device is opened; "none": no device, as with a driver that is too old. */
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct device device;
typedef struct registry registry;
typedef struct { const char *name, *description; size_t free, total; int type; const char *id; bool flags[16]; } properties;

struct device {
    const char *(*name)(device *);
    const char *(*description)(device *);
    void (*memory)(device *, size_t *, size_t *);
    int (*type)(device *);
    void (*properties)(device *, properties *);
    void *(*init)(device *, const char *);
    void *(*buffer_type)(device *);
    void *(*host_buffer_type)(device *);
    void *(*buffer_from_host)(device *, void *, size_t, size_t);
    bool (*supports_op)(device *, const void *);
    bool (*supports_buffer_type)(device *, void *);
    bool (*offload_op)(device *, const void *);
    void *(*event_new)(device *);
    void (*event_free)(device *, void *);
    void (*event_synchronize)(device *, void *);
    registry *owner;
    void *context;
};

struct registry {
    int api_version;
    const char *(*name)(registry *);
    size_t (*count)(registry *);
    device *(*get)(registry *, size_t);
    void *(*address)(registry *, const char *);
    void *context;
};

extern device *ggml_backend_dev_by_type(int type);
extern int cudaRuntimeGetVersion(int *version);
extern int cublasGetVersion_v2(void *handle, int *version);

static int mode_is(const char *mode) {
    const char *set = getenv("CUDA_STAND_IN_MODE");
    return set && strcmp(set, mode) == 0;
}

static device *processor(void) { return ggml_backend_dev_by_type(0); }

static const char *name(device *d) { (void) d; return "CUDA0"; }
static const char *description(device *d) { (void) d; return "Stand-in GPU A"; }
static void memory(device *d, size_t *free, size_t *total) { (void) d; *free = *total = (size_t) 12 << 30; }
static int type(device *d) { (void) d; return 1; }
static void fill(device *d, properties *p) {
    (void) d;
    memset(p, 0, sizeof *p);
    p->name = "CUDA0";
    p->description = "Stand-in GPU A";
    p->free = p->total = (size_t) 12 << 30;
    p->type = 1;
    p->id = "0000:01:00.0";
}

static int compute_nothing(void *backend, void *graph) { (void) backend; (void) graph; return 0; }

static void *init(device *d, const char *parameters) {
    (void) d;
    if (mode_is("crash")) abort();
    void **backend = processor()->init(processor(), parameters);
    /* The guid, then the interface, whose thirteenth member is graph_compute. */
    if (mode_is("wrong")) backend[13] = (void *) compute_nothing;
    return backend;
}

static void *buffer_type(device *d) { (void) d; return processor()->buffer_type(processor()); }
static bool supports_op(device *d, const void *op) { (void) d; return processor()->supports_op(processor(), op); }
static bool supports_buffer_type(device *d, void *t) {
    (void) d;
    return processor()->supports_buffer_type(processor(), t);
}

static const char *registry_name(registry *r) { (void) r; return "CUDA"; }
static size_t count(registry *r) { (void) r; return mode_is("none") ? 0 : 1; }
static device *get(registry *r, size_t index);

static registry the_registry = { 2, registry_name, count, get, NULL, NULL };
static device the_device = {
    name, description, memory, type, fill, init, buffer_type, NULL, NULL, supports_op, supports_buffer_type,
    NULL, NULL, NULL, NULL, &the_registry, NULL,
};

static device *get(registry *r, size_t index) { (void) r; (void) index; return &the_device; }

registry *ggml_backend_init(void) {
    int version;
    cudaRuntimeGetVersion(&version);
    cublasGetVersion_v2(NULL, &version);
    return &the_registry;
}
