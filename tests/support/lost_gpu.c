// A Vulkan card that is lost on command, in place of pulling one out: every submission of work fails with
// VK_ERROR_DEVICE_LOST once the file named by LOST_GPU_WHEN exists. Loaded before libvulkan (LD_PRELOAD), it
// answers for vkGetInstanceProcAddr and vkGetDeviceProcAddr, through which ggml gets all its functions.
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef void (*Function)(void);
typedef Function (*GetProcAddr)(void *, const char *);
typedef int (*QueueSubmit)(void *, unsigned, const void *, void *);

static GetProcAddr real_device;
static QueueSubmit real_submit;

static int submit(void *queue, unsigned count, const void *submits, void *fence) {
    const char *when = getenv("LOST_GPU_WHEN");
    return when && access(when, F_OK) == 0 ? -4 : real_submit(queue, count, submits, fence);
}

static Function device_function(void *device, const char *name) {
    Function found = real_device(device, name);
    if (found && strcmp(name, "vkQueueSubmit") == 0) {
        real_submit = (QueueSubmit)found;
        return (Function)submit;
    }
    return found;
}

Function vkGetInstanceProcAddr(void *instance, const char *name) {
    static GetProcAddr real;
    if (!real) real = (GetProcAddr)dlsym(dlopen("libvulkan.so.1", RTLD_NOW), "vkGetInstanceProcAddr");
    Function found = real(instance, name);
    if (found && strcmp(name, "vkGetDeviceProcAddr") == 0) {
        real_device = (GetProcAddr)found;
        return (Function)device_function;
    }
    if (found && strcmp(name, "vkQueueSubmit") == 0) {
        real_submit = (QueueSubmit)found;
        return (Function)submit;
    }
    return found;
}
