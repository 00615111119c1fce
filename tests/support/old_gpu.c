// A Vulkan card that is too old, in place of one: the first device says that it is a graphics card, and that it
// cannot store numbers of 16 bits, without which ggml uses none. Loaded before libvulkan (LD_PRELOAD); the device
// behind it may be Mesa's lavapipe.
#include <dlfcn.h>
#include <string.h>

enum { VULKAN_1_1_FEATURES = 49, DISCRETE_GPU = 2 };

typedef void (*Function)(void);
typedef Function (*GetProcAddr)(void *, const char *);
typedef void (*Ask)(void *, void *);

// The beginning that all structures of a chain share, and the first of VkPhysicalDeviceVulkan11Features' members.
typedef struct Link { int type; struct Link *next; unsigned storage_of_16_bits; } Link;
// VkPhysicalDeviceProperties2 up to the kind of device.
typedef struct { int type; void *next; unsigned versions_and_ids[4]; int kind; } Properties;

static void *loader(const char *name) { return dlsym(dlopen("libvulkan.so.1", RTLD_NOW), name); }

static Ask real_properties;

static void properties(void *device, void *answer) {
    real_properties(device, answer);
    ((Properties *)answer)->kind = DISCRETE_GPU;
}

void vkGetPhysicalDeviceFeatures2(void *device, void *answer) {
    ((Ask)loader("vkGetPhysicalDeviceFeatures2"))(device, answer);
    for (Link *link = answer; link; link = link->next) {
        if (link->type == VULKAN_1_1_FEATURES) link->storage_of_16_bits = 0;
    }
}

Function vkGetInstanceProcAddr(void *instance, const char *name) {
    Function found = ((GetProcAddr)loader("vkGetInstanceProcAddr"))(instance, name);
    if (found && strncmp(name, "vkGetPhysicalDeviceProperties2", 30) == 0) {
        real_properties = (Ask)found;
        return (Function)properties;
    }
    return found;
}
